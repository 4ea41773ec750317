"""Golden requests of a version that are a person's rows, and what stands in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.model_io.load import load_version
from engine.model_io.rows import read_snapshot
from engine.serving.contract import Signature
from store import blobs, settings
from store.errors import WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from engine.model_io.persons import Persons
    from store.rows import Version


@dataclass(frozen=True, slots=True)
class Requests:
    """Recorded golden requests, and which of them are the person's, by place."""

    recorded: dict[str, Any]
    theirs: frozenset[int]

    def kept(self, deck: Deck, version: Version, people: Persons) -> dict[str, Any]:
        """Return the requests of others with their answers; where none is left, as many of other rows, asked anew."""
        others = [place for place in range(len(self.recorded["requests"])) if place not in self.theirs]
        if others:
            parts = {part: [self.recorded[part][place] for place in others] for part in ("requests", "answers")}
            return {**self.recorded, **parts}
        return _asked_anew(deck, version, self.recorded, people)


class Tables:
    """The rows of snapshots, the last one kept: versions of one snapshot are looked at one after another."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._last: tuple[str, pa.Table | None] = ("", None)

    def of(self, snapshot_id: str) -> pa.Table | None:
        """Return a snapshot's rows; None where they are gone, collected or erased, so that nobody's are there.

        Raises:
            CorruptArtifact: they are to be there, and are missing or damaged.
        """
        name = blobs.current(self._deck.database, snapshot_id)
        if name != self._last[0]:
            known = blobs.kind_of(self._deck.database, name) is not None
            self._last = (name, read_snapshot(self._deck, name) if known else None)
        return self._last[1]


def without_person(deck: Deck, version: Version, recorded: dict[str, Any], people: Persons, tables: Tables) -> Requests:
    """Tell the requests apart.

    A request is the person's where a sought column says so. Of personal columns golden requests hold made-up values:
    there it is theirs where its other values are those of a row of theirs and of nobody else's.
    """
    requests = recorded["requests"]
    plain = {place for place, request in enumerate(requests) if people.is_of(request)}
    made_up = _personal(deck, version)
    asked = {name for request in requests for name in request}
    if not requests or not (set(people.tokens) - (asked - made_up)):
        return Requests(recorded, frozenset(plain))
    table = tables.of(version.snapshot_id)
    mine = people.rows_in(table) if table is not None else None
    if table is None or mine is None or not mine.any():
        return Requests(recorded, frozenset(plain))
    return Requests(recorded, frozenset(plain | _same_rows(table, mine, version, requests, made_up)))


def _same_rows(
    table: pa.Table, mine: Any, version: Version, requests: list[dict[str, Any]], made_up: set[str]
) -> set[int]:
    import numpy as np
    import pyarrow as pa

    from engine.serving.frames import records

    signature = Signature.from_json(version.signature)
    names = [one.name for one in signature.inputs if one.name in table.column_names and one.name not in made_up]
    if not names or len(names) < len([one for one in signature.inputs if one.name not in made_up]):
        return set()  # inputs that are made from rows elsewhere: nothing can be told by them
    rows = np.flatnonzero(mine)
    theirs = records(table.take(pa.array(rows)).to_pandas(), signature)
    known: dict[tuple[Any, ...], int] = {}
    for row, record in zip(rows.tolist(), theirs, strict=True):
        known.setdefault(tuple(record[name] for name in names), row)
    found = set()
    for place, request in enumerate(requests):
        like = known.get(tuple(request.get(name) for name in names))
        if like is not None and not (_alike(table, like, names) & ~mine).any():
            found.add(place)
    return found


def _alike(table: pa.Table, row: int, names: list[str]) -> Any:
    import numpy as np
    import pyarrow.compute as pc

    alike = np.ones(table.num_rows, dtype=bool)
    for name in names:
        column = table.column(name)
        value = column[row]
        same = pc.fill_null(pc.equal(column, value), False) if value.is_valid else pc.is_null(column)
        alike &= np.asarray(same.combine_chunks())
    return alike


def _asked_anew(deck: Deck, version: Version, recorded: dict[str, Any], people: Persons) -> dict[str, Any]:
    """Ask the version itself about rows of others; personal columns keep the values that were made up.

    Raises:
        WorkFailed: the snapshot holds nobody else's rows.
    """
    import pyarrow as pa

    from engine.serving import golden

    table = read_snapshot(deck, version.snapshot_id)
    table = table.filter(pa.array(~people.rows_in(table)))
    count = len(recorded["requests"])
    if not table.num_rows:
        raise WorkFailed(
            f"{version.model}@{version.number} knows no other rows to be proven by",
            f"delete it first: modeldeck versions delete {version.model} {version.number}",
        )
    predictor = load_version(deck, version)
    made = golden.make(predictor, table.to_pandas(), count)
    for place, request in enumerate(made["requests"]):
        before = recorded["requests"][place]
        request.update({name: before[name] for name in _personal(deck, version) if name in before})
    return {**made, "answers": predictor.predict(made["requests"])}


def _personal(deck: Deck, version: Version) -> set[str]:
    """Return what was personal when the version was made."""
    body = settings.get(deck.database, version.settings_revision).body
    return set(body["models"].get(version.model, {}).get("data", {}).get("personal", ()))
