"""Lets go of what was kept for as long as the settings say: logs by day, outcomes by delivery.

What stays whatever they say: everything while a hold stands; of a model whose release runs everything; of the log what
the model's own windows still look at. The registry is told first, with what goes; then the files go. A kill in between
leaves files that the next time removes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from engine.keeping.gc import REMOVED, collect
from engine.monitoring.layout import alone, endpoint_folder
from engine.settings.apply import current_settings
from store import access_log, events
from store.ids import earliest_id
from store.rows import EPOCH

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import DeckSettings, ModelSettings
    from store.database import Reader

DAY_US = 86_400_000_000
DECK = ""  # whose kinds are the deck's own


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of one model, or of the deck: how long it is kept, what is due, and why nothing of it goes."""

    model: str
    kind: str  # predictions, attributions, outcomes, access log, unneeded
    keep_s: float | None
    before_us: int | None  # what is older goes
    due: tuple[Path, ...]
    due_bytes: int
    held: str


def look(deck: Deck) -> list[Kept]:
    """Return every kind with what is due now, models by name, then the deck's own.

    Raises:
        Refused: nothing is applied yet.
    """
    settings, _ = current_settings(deck)
    found = [one for name in sorted(settings.models) for one in _of_model(deck, settings, settings.models[name])]
    return [*found, _access_log(deck, settings), _unneeded(settings)]


def run(
    deck: Deck, *, actor: str, via: str | None = None, reached: Callable[[str], None] = lambda _: None
) -> list[Kept]:
    """Remove what is due, and return everything looked at.

    Raises:
        StorageUnwritable: the disk is full or read-only; what was said to go may lie there until the next time.
    """
    workspace = deck.workspace
    with ExitStack() as locks:
        locks.enter_context(alone(workspace.predictions, "collect.lock"))  # a backup copies what is whole
        found = look(deck)
        due = [one for one in found if one.due]
        if due:
            settings, _ = current_settings(deck)
            with deck.database.write() as tx:
                due = [one for one in due if not (one.model and _held(tx, settings, settings.models[one.model]))]
                body = {_named(one): {"files": len(one.due), "bytes": one.due_bytes} for one in due}
                if due:
                    events.append(
                        tx,
                        actor=actor,
                        via=via,
                        action="retention.removed",
                        subject_kind="deck",
                        subject_id="retention",
                        body=body,
                    )
            reached("recorded")
        for one in due:
            if one.kind == "outcomes":
                locks.enter_context(alone(workspace.outcomes / one.model, "record.lock"))
            for path in one.due:
                _remove(path)
                reached("removed")
    unneeded = next((one for one in found if one.kind == "unneeded" and one.keep_s is not None and not one.held), None)
    if unneeded is not None and unneeded.keep_s is not None:
        collect(deck, unneeded.keep_s, dry_run=False, actor=actor, via=via)
    return found


def unneeded_now(deck: Deck, keep_s: float, actor: str) -> tuple[int, int]:
    """Return how many things `gc` would remove under this grace, and their bytes."""
    gone = [one for one in collect(deck, keep_s, dry_run=True, actor=actor) if one.verdict == REMOVED]
    return len(gone), sum(one.size_bytes for one in gone)


def _of_model(deck: Deck, settings: DeckSettings, model: ModelSettings) -> Iterator[Kept]:
    mine, shared = model.retention, settings.retention
    held = _held(deck.database, settings, model)
    keep = mine.predictions_s if mine.predictions_s is not None else shared.predictions_s
    bound = None if keep is None else deck.clock.now() - round(max(keep, _looked_at_s(model)) * 1e6)
    log = endpoint_folder(deck.workspace, model.name)
    attributions = deck.workspace.predictions / "attributions" / model.name
    for kind, folder in (("predictions", log), ("attributions", attributions)):
        due = () if held or bound is None else tuple(_days_before(folder, bound))
        yield Kept(model.name, kind, keep, bound, due, sum(map(_size, due)), held)
    keep = mine.outcomes_s if mine.outcomes_s is not None else shared.outcomes_s
    bound = None if keep is None else deck.clock.now() - round(keep * 1e6)
    folder = deck.workspace.outcomes / model.name
    due = () if held or bound is None else tuple(_deliveries_before(folder, bound))
    yield Kept(model.name, "outcomes", keep, bound, due, sum(map(_size, due)), held)


def _access_log(deck: Deck, settings: DeckSettings) -> Kept:
    keep, hold = settings.retention.access_log_s, settings.retention.hold
    if keep is None:
        return Kept(DECK, "access log", None, None, (), 0, hold)
    bound = deck.clock.now() - round(keep * 1e6)
    last = access_log.day_of(bound)
    due = () if hold else tuple(path for path in access_log.days(deck.workspace.access_log) if path.stem < last)
    return Kept(DECK, "access log", keep, bound, due, sum(map(_size, due)), hold)


def _unneeded(settings: DeckSettings) -> Kept:
    return Kept(DECK, "unneeded", settings.retention.unneeded_s, None, (), 0, settings.retention.hold)


def _held(reader: Reader, settings: DeckSettings, model: ModelSettings) -> str:
    hold = model.retention.hold or settings.retention.hold
    if hold:
        return f"hold: {hold}"
    row = reader.row(
        "SELECT id, state FROM release WHERE model = :model AND state IN ('pending', 'running', 'held') LIMIT 1",
        {"model": model.name},
    )
    return f"release {row['id'][:12]} is {row['state']}" if row else ""


def _looked_at_s(model: ModelSettings) -> float:
    """Return how far back the model's windows look, in seconds, with a day on top."""
    return model.monitor.window_s + model.monitor.lateness_s + 86_400.0


def _days_before(folder: Path, bound_us: int) -> Iterator[Path]:
    """Yield folders of whole days that ended before a time: `<folder>/<version>/<day>`."""
    for day in sorted(folder.glob("*/*")):
        try:
            ends = (date.fromisoformat(day.name) - EPOCH.date()).days * DAY_US + DAY_US
        except ValueError:
            continue
        if ends <= bound_us and day.is_dir():
            yield day


def _deliveries_before(folder: Path, bound_us: int) -> Iterator[Path]:
    """Yield deliveries, each a file named by an id made as it came."""
    last = earliest_id(bound_us)
    yield from (path for path in sorted(folder.glob("*.parquet")) if path.stem < last)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(one.lstat().st_size for one in files if one.is_file())


def _named(one: Kept) -> str:
    return f"{one.model} {one.kind}" if one.model else one.kind


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
