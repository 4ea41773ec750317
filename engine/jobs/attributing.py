"""The job that explains logged predictions, and the look that asks for it: `[log] attributions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.jobs.context import JobContext
from engine.settings.work import terms

if TYPE_CHECKING:
    from engine.monitoring.verdicts import Verdict
    from engine.settings.model import ModelSettings

BACK_US = 2 * 86_400_000_000  # what is older than so long when it is looked at is not explained any more


def attribute(context: JobContext) -> dict[str, Any]:
    """Explain the predictions of the span that its look was about."""
    from engine.training.kept_attributions import explain_logged

    settings, _ = context.settings()
    return explain_logged(
        context.deck, settings, context.args["from_us"], context.args["to_us"], progress=context.progress
    )


def ask(context: JobContext, settings: ModelSettings, revision: int, verdicts: Sequence[Verdict]) -> None:
    """Ask for the explanations of the windows that a look computed, where the settings want some."""
    from store import jobs
    from store import settings as applied

    windows = [one.window for one in verdicts if one.window.rows]
    if not settings.log.attributions or not windows:
        return
    now = context.deck.clock.now()
    begun = min(one.from_at for one in windows) if settings.monitor.by == "received" else 0
    from_us = min(max(begun, now - BACK_US), now)
    with context.deck.database.write(context.fence) as tx:
        jobs.enqueue(
            tx,
            kind="attribute",
            model=settings.name,
            args={"from_us": from_us, "to_us": now},
            actor=f"trigger:monitor:{settings.name}",
            settings_revision=revision,
            dedupe_key=f"attribute:{settings.name}:{from_us}",
            terms=terms(applied.get(tx, revision).body, "attribute"),
        )
