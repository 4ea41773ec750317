"""What was asked for from this console: each change as its command line, how it went, how long it took. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.render.cells import Line, line
from console.render.display import key
from console.render.sheet import Sheet
from console.render.words import short_id
from store.rows import Alert, Job, Notification, Release, Schedule

KEPT = 200


@dataclass(slots=True)
class Entry:
    """One change that was sent. `took_s` is None while nothing has come back."""

    number: int
    action: str
    model: str
    command: str
    began_s: float
    outcome: str = ""
    is_done: bool = True
    took_s: float | None = None
    answer: Any = None


class CommandLog:
    """The changes asked for since this console was opened; those of others, and of before, are in the events."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._number = 0

    @property
    def entries(self) -> list[Entry]:
        """Every change, oldest first."""
        return list(self._entries)

    @property
    def last_done(self) -> Entry | None:
        """The newest change that was carried out."""
        return next((one for one in reversed(self._entries) if one.took_s is not None and one.is_done), None)

    def begin(self, action: str, model: str, command: str) -> Entry:
        """Note that a change was sent."""
        self._number += 1
        entry = Entry(self._number, action, model, command, self._seconds())
        self._entries.append(entry)
        return entry

    def end(self, entry: Entry, outcome: str, answer: Any = None, *, is_done: bool = True) -> None:
        """Note what came back."""
        entry.outcome, entry.answer, entry.is_done = outcome, answer, is_done
        entry.took_s = max(0.0, self._seconds() - entry.began_s)

    def lines(self, width: int) -> list[Line]:
        """Return the log, the newest first."""
        sheet = Sheet(width)
        if not self._entries:
            sheet.paragraph("Nothing was changed from this console yet.")
            sheet.paragraph(f"{key('go.events')} shows what others did, and what was done before.", "dim")
        for entry in reversed(self._entries):
            sheet.lines.append(line((f"{entry.number:>3}  ", "dim"), (entry.command, "accent")))
            if entry.took_s is None:
                said, style = "▸ sent; nothing has come back yet", "busy"
            else:
                mark, style = ("✓", "ok") if entry.is_done else ("✗", "bad")
                said = f"{mark} {entry.outcome}, after {entry.took_s:.1f}s"
            inner = Sheet(width - 3)
            inner.paragraph(said, style)
            sheet.lines += [(("   ", ""), *cells) for cells in inner.lines]
        return sheet.lines


def outcome_of(answer: Any) -> str:
    """Return what a change gave, in a few words."""
    if isinstance(answer, Release):
        return f"release {short_id(answer.id)} {answer.state}"
    if isinstance(answer, Job):
        return f"{answer.kind} job {short_id(answer.id)} {answer.state}"
    if isinstance(answer, Alert):
        return f"alert {answer.state}"
    if isinstance(answer, Notification):
        return f"notification {short_id(answer.id)}"
    if isinstance(answer, Schedule):
        return f"{answer.id} {'paused' if answer.paused_at is not None else 'fires again'}"
    return "done"
