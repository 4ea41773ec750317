"""Handlers of operations on a model's data. What needs Arrow is asked of a process apart."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from engine.model_io.segments import segments_of
from engine.operations.common import Done, ModelRequest
from engine.operations.data import (
    CheckLine,
    DataChange,
    DataSample,
    QuarantineRequest,
    RejectedRow,
    SampledRow,
    SampleRequest,
    SnapshotDetail,
    SnapshotRequest,
    SnapshotsRequest,
)
from engine.service import apart
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from engine.service.handlers.settings import for_change
from engine.settings.apply import current_settings, require_model
from engine.settings.checks import CheckSettings
from engine.settings.model import ModelSettings
from engine.settings.work import terms
from store import blobs, erasures, models, quality
from store import snapshots as data
from store.errors import CorruptArtifact, Refused
from store.rows import DataCheck, Job, Snapshot

MOST_SAMPLED = 1000  # rows that one looks at


def list_snapshots(context: ServiceContext, request: SnapshotsRequest) -> list[Snapshot]:
    """Return a model's snapshots, newest first."""
    check_limit(request.limit)
    models.model(context.deck.database, request.model)
    return data.snapshots(context.deck.database, request.model)[: request.limit]


def show(context: ServiceContext, request: SnapshotRequest) -> SnapshotDetail:
    """Return one snapshot, and what of it other snapshots of its model hold too."""
    found = data.find(context.deck.database, request.id)
    there = {one.id: one for one in data.present(context.deck.database, found.model)}
    if found.id not in there:
        by = blobs.current(context.deck.database, found.id)
        item = erasures.of_content(context.deck.database, found.id)
        return SnapshotDetail(found, False, 0, 0, (), by if by != found.id else None, item.rows if item else 0)
    artifacts = context.deck.artifacts
    mine = {one["hash"]: one["size_bytes"] for one in segments_of(artifacts, found.id)}
    shared: set[str] = set()
    others = []
    for other in there if mine else ():
        if other == found.id:
            continue
        with suppress(CorruptArtifact):  # another snapshot's damage is told where that one is asked for
            common = mine.keys() & {one["hash"] for one in segments_of(artifacts, other)}
            shared |= common
            others += [other] if common else []
    return SnapshotDetail(found, True, len(mine) or 1, sum(mine[part] for part in shared), tuple(others))


def sample(context: ServiceContext, request: SampleRequest) -> DataSample:
    """Return rows of a snapshot, values of personal columns masked."""
    check_limit(request.limit)
    if request.limit > MOST_SAMPLED:
        raise Refused(f"--limit {request.limit} is more than one looks at", f"give {MOST_SAMPLED} or fewer")
    _settings(context, request.model)
    if request.snapshot:
        data.find(context.deck.database, request.snapshot)  # a wrong id is refused before a process is begun
    told = {"model": request.model, "snapshot_id": request.snapshot, "limit": request.limit, "first": request.first}
    found = apart.sample(context.deck.workspace, told)
    rows = tuple(SampledRow(row["number"], tuple(row["values"])) for row in found["sample"])
    return DataSample(**{**found, "columns": tuple(found["columns"]), "masked": tuple(found["masked"]), "sample": rows})


def check_lines(context: ServiceContext, request: ModelRequest) -> list[CheckLine]:
    """Return each rule of the applied settings with what the newest look found; without any, what could be pinned."""
    settings = _settings(context, request.model)
    newest = next(iter(quality.checks(context.deck.database, settings.name, limit=1)), None)
    if settings.checks.said:
        return [_line(*one, newest) for one in _wanted(settings.checks)]
    if not data.present(context.deck.database, settings.name):
        return []
    proposed = CheckSettings.from_body(apart.proposed(context.deck.workspace, settings.name))
    hint = f"modeldeck data pin {settings.name} writes it into the model file"
    return [CheckLine(rule, severity, told, "not pinned", 0, hint) for rule, severity, told in _wanted(proposed)]


