"""Rows of a snapshot to look at, and one of them whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.poller import Asks
from console.render import samples
from console.render.cells import Line
from console.render.columns import Context
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import ListKind, ListPage
from engine.operations.data import DataSample, SampleRequest
from store.rows import Snapshot

ROWS = 50


class SamplePage(ListPage):
    """Rows of one snapshot. A snapshot never changes, so it is read once."""

    def __init__(self, model: str, snapshot_id: str) -> None:
        self._request = SampleRequest(model, snapshot_id, limit=ROWS)
        short = snapshot_id.removeprefix("sha256:")[:12]
        super().__init__(
            ListKind(
                name=f"sample:{model}:{snapshot_id}",
                title=f"rows of {short}",
                command=f"modeldeck data sample {model} --snapshot {short} --limit {ROWS}",
                columns=(),
                key=lambda row: row.id,
                read=lambda client: (),
                empty=("This snapshot has no rows.",),
                opens=_record_page,
                detail=lambda row, width, now: samples.record_lines(row, width),
            )
        )
        self._sample: DataSample | None = None

    @property
    def twin(self) -> str:
        """The command line that lists the same rows; it has no filter."""
        return self.command

    @property
    def unsearched(self) -> tuple[str, ...]:
        """Masked values: who may not see them may not find them either."""
        hidden = self._sample.masked if self._sample is not None else ()
        return (f"Values of {', '.join(hidden)} are personal, so masked, and not searched.",) if hidden else ()

    def read(self, client: Asks) -> Any:
        """Ask for the rows, once."""
        return self._sample or client.call("data.sample", self._request)

    def take(self, value: Any) -> None:
        """Take the rows, and the columns they have."""
        if value is not self._sample:
            self._sample = value
            self.grid.set_columns(samples.columns_of(value))
        super().take(samples.records(value))

    def head(self, width: int, context: Context) -> list[Line]:
        """Return which rows these are, and what is masked."""
        return [] if self._sample is None else samples.head(self._sample)


def sample_page(row: Snapshot) -> SamplePage:
    """Return the rows of a snapshot."""
    return SamplePage(row.model, row.id)


def _record_page(row: samples.Record) -> DocumentPage:
    def lines(subject: samples.Record, width: int, now: int) -> Sequence[Line]:
        return samples.record_lines(subject, width)

    return DocumentPage(
        DocumentKind(
            scope="record",
            name=f"record:{row.id}",
            title=f"row {row.number}",
            command=f"modeldeck data sample {row.model} --snapshot {row.snapshot[7:19]} --limit {ROWS}",
            lines=lines,
        ),
        row,
    )
