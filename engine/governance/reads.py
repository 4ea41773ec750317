"""Puts reads of personal columns into the access log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.settings.apply import current_settings
from store import access_log
from store.errors import Refused
from store.rows import PersonalRead
from store.rows.frozen import dataclass

if TYPE_CHECKING:
    from engine.deck import Deck

EVERY = "*"
JOBS = ("train", "ingest", "derive", "reproduce", "attribute", "erase")  # kinds that read rows as they are


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and which way."""

    actor: str
    via: str | None
    transport: str
    operation: str


def put(deck: Deck, reader: Reader, *, model: str, subject: str, told: str, columns: Sequence[str] = ()) -> None:
    """Record a read of a model's personal columns, or of `columns`; where there are none, nothing. `*` is every model.

    Raises:
        StorageUnwritable: the disk is full or read-only: what cannot be recorded must not be told.
    """
    for name, mine in _personal(deck, model).items() if not columns else ((model, tuple(columns)),):
        row = PersonalRead(
            at=deck.clock.now(),
            actor=reader.actor,
            via=reader.via,
            transport=reader.transport,
            operation=reader.operation,
            model=name,
            subject=subject,
            columns=mine,
            told=told,
        )
        access_log.append(deck.workspace.access_log, row)


def _personal(deck: Deck, model: str) -> dict[str, tuple[str, ...]]:
    try:
        settings, _ = current_settings(deck)
    except Refused:  # nothing is applied yet, so nothing is marked
        return {}
    marked = {name: one.data.personal for name, one in settings.models.items() if one.data.personal}
    return {name: columns for name, columns in marked.items() if model in (EVERY, name)}
