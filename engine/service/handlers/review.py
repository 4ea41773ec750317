"""Handlers of a human review. What reads the log is asked of a process apart."""

from __future__ import annotations

from engine.operations.common import Done
from engine.operations.review import ReviewQueue, ReviewRequest, ReviewRow, VerdictRequest
from engine.operations.watching import OutcomesRequest
from engine.service import apart
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from engine.service.handlers.watching import record_outcomes
from engine.settings.apply import current_settings, require_model
from store.errors import Refused, UnknownName

DAY_US = 86_400_000_000
MOST_DAYS = 36_500


def queue(context: ServiceContext, request: ReviewRequest) -> ReviewQueue:
    """Return what the budget is to be spent on, without what has an outcome already."""
    check_limit(request.limit)
    _require(context, request.model)
    if request.days is not None and not 1 <= request.days <= MOST_DAYS:
        raise Refused(f"the last {request.days} days are none", f"1 to {MOST_DAYS:,}, such as --days 7")
    since = None if request.days is None else context.deck.clock.now() - request.days * DAY_US
    told = {
        "model": request.model,
        "way": request.by,
        "percent": request.budget,
        "since_us": since,
        "limit": request.limit,
    }
    found = apart.review(context.deck.workspace, told)
    rows = tuple(ReviewRow(**row) for row in found.pop("rows"))
    return ReviewQueue(request.model, request.by, **found, rows=rows)


def verdict(context: ServiceContext, request: VerdictRequest) -> Done:
    """Record what a person says of a prediction as its outcome, in that person's name."""
    from store import versions

    _require(context, request.model)
    row = apart.find(context.deck.workspace, request.prediction_id)
    if row is None or row["endpoint"] != request.model:
        raise UnknownName(
            f"no prediction {request.prediction_id!r} of {request.model} is on the log",
            f"modeldeck data review {request.model} lists those that wait",
        )
    version = versions.version(context.deck.database, request.model, row["version"])
    classes = [str(name) for name in version.signature.get("classes") or ()]
    if request.value not in classes:
        known = f"it answers {', '.join(classes)}" if classes else "only classes are reviewed"
        raise Refused(f"{request.value!r} is no class of {request.model}@{version.number}", known)
    told = f"{request.prediction_id} of {request.model} is {request.value}"
    body = {"prediction_id": request.prediction_id, "value": request.value, "by": context.caller.actor}
    if row["outcome"] and row["outcome"]["text"] == request.value:
        return Done(f"already so: {told}", already=True, body=body)
    before = row["outcome"]["text"] if row["outcome"] else None
    outcome = {"prediction_id": request.prediction_id, "value": request.value}
    origin = f"review: {request.reason}" if request.reason else "review"
    record_outcomes(context, OutcomesRequest(request.model, origin, (outcome,)))
    revised = "" if before is None else f", corrected from {before}"
    return Done(f"{told}, by {context.caller.actor}{revised}", body=body)


def _require(context: ServiceContext, model: str) -> None:
    settings, _ = current_settings(context.deck)
    require_model(settings, model)
