"""A page's charts one by one, each over the whole screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.poller import Asks
from console.render.cells import Line
from console.render.charts import Chart
from console.render.columns import Context
from console.render.display import key
from console.render.zoom import zoomed
from console.screens.page import Page


class ZoomPage(Page):
    """Shows one chart of another page, which goes on being read; actions act on what that page is about."""

    scope = "zoom"
    loaded = True

    def __init__(self, behind: Page) -> None:
        super().__init__(f"zoom:{behind.name}", "charts", behind.command)
        self._behind = behind
        self._at = 0

    @property
    def selected(self) -> Any | None:
        """What the page behind is about."""
        return self._behind.selected

    @property
    def note(self) -> str:
        """Which of how many charts it is."""
        many = len(self.charts())
        return f"{min(self._at + 1, many)} of {many}, {key('move.down')} {key('move.up')}"

    def read(self, client: Asks) -> Any:
        """Ask for what the page behind shows."""
        return self._behind.read(client)

    def take(self, value: Any) -> None:
        """Hand it on."""
        self._behind.take(value)

    def charts(self) -> Sequence[Chart]:
        """Return the charts of the page behind."""
        return self._behind.charts()

    def move(self, action: str) -> bool:
        """Go to another chart."""
        last = len(self.charts()) - 1
        to = {
            "move.down": self._at + 1,
            "move.up": self._at - 1,
            "move.page_down": self._at + 1,
            "move.page_up": self._at - 1,
            "move.top": 0,
            "move.bottom": last,
        }.get(action)
        if to is None:
            return False
        self._at = max(0, min(to, last))
        return True

    def body(self, width: int, height: int, context: Context) -> list[Line]:
        """Return the chart that is in view."""
        charts = self.charts()
        self._at = min(self._at, len(charts) - 1)
        return zoomed(charts[self._at], width, height)
