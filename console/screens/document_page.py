"""A screen to read: one row as a page, searched with `/`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from console.poller import Asks
from console.render.cells import Line, line
from console.render.charts import Chart
from console.render.columns import Context
from console.render.display import key
from console.screens.page import Page
from console.widgets.document import Document


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """What makes one page: `read` gives the subject, or None when it is gone; `lines` draws it."""

    scope: str
    name: str
    title: str
    command: str
    lines: Callable[[Any, int, int], Sequence[Line]]  # subject, width, now
    read: Callable[[Asks], Any] | None = None
    row: Callable[[Any], Any] = lambda subject: subject  # what actions act on
    charts: Callable[[Any], Sequence[Chart]] = lambda subject: ()  # what `o` writes as SVG
    gone: str = "this is no longer in the deck"


class DocumentPage(Page):
    """One subject, drawn as lines that scroll."""

    def __init__(self, kind: DocumentKind, subject: Any = None) -> None:
        super().__init__(kind.name, kind.title, kind.command)
        self._kind = kind
        self.scope = kind.scope
        self._subject = subject
        self.loaded = subject is not None
        self._document = Document()
        self._drawn: tuple[Any, int] | None = None
        self._hits = 0

    @property
    def selected(self) -> Any | None:
        """The row that actions act on."""
        return None if self._subject is None else self._kind.row(self._subject)

    @property
    def note(self) -> str:
        """How many lines match what is searched."""
        return (
            f"{self._hits} matching lines, {key('look.next_match')} {key('look.previous_match')}"
            if self.filtered
            else ""
        )

    def read(self, client: Asks) -> Any:
        """Ask for the subject, where it may have changed."""
        return self._subject if self._kind.read is None else self._kind.read(client)

    def take(self, value: Any) -> None:
        """Take the subject; where it is gone the last one stays."""
        self.loaded = True
        if value is not None and value != self._subject:
            self._subject = value
            self._drawn = None

    def charts(self) -> Sequence[Chart]:
        """Return the charts that the page is drawn from."""
        return () if self._subject is None else self._kind.charts(self._subject)

    def set_filter(self, text: str) -> str:
        """Search."""
        self.filtered = text
        self._hits = self._document.search(text)
        return ""

    def move(self, action: str) -> bool:
        """Scroll."""
        return self._document.move(action)

    def body(self, width: int, height: int, context: Context) -> list[Line]:
        """Return the part of the page that is in view."""
        subject = self._subject
        if subject is None:
            return [(), line("  ", (self._kind.gone, "dim"))]
        minute = context.now // 60_000_000
        if self._drawn != (subject, minute):
            lines, now = self._kind.lines, context.now
            self._document.set_content(lambda given: lines(subject, given, now))
            self._drawn = (subject, minute)
        return self._document.draw(width, height)
