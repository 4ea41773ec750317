"""How far the demo is: one bar with what it does and how long is left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from console.output import Output, plain

SAY_EVERY_S = 5.0


class Board(Protocol):
    """Where the stages say what they do."""

    def begin(self, title: str, seconds: float) -> None:
        """Begin a stage that takes about this long."""

    def at(self, fraction: float, text: str = "") -> None:
        """Tell how far the stage is."""

    def end(self, told: str) -> None:
        """End the stage, and tell what came of it."""

    def tell(self, line: str) -> None:
        """Tell something worth keeping."""


class Pace:
    """Reckons how long is left from the time the stages were expected to take and what they took."""

    def __init__(self, total_s: float) -> None:
        self.total_s = max(total_s, 1.0)
        self._done_s = 0.0
        self._stage_s = 0.0
        self._fraction = 0.0
        self._began = time.monotonic()

    def begin(self, seconds: float) -> None:
        """Begin a stage expected to take so long."""
        self._stage_s, self._fraction = seconds, 0.0

    def at(self, fraction: float) -> None:
        """Be so far in the stage; it never goes back."""
        self._fraction = max(self._fraction, min(1.0, fraction))

    def end(self) -> None:
        """End the stage."""
        self._done_s += self._stage_s
        self._stage_s = self._fraction = 0.0

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, (self._done_s + self._stage_s * self._fraction) / self.total_s)

    @property
    def left_s(self) -> float:
        """How many seconds are left at the pace so far; at first as expected."""
        expected_done = self.share * self.total_s
        took = time.monotonic() - self._began
        pace = (took + 10.0) / (expected_done + 10.0)  # ten seconds of trust in the estimate
        return (self.total_s - expected_done) * pace


class LineBoard:
    """For a pipe or a log."""

    def __init__(self, output: Output, total_s: float) -> None:
        self._output = output
        self._pace = Pace(total_s)
        self._title = ""
        self._began = self._said_at = 0.0

    def begin(self, title: str, seconds: float) -> None:
        """Begin a stage."""
        self._title = title
        self._began = self._said_at = time.monotonic()
        self._pace.begin(seconds)
        self._output.note(f"[{self._pace.share:4.0%}] {title} ({clock(self._pace.left_s)} left)")

    def at(self, fraction: float, text: str = "") -> None:
        """Tell how far, every few seconds."""
        self._pace.at(fraction)
        if text and time.monotonic() - self._said_at >= SAY_EVERY_S:
            self._said_at = time.monotonic()
            self._output.note(f"[{self._pace.share:4.0%}] {self._title}: {text} ({clock(self._pace.left_s)} left)")

    def end(self, told: str) -> None:
        """End the stage."""
        self._pace.end()
        self._output.note(f"       {told} ({time.monotonic() - self._began:.1f} s)")

    def tell(self, line: str) -> None:
        """Tell something worth keeping."""
        self._output.note(f"       {line}")


class BarBoard:
    """For a terminal."""

    def __init__(self, output: Output, total_s: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
        from rich.table import Column

        self._pace = Pace(total_s)
        self._title = ""
        self._began = 0.0
        console = Console(file=output.stderr, markup=False, highlight=False, emoji=False)
        self.progress = Progress(
            SpinnerColumn("line"),
            BarColumn(bar_width=14, table_column=Column(min_width=14)),
            TextColumn(
                "{task.percentage:3.0f}%  {task.fields[left]} left", markup=False, table_column=Column(no_wrap=True)
            ),
            # The words give way, never the figures before them.
            TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True)),
            console=console,
            expand=True,
            transient=True,
        )
        self._task = self.progress.add_task("", total=1.0, left=clock(total_s))

    def begin(self, title: str, seconds: float) -> None:
        """Begin a stage."""
        self._title, self._began = title, time.monotonic()
        self._pace.begin(seconds)
        self._show("")

    def at(self, fraction: float, text: str = "") -> None:
        """Move the bar."""
        self._pace.at(fraction)
        self._show(text)

    def end(self, told: str) -> None:
        """End the stage, leaving its line above the bar."""
        self._pace.end()
        self._show("")
        self.tell(f"{told} ({time.monotonic() - self._began:.1f} s)")

    def tell(self, line: str) -> None:
        """Leave a line above the bar."""
        self.progress.console.print(plain(line), soft_wrap=False, overflow="fold")

    def _show(self, text: str) -> None:
        said = f"{self._title}: {text}" if text else self._title
        self.progress.update(
            self._task, completed=self._pace.share, left=clock(self._pace.left_s), description=plain(said)
        )


@contextmanager
def board(output: Output, total_s: float) -> Iterator[Board]:
    """Give what fits where stderr goes."""
    if not output.moves:
        yield LineBoard(output, total_s)
        return
    shown = BarBoard(output, total_s)
    with shown.progress:
        yield shown


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
