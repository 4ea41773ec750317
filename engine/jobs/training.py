"""Jobs that read a model's source: training a version, taking a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.jobs.context import JobContext
from store.errors import WorkFailed

if TYPE_CHECKING:
    from store.rows import Version


def train(context: JobContext) -> dict[str, Any]:
    """Train a version under the job's settings and overrides.

    Raises:
        NothingNew: nobody asked in person, and the newest version was made of the same; on record as passed over.
    """
    from engine.jobs import behaviour, promoting
    from engine.model_io import trust
    from engine.training.guessing import lost_to_guessing
    from engine.training.nothing_new import NothingNew

    try:
        version = _made(context)
    except NothingNew as error:
        _pass_over(context, error.message)
        raise
    trust.keep(context.deck, version)
    made = {"model": version.model, "version": version.number, "run_id": version.run_id}
    if lost := lost_to_guessing(version.evaluation):
        made["lost_to_guessing"] = lost
    made |= behaviour.after_making(context, context.settings()[0], version)
    return {**made, **promoting.after_training(context, version)}


def _made(context: JobContext) -> Version:
    from engine.jobs.why import tags, why_of
    from engine.training.train import train as make_version

    settings, revision = context.settings()
    return make_version(
        context.deck,
        settings,
        revision,
        job=context.fence,
        until_us=context.args.get("until_us"),
        estimator=context.args.get("estimator"),
        time_budget_s=context.args.get("time_budget_s"),
        actor=context.job.actor,
        reason=context.args.get("reason", ""),
        tags=tags(why_of(context.job)),
        unless_same=not context.job.actor.startswith("user:"),
        progress=context.progress,
    )


def _pass_over(context: JobContext, reason: str) -> None:
    from store import schedules

    _, _, schedule_id = context.job.actor.partition(":")
    with context.deck.database.write(context.fence) as tx:
        row = next((one for one in schedules.schedules(tx) if one.id == schedule_id), None)
        if row is not None:
            schedules.skip(tx, row, "same data", 1, reason, job=context.job.id)


def ingest(context: JobContext) -> dict[str, Any]:
    """Take a snapshot of the source as it is now."""
    from engine.data.snapshot import ingest as take

    settings, revision = context.settings()
    if context.args.get("replay"):
        from engine.data.replay import replay

        snapshot = replay(context.deck, settings, revision, actor=context.job.actor, fence=context.fence)
        return {"snapshot_id": snapshot.id, "rows": snapshot.rows, "size_bytes": snapshot.size_bytes}
    snapshot = take(
        context.deck,
        settings,
        revision,
        until_us=context.args.get("until_us"),
        whole=context.args.get("whole", False),
        actor=context.job.actor,
        fence=context.fence,
    )
    return {"snapshot_id": snapshot.id, "rows": snapshot.rows, "size_bytes": snapshot.size_bytes}


def reproduce(context: JobContext) -> dict[str, Any]:
    """Fit a version's pipeline again and compare it with the stored model.

    Raises:
        WorkFailed: a prediction differs; the line says what else does.
    """
    from engine.training import reproducing
    from store import versions

    assert context.job.model is not None
    number = context.args["version"]
    version = versions.version(context.deck.database, context.job.model, number)
    found = reproducing.reproduce(context.deck, version, context.progress)
    line = reproducing.told(f"{version.model}@{number}", found)
    if not found.is_same:
        raise WorkFailed(line, "")
    return {
        "version": number,
        "rows": found.rows,
        "artifact_same": found.artifact_same,
        "differs": list(found.reasons),
        "told": line,
    }


def derive(context: JobContext) -> dict[str, Any]:
    """Register a version that differs from another in its threshold alone."""
    from engine.jobs import behaviour
    from engine.training import deriving
    from store import versions

    assert context.job.model is not None
    of = versions.version(context.deck.database, context.job.model, context.args["version"])
    made = deriving.derive(
        context.deck,
        of,
        context.args["threshold"],
        job=context.fence,
        actor=context.job.actor,
        reason=context.args.get("reason", ""),
        progress=context.progress,
    )
    tested = behaviour.after_making(context, context.settings()[0], made)
    return {"version": made.number, "derived_from": of.number, "threshold": made.decision["threshold"], **tested}
