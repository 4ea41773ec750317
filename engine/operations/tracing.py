"""The operation that says where one prediction came from."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One prediction by its id."""

    prediction_id: str = argument("as the answer and the log name it: REQUEST_ID-ROW", metavar="PREDICTION_ID")


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a prediction came from, down to the data, and by whose hand; `*_at` are the host's and the deck's clocks.

    `containers` are those of its deployment, one for each replica; empty on a process host. What is None is not known
    any more, or was never there.
    """

    prediction_id: str
    request_id: str
    client_id: str | None
    model: str
    version: int
    kind: str  # live, shadow, golden, direct
    status: int
    received_at: int
    latency_us: int
    host: str
    deployment: str
    containers: tuple[str, ...]
    image: str | None
    run: str | None
    snapshot: str
    settings_revision: int
    release: str | None
    released_by: str | None
    released_at: int | None
    reason: str
    outcome: float | str | None
    outcome_at: int | None
    outcome_by: str | None  # who delivered it, or gave the verdict


OPERATIONS = (
    Operation(
        "predictions.trace",
        ("trace",),
        "where a prediction came from",
        TraceRequest,
        Trace,
        Role.VIEWER,
        Danger.READ,
        "engine.service.handlers.tracing:trace",
    ),
)
