"""The jobs that carry a release through its steps, and that wait until a fleet is whole again."""

from __future__ import annotations

from typing import Any

from engine.jobs.context import JobContext


def release(context: JobContext) -> dict[str, Any]:
    """Run the release; a killed attempt's successor goes on where it stopped.

    Raises:
        GateFailed: a gate said no.
        Held: no data, inconclusive, or paused.
        WorkFailed: it was aborted or failed.
    """
    from engine.release.runner import ending_error, run_release

    ended = run_release(context.deck, context.args["release_id"], fence=context.fence, progress=context.progress)
    error = ending_error(ended, context.fence.job_id)
    if error is not None:
        raise error
    return {"release_id": ended.id, "state": ended.state, "verdict": ended.verdict}


def converge(context: JobContext) -> dict[str, Any]:
    """Wait until every host of the model is as the registry says.

    Raises:
        Held: one is not, in time.
    """
    from engine.release.converge import await_converged

    assert context.job.model is not None
    return await_converged(context.deck, context.job.model, context.progress)
