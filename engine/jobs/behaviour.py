"""Behaviour tests as jobs: after a training, on demand, and against what serves, with an alert when one fails there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from store.errors import GateFailed, ModeldeckError, Refused, WorkFailed
from store.rows.frozen import dataclass

if TYPE_CHECKING:
    from engine.jobs.context import JobContext
    from engine.settings.model import ModelSettings
    from engine.training.behaviour.running import Ran
    from store.database import Write
    from store.rows import BehaviourRun, Version

KIND = "behaviour"
COOLDOWN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Broken:
    """That a behaviour test fails against what serves, as `engine.jobs.reactions` takes it."""

    model: str
    key: str
    title: str
    evidence: dict[str, Any]
    kind: str = KIND
    severity: str = "critical"
    rule: str = ""
    cooldown_s: float = COOLDOWN_S


def test(context: JobContext) -> dict[str, Any]:
    """Run a model's tests: against the version the job names, or else against the one that serves, by its endpoint.

    Raises:
        GateFailed: a person asked, and a test did not pass; the results are on record.
        Refused: the model has no tests, or nothing of it serves.
        Unavailable: its endpoint does not answer.
    """
    from engine.training.behaviour.running import run_on_artifact, run_tests
    from store import models, versions

    settings, _ = context.settings()
    if not settings.tests:
        raise Refused(f"{settings.name} has no behaviour tests", f"write [tests.NAME] in models/{settings.name}.toml")
    database, number = context.deck.database, context.args.get("version")
    if number is not None:
        version, place = versions.version(database, settings.name, number), "asked"
        ran = run_on_artifact(context.deck, settings, version, context.progress)
    else:
        champion = models.alias(database, settings.name, "champion")
        if champion is None:
            raise Refused(
                f"nothing of {settings.name} serves", f"name a version: modeldeck tests run {settings.name} VERSION"
            )
        version, place = versions.version(database, settings.name, champion.version), "endpoint"
        ran = run_tests(context.deck, settings, version, _through_endpoint(context, version), context.progress)
    with database.write(context.fence) as tx:
        run = _record(tx, context, version, place, ran)
    alerts = _react(context, run, ran) if place == "endpoint" else []
    told = f"{version.model}@{version.number}: {ran.line()}"
    context.progress(1.0, told)
    if ran.wrong and context.job.actor.startswith("user:"):
        raise GateFailed(told, f"all of them: modeldeck tests {version.model} {version.number}")
    return {"version": version.number, "verdict": run.verdict, "told": told, "alerts": alerts}


def after_making(context: JobContext, settings: ModelSettings, version: Version) -> dict[str, Any]:
    """Run the tests of a version that was just made and keep what they said; what became of it, for the job's result.

    A version that does not pass stands: it is the release's gate that lets it take no traffic.
    """
    if not settings.tests:
        return {}
    from engine.training.behaviour.running import run_on_artifact

    try:
        ran = run_on_artifact(context.deck, settings, version, context.progress)
    except ModeldeckError as error:  # it is made, whatever its tests run into; its release's gate asks again
        context.progress(1.0, f"behaviour tests could not run: {error.message}")
        return {"tests": f"could not run: {error.message}"}
    with context.deck.database.write(context.fence) as tx:
        _record(tx, context, version, "training", ran)
    context.progress(1.0, ran.line())
    return {"tests": ran.line()}


def _record(tx: Write, context: JobContext, version: Version, place: str, ran: Ran) -> BehaviourRun:
    from store import behaviour

    return behaviour.record(
        tx,
        model=version.model,
        version=version.number,
        place=place,
        tests_hash=ran.tests_hash,
        code_hash=ran.code_hash,
        results=ran.results,
        actor=context.job.actor,
        job_id=context.job.id,
    )


def _through_endpoint(context: JobContext, version: Version) -> Any:
    from engine.deploy.asking import ask_as_the_deck
    from engine.monitoring.logged import TESTS
    from engine.training.behaviour.answering import Records, Unanswered

    by = f"{TESTS}{context.job.id}"

    def ask(rows: Sequence[Mapping[str, Any]], _until: float) -> Records:
        try:
            return list(ask_as_the_deck(context.deck, version.model, rows, version.number, by).records)
        except (Refused, WorkFailed) as error:  # the rows do not fit, or the model raised
            raise Unanswered(error.message) from error

    return ask


def _react(context: JobContext, run: BehaviourRun, ran: Ran) -> list[str]:
    """Raise an alert where a test does not pass, or end the one that stands; returns the ids of new ones."""
    from engine.jobs.reactions import react
    from store import alerts

    key, actor = f"{KIND}:{run.model}", f"trigger:tests:{run.model}"
    if ran.wrong:
        evidence = {
            "version": run.version,
            "tests": [{"name": one.name, "verdict": one.verdict, "seen": one.seen} for one in ran.wrong],
            "tests_hash": run.tests_hash,
            "behaviour_run": run.id,
        }
        found = Broken(run.model, key, f"v{run.version} {ran.line()}", evidence)
        return react(context.deck, [found], actor, context.fence)
    with context.deck.database.write(context.fence) as tx:
        standing = alerts.standing(tx, key)
        if standing is not None:
            alerts.resolve(tx, standing.id, actor, reason=ran.line())
    return []
