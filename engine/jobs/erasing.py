"""Jobs that erase a person's rows."""

from __future__ import annotations

from typing import Any

from engine.jobs.context import JobContext


def erase(context: JobContext) -> dict[str, Any]:
    """Carry an erasure out, or go on with it."""
    from engine.governance.erasing.run import run
    from store import erasures

    done = run(
        context.deck,
        context.args["erasure"],
        actor=context.job.actor,
        fence=context.fence,
        say=context.progress,
    )
    places = erasures.items(context.deck.database, done.id)
    rows = f"{done.rows:,} {'row' if done.rows == 1 else 'rows'}"
    where = f"{len(places)} {'place' if len(places) == 1 else 'places'}"
    told = f"{rows} in {where} erased; what was made of them: modeldeck erasures show {done.id[:12]}"
    return {"erasure": done.id, "rows": done.rows, "places": len(places), "told": told}
