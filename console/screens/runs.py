"""`3` Runs: filtered, sorted by any metric over all the runs there are, marked and compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.poller import Asks
from console.render import runs
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import MOST, NO_MODEL, ListKind, ListPage
from console.sorting import SortRow
from engine.operations.runs import RunsRequest
from store.rows import Run

_BY_TIME = (("", "newest first"), ("started_at", "oldest first"))


class RunsPage(ListPage):
    """The newest runs, or the first by a metric: the registry sorts, so that no run is left out."""

    def __init__(self) -> None:
        super().__init__(
            ListKind(
                name="runs",
                title="Runs",
                command="modeldeck runs",
                columns=runs.COLUMNS,
                key=lambda row: row.id,
                read=lambda client: (),
                empty=(
                    "Nothing has been trained yet.",
                    "{runs.train} on a model trains it; so does: modeldeck train MODEL",
                    NO_MODEL,
                ),
                opens=run_page,
            )
        )
        self._order = ""

    def read(self, client: Asks) -> Any:
        """Ask for the runs in the order that was chosen."""
        return tuple(client.call("runs.list", RunsRequest(limit=MOST, order=self._order)))

    @property
    def note(self) -> str:
        """How many are shown, and in which order."""
        return f"{super().note}, {_said(self._order)}" if self._order else super().note

    @property
    def twin(self) -> str:
        """The command line that lists the same."""
        return f"{super().twin} --order={self._order}" if self._order else super().twin

    def sorts(self) -> Sequence[SortRow]:
        """Return the orders: by time, and by each metric that some run shown has."""
        names = dict.fromkeys(name for row in self.rows for name in row.metrics)
        found = [SortRow(name, title, "so now" if name == self._order else "") for name, title in _BY_TIME]
        for name in sorted(names):
            holds = self._order.removeprefix("-") == f"metrics.{name}"
            found.append(
                SortRow(f"metrics.{name}", name, f"{_said(self._order)}: again turns it round" if holds else "")
            )
        return found

    def sort_by(self, name: str) -> None:
        """Sort by a metric, the smallest first; by the same again, the largest first."""
        self._order = f"-{name}" if name == self._order and name.startswith("metrics.") else name
        metric = self._order.removeprefix("-").removeprefix("metrics.") if "metrics." in self._order else ""
        self.grid.set_columns(runs.columns(metric))
        self.grid.move("move.top")


def _said(order: str) -> str:
    if order == "started_at":
        return "oldest first"
    name = order.removeprefix("-").removeprefix("metrics.")
    return f"by {name}, {'largest' if order.startswith('-') else 'smallest'} first"


def run_page(row: Run) -> DocumentPage:
    """Return the page of a run."""

    def read(client: Asks) -> Any:
        listed = client.call("runs.list", RunsRequest(model=row.model, trials=row.parent_id is not None, limit=MOST))
        return next((one for one in listed if one.id == row.id), None)

    return DocumentPage(
        DocumentKind(
            "run", f"run:{row.id}", f"run {row.id[:12]}", f"modeldeck show run {row.id[:12]}", runs.run_lines, read
        ),
        row,
    )
