"""Carries an erasure out, as often as it takes: a killed one is taken up where the record says that it stopped.

Each place is recorded before it is rewritten. It is done only once a look through everything finds nothing: what was
written meanwhile by a training or a server is found by the next look. From the moment it was asked for no ingest lets
such rows in, so that the looks come to an end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.governance.erasing import contents
from engine.governance.erasing.contents import Contents
from engine.governance.erasing.logs import Logs
from engine.governance.erasing.places import Place, holding
from engine.governance.erasing.staged import restage
from engine.model_io.persons import Persons, key_of
from engine.model_io.rows import zone_of
from engine.monitoring.collect import collect
from engine.monitoring.layout import alone
from engine.settings.apply import current_settings
from engine.settings.data import DataSettings
from store import erasures, models, snapshots
from store.erasures import Standing
from store.errors import CorruptArtifact, Refused, WorkFailed

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.database import Fence
    from store.rows import Erasure

MOST_LOOKS = 10
SEGMENT_WAIT_S = 45.0  # a server closes a segment after 30 s
LOOK_S = 1.0

Say = Callable[[float, str], None]


def look(deck: Deck, standing: Standing) -> list[Place]:
    """Return every place that holds rows of the person, model by model; nothing is changed.

    Raises:
        WorkFailed: something cannot be read, so that nothing can be said of it.
    """
    people = _people(deck, standing)
    found: list[Place] = []
    for model in standing.models:
        try:
            found += Contents(deck, model, people).look()
        except CorruptArtifact as error:
            raise contents.unreadable(error) from error
        found += Logs(deck, model, people).look()
    return found


def seen(deck: Deck, sought: Mapping[str, Sequence[str]], key_id: str) -> dict[str, Any]:
    """Look through every model and return `{"places": [...], "open": rows in segments that servers write to}`."""
    tokens = {column: tuple(each) for column, each in sought.items()}
    standing = Standing("", tokens, key_id, tuple(models.names(deck.database)), None)
    people = _people(deck, standing)
    waiting = sum(Logs(deck, model, people).in_open_segments() for model in standing.models)
    return {"places": [asdict(place) for place in look(deck, standing)], "open": waiting}


def run(
    deck: Deck,
    erasure: str,
    *,
    actor: str,
    fence: Fence | None = None,
    say: Say = lambda _fraction, _text: None,
    reached: Callable[[str], None] = lambda _: None,
) -> Erasure:
    """Erase until nothing is found; `reached` is told each point after which a kill must do no harm.

    Raises:
        WorkFailed: something cannot be read, or is written again and again; the same erasure again goes on.
        StorageUnwritable: the disk is full or read-only; likewise.
    """
    standing = next((one for one in erasures.standing(deck.database) if one.id == erasure), None)
    if standing is None:
        raise Refused(f"erasure {erasure[:12]} was lifted", "ask for another")
    with alone(deck.workspace.state, "erase.lock"):
        return _Run(deck, standing, actor, fence, say, reached).to_the_end()


@dataclass(slots=True)
class _Run:
    deck: Deck
    standing: Standing
    actor: str
    fence: Fence | None
    say: Say
    reached: Callable[[str], None]

    def to_the_end(self) -> Erasure:
        for number in range(MOST_LOOKS):
            self._sweep()
            self.say(min(0.1 + number / MOST_LOOKS, 0.9), "looking through snapshots, logs and outcomes")
            collect(self.deck)
            found = look(self.deck, self.standing)
            if not found and not self._waiting():
                return self._finished()
            self._erase(found)
        raise WorkFailed(
            f"rows of erasure {self.standing.id[:12]} are written again as fast as they are erased",
            "stop asking about this person, then erase once more",
        )

    def _erase(self, found: list[Place]) -> None:
        told = sum(place.rows for place in holding(found))
        with self.deck.database.write(self.fence) as tx:
            erasures.found(tx, self.standing.id, ((one.kind, one.model, one.name, one.rows) for one in found))
        self.reached("found")
        self.say(0.3, f"erasing {told} rows in {len(found)} {'place' if len(found) == 1 else 'places'}")
        people = _people(self.deck, self.standing)
        steps = {"golden": self._golden, "snapshot": self._snapshot, "quarantine": self._rejected}
        for kind, step in steps.items():
            for place in (one for one in found if one.kind == kind):
                step(place, people)
                self.reached(kind)
        self._segments()
        for model in self.standing.models:
            logs = Logs(self.deck, model, people)
            logs.erase([one for one in found if one.model == model])
            for path in logs.references():
                path.unlink(missing_ok=True)
            self.reached("logs")

    def _golden(self, place: Place, people: Persons) -> None:
        contents.erase_golden(self.deck, self.standing.id, place, people, self.fence)

    def _snapshot(self, place: Place, people: Persons) -> None:
        settings, revision = current_settings(self.deck)
        model = settings.models.get(place.model)
        every = {str(column["name"]) for column in snapshots.snapshot(self.deck.database, place.name).columns}
        data = model.data if model else DataSettings(source="", target="", personal=tuple(sorted(every)))
        zone = zone_of(self.deck.database, revision)
        contents.erase_snapshot(self.deck, self.standing.id, place, people, data, zone, self.fence)

    def _rejected(self, place: Place, people: Persons) -> None:
        contents.erase_rejected(self.deck, self.standing.id, place, people, self.fence)

    def _segments(self) -> None:
        """Replace the segments that held rows, once no snapshot is made of them any more."""
        contents.replace_segments(self.deck, self.standing.id, self.fence)

    def _sweep(self) -> None:
        contents.remove_bytes(self.deck, lambda text: self.say(0.1, text))
        restage(self.deck, erasures.items(self.deck.database, self.standing.id))
        self.reached("swept")

    def _waiting(self) -> int:
        """Wait until servers have closed the segments that hold such rows, and return how many rows there still are."""
        people = _people(self.deck, self.standing)
        until = time.monotonic() + SEGMENT_WAIT_S
        while True:
            rows = sum(Logs(self.deck, model, people).in_open_segments() for model in self.standing.models)
            if not rows or time.monotonic() > until:
                return rows
            self.say(0.9, f"{rows} rows lie in a log that a server writes to; it is closed within 30 s")
            time.sleep(LOOK_S)
            if not sum(Logs(self.deck, model, people).in_open_segments() for model in self.standing.models):
                return rows  # closed now: to be collected and looked at

    def _finished(self) -> Erasure:
        with self.deck.database.write(self.fence) as tx:
            done = erasures.finish(tx, self.standing.id, self.actor)
        self.reached("done")
        self.say(1.0, f"{done.rows} rows erased")
        return done


def _people(deck: Deck, standing: Standing) -> Persons:
    key = key_of(deck)
    if key.id != standing.key_id:
        raise WorkFailed(
            f"whom erasure {standing.id[:12]} is about cannot be told: its log key {standing.key_id} is not here",
            "restore .modeldeck/keys/log from a backup made --with-keys",
        )
    return Persons(key, [standing.sought])
