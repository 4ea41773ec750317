"""Operations on a model's data: snapshots, the checks it must pass, the rows that did not."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.common import Done, ModelRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Job, Snapshot
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class SnapshotsRequest:
    """A model's snapshots, newest first."""

    model: str = argument("the model's name")
    limit: int = argument("at most this many rows", flag="--limit", default=100)


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """One snapshot."""

    id: str = argument("the snapshot's id; a unique beginning is enough", metavar="SNAPSHOT")


@dataclass(frozen=True, slots=True)
class SnapshotDetail:
    """A snapshot with how its bytes lie: in `segments` files, of which other snapshots hold `shared_bytes` too.

    `replaced_by` is what an erasure put in its place, without the `erased` rows of a person.

    `shared_with` are the ids of those snapshots, the newest first. `present` says whether its bytes are to be there.
    """

    snapshot: Snapshot
    present: bool
    segments: int
    shared_bytes: int
    shared_with: tuple[str, ...]
    replaced_by: str | None = None
    erased: int = 0


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """A few rows of a snapshot of a model."""

    model: str = argument("the model's name")
    snapshot: str = argument(
        "the snapshot's id; a unique beginning is enough", flag="--snapshot", default="", metavar="ID"
    )
    limit: int = argument("at most this many rows", flag="--limit", default=20)
    first: bool = argument("the first rows, not some spread over all", flag="--first", default=False)


@dataclass(frozen=True, slots=True)
class SampledRow:
    """One row of a snapshot: its place, counted from 1, and its values in the order of the columns.

    They are no object by name: there a column of whole numbers named `…_at` would be told as a time.
    """

    number: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class DataSample:
    """Rows of a snapshot of `rows`: `taken` from its beginning ("first"), or one from each of equal parts ("spread").

    `columns` are in the order of the data; `masked` are the personal ones among them.
    """

    snapshot: str
    model: str
    rows: int
    taken: str
    columns: tuple[str, ...]
    masked: tuple[str, ...]
    sample: tuple[SampledRow, ...]


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One rule and how the newest look at the data found it: passed, warning, failed; or what would be pinned."""

    rule: str
    severity: str
    wanted: str
    verdict: str
    rows: int
    detail: str


@dataclass(frozen=True, slots=True)
class QuarantineRequest:
    """Rows that checks rejected and that were not replayed yet."""

    model: str = argument("the model's name")
    limit: int = argument("at most this many rows", flag="--limit", default=20)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One rejected row, with the rule that rejected it. Values of personal columns are masked."""

    batch: str
    rejected_at: int
    rule: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DataChange:
    """A change of a model's data or of its checks."""

    model: str = argument("the model's name")
    reason: str = argument("why, kept on record", flag="--reason", default="")


_HANDLERS = "engine.service.handlers.data"

OPERATIONS = (
    Operation(
        "data.snapshots",
        ("data",),
        "the snapshots of a model, newest first",
        SnapshotsRequest,
        Snapshot,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:list_snapshots",
        many=True,
    ),
    Operation(
        "data.show",
        ("data", "show"),
        "one snapshot, column by column",
        SnapshotRequest,
        SnapshotDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:show",
        personal="statistics",
    ),
    Operation(
        "data.sample",
        ("data", "sample"),
        "some rows of a snapshot, personal values masked",
        SampleRequest,
        DataSample,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:sample",
        personal="masked",
    ),
    Operation(
        "data.checks",
        ("data", "checks"),
        "what a model's data must hold, and do",
        ModelRequest,
        CheckLine,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:check_lines",
        many=True,
    ),
    Operation(
        "data.pin",
        ("data", "pin"),
        "write checks into the model file",
        DataChange,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:pin",
    ),
    Operation(
        "data.quarantine",
        ("data", "quarantine"),
        "rows that checks rejected, and why",
        QuarantineRequest,
        RejectedRow,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:rejected",
        many=True,
        personal="masked",
    ),
    Operation(
        "data.replay",
        ("data", "replay"),
        "check rejected rows once more",
        DataChange,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:replay",
        job=True,
    ),
)