def pin(context: ServiceContext, request: DataChange) -> Done:
    """Write the proposed checks into the model file and apply them: both or neither."""
    from engine.settings.pinning import pin_checks

    settings = _settings(context, request.model)
    if not data.present(context.deck.database, settings.name):
        raise Refused(f"{settings.name} has no snapshot to infer checks from", f"modeldeck data ingest {settings.name}")
    proposed = CheckSettings.from_body(apart.proposed(context.deck.workspace, settings.name))
    revision, changed = pin_checks(context.deck, settings.name, proposed, context.caller.actor, request.reason)
    body = {"revision": revision.revision, "differences": changed}
    count = len(_wanted(proposed))
    return Done(f"{count} checks of {settings.name} pinned as settings revision {revision.revision}", body=body)


def rejected(context: ServiceContext, request: QuarantineRequest) -> list[RejectedRow]:
    """Return rows in quarantine, newest batch first."""
    check_limit(request.limit)
    settings = _settings(context, request.model)
    if not quality.batches(context.deck.database, settings.name, open_only=True):
        return []
    rows = apart.rejected(context.deck.workspace, settings.name, request.limit)
    return [RejectedRow(**row) for row in rows]


def replay(context: ServiceContext, request: DataChange) -> Job:
    """Enqueue a replay: it makes a snapshot, and so is a job of that kind."""
    from store import jobs
    from store import settings as applied

    _, revision = for_change(context, request.model)
    if not quality.batches(context.deck.database, request.model, open_only=True):
        raise Refused(f"no rows of {request.model} are in quarantine", "there is nothing to replay")
    with context.deck.database.write() as tx:
        return jobs.enqueue(
            tx,
            kind="ingest",
            model=request.model,
            terms=terms(applied.get(tx, revision).body, "ingest"),
            args={"replay": True, "reason": request.reason},
            actor=context.caller.actor,
            via=context.caller.via,
            settings_revision=revision,
        )


def _settings(context: ServiceContext, model: str) -> ModelSettings:
    settings, _ = current_settings(context.deck)
    require_model(settings, model)
    return settings.models[model]


def _wanted(checks: CheckSettings) -> list[tuple[str, str, str]]:
    """Return (rule, severity, what it wants) of each rule."""
    told: list[tuple[str, str, str]] = []
    for name, one in checks.columns.items():
        parts: dict[str, Any] = {
            "type": one.type,
            "range": "" if one.min is None and one.max is None else f"{_bound(one.min)} to {_bound(one.max)}",
            "nulls": "" if one.nulls is None else f"at most {one.nulls:.1%}" if one.nulls else "none",
            "unique": "each once" if one.unique else "",
            "values": ", ".join(str(value) for value in one.values),
        }
        told += [(f"{name}.{part}", one.severity(part), text) for part, text in parts.items() if text]
    told += [(f"rules.{name}", rule.severity, rule.expression) for name, rule in checks.rules.items()]
    if checks.rows:
        bounds = {"at least": checks.rows.min, "at most": checks.rows.max, "of those before": checks.rows.vs_last}
        text = ", ".join(f"{word} {bound:,}" for word, bound in bounds.items() if bound is not None)
        told.append(("rows", checks.rows.severity, text))
    if checks.fresh:
        told.append(("fresh", checks.fresh.severity, f"not older than {checks.fresh.max_age_s / 3600:g} h"))
    return told


def _bound(value: float | str | None) -> str:
    return "…" if value is None else f"{value:g}" if isinstance(value, int | float) else value


def _line(rule: str, severity: str, wanted: str, newest: DataCheck | None) -> CheckLine:
    if newest is None:
        return CheckLine(rule, severity, wanted, "not looked at yet", 0, "")
    for one in newest.findings:
        if one["rule"] == rule:
            verdict = "failed" if one["severity"] == "error" else "warning"
            return CheckLine(rule, severity, wanted, verdict, one["rows"], one["detail"])
    return CheckLine(rule, severity, wanted, "passed", 0, "")
