"""What every screen is: it says what to read, takes the answer, draws lines, and knows what is selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from console.poller import Asks
from console.render.cells import Line, line
from console.render.columns import Context

if TYPE_CHECKING:
    from console.render.charts import Chart
    from console.sorting import SortRow


class Page:
    """One screen. `read` runs on the poller's thread and touches nothing of the page; all else runs on the app's."""

    scope = "text"
    is_always = False  # read at every tick, because what it shows is not in the registry
    loaded = False

    def __init__(self, name: str, title: str, command: str) -> None:
        self.name = name
        self.title = title
        self.command = command
        self.filtered = ""

    @property
    def selected(self) -> Any | None:
        """The row that actions act on."""
        return None

    @property
    def note(self) -> str:
        """What stands at the right of the title line."""
        return ""

    @property
    def cursor(self) -> str | None:
        """The key of the row under the cursor, for the state file."""
        return None

    def restore(self, filtered: str, cursor: str | None) -> None:
        """Take up filter and cursor of an earlier session."""

    def read(self, client: Asks) -> Any:
        """Ask for what the page shows."""
        return None

    def take(self, value: Any) -> None:
        """Take what `read` gave."""
        self.loaded = True

    @property
    def held(self) -> int:
        """How many rows it holds in memory."""
        return 0

    def let_go(self) -> None:
        """Let go of what was read; filter and cursor stay for when it is read again."""

    def body(self, width: int, height: int, context: Context) -> list[Line]:
        """Return the page's lines, at most `height`."""
        return []

    def draw(self, width: int, height: int, context: Context) -> list[Line]:
        """Return the page's lines, or that it is being read."""
        if not self.loaded:
            return [(), line("  ", ("reading…", "dim"))]
        return self.body(width, height, context)

    def set_filter(self, text: str) -> str:
        """Filter or search; return what is wrong with the text, or nothing."""
        self.filtered = text
        return ""

    def move(self, action: str) -> bool:
        """Carry out a movement; say whether the page knows it."""
        return False

    @property
    def marked(self) -> Sequence[Any]:
        """The rows that are marked, in the order of their marking."""
        return ()

    def mark(self) -> None:
        """Mark what is selected, or take its mark away."""

    def unmark(self) -> None:
        """Take every mark away."""

    def sorts(self) -> Sequence[SortRow]:
        """Return by what the rows can be sorted."""
        return ()

    def sort_by(self, name: str) -> None:
        """Sort by this; by what it is sorted by already, the other way round."""

    def charts(self) -> Sequence[Chart]:
        """Return the charts that the page is drawn from."""
        return ()

    def open(self) -> Page | None:
        """Return the page of what is selected."""
        return None
