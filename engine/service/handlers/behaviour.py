"""Handlers of operations on behaviour tests."""

from __future__ import annotations

from typing import Any

from engine.operations.behaviour import TestsRequest, TestsRun
from engine.service.context import ServiceContext
from engine.service.handlers.settings import for_change
from engine.settings.work import terms
from store.errors import Refused
from store.rows import BehaviourRun, Job


def tests(context: ServiceContext, request: TestsRequest) -> list[BehaviourRun]:
    """Return the runs of a version's tests, newest first."""
    from engine.governance.card_facts import card_version
    from store import behaviour

    with context.deck.database.reading() as reader:
        version = card_version(reader, request.model, request.version)
        found = behaviour.runs if request.all else behaviour.newest
        return found(reader, version.model, version.number)


def run(context: ServiceContext, request: TestsRun) -> Job:
    """Enqueue a run of a model's tests.

    Raises:
        Refused: the applied settings hold none, or nothing serves and no version is named.
    """
    from store import jobs, models, versions
    from store import settings as applied

    settings, revision = for_change(context, request.model)
    if not settings.models[request.model].tests:
        raise Refused(
            f"{request.model} has no behaviour tests",
            f"write [tests.NAME] in models/{request.model}.toml, then: modeldeck apply",
        )
    args: dict[str, Any] = {}
    with context.deck.database.write() as tx:
        if request.version is not None:
            args["version"] = versions.version(tx, request.model, request.version).number
        elif models.alias(tx, request.model, "champion") is None:
            raise Refused(
                f"nothing of {request.model} serves", f"name a version: modeldeck tests run {request.model} VERSION"
            )
        return jobs.enqueue(
            tx,
            kind="test",
            model=request.model,
            terms=terms(applied.get(tx, revision).body, "test"),
            args=args,
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=revision,
        )
