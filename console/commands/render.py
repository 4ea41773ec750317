"""Answers that are not lists, written for a person: the pulse, a comparison, a thing whole, a log, an audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from console.commands import alert_lines, comment_tables, handover, pages
from console.commands.card import card
from console.commands.compliance import compliance
from console.commands.empty import EMPTY
from console.commands.erasures import decided, erasure, lifted
from console.commands.image_sheet import image
from console.commands.lineage import lineage
from console.commands.matrix import access
from console.commands.plan_text import already, preview
from console.commands.retention import retention
from console.commands.reviewing import review
from console.commands.sample_sheet import sample
from console.commands.sheets import sheet
from console.commands.snapshot_sheet import snapshot
from console.commands.tables import columns_of
from console.commands.values import count, kilobytes, number, said, took, version_or_none
from console.commands.why_not import why_not
from console.output import Column, Output
from console.render.words import plural
from engine.jobs.again import again
from engine.jobs.why import told as why
from engine.operations.access import AccessReport
from engine.operations.alerts import AlertDetail
from engine.operations.comments import Commented
from engine.operations.common import Done
from engine.operations.compliance import Compliance
from engine.operations.data import DataSample, SnapshotDetail
from engine.operations.deck import AuditReport, Pulse, PulseModel, Shown
from engine.operations.erasures import ErasureDetail
from engine.operations.governance import Card
from engine.operations.handover import Handover, IncidentDetail, PostMortem
from engine.operations.history import Moment
from engine.operations.images import ImageDetail
from engine.operations.keeping import GcReport
from engine.operations.lineage import Lineage
from engine.operations.models import Comparison
from engine.operations.retention import RetentionReport
from engine.operations.retraining import WhyNot
from engine.operations.review import ReviewQueue
from engine.operations.runs import RunsTable
from engine.operations.serving import ReleaseDetail
from engine.operations.watching import MonitorDetail
from engine.operations.work import JobDetail, JobLogs, ScheduleDetail
from engine.plans import Preview
from store.rows import Erasure, ErasureDecision, Incident, Served, rfc3339

PULSE = (
    Column("model", lambda row, _: row.model, shrink=True),
    Column("serves", lambda row, _: version_or_none(row.champion), right=True),
    Column("since", lambda row, out: out.minute(row.since_at)),
    Column("health", lambda row, _: row.release or row.health, shrink=True),
    Column("rows", lambda row, _: count(row.rows_24h), right=True),
    Column("errors", lambda row, _: count(row.errors_24h), right=True),
    Column("drift", lambda row, _: row.drift),
    Column("metric", lambda row, _: _metric(row), shrink=True),
)

FINDINGS = (
    Column("alert", lambda row, out: out.short(row.id)),
    Column("model", lambda row, _: row.model or row.host, shrink=True),
    Column("state", alert_lines.state),
    Column("title", lambda row, _: row.title, shrink=True),
)

ATTEMPTS = (
    Column("attempt", lambda row, _: str(row.number), right=True),
    Column("started", lambda row, out: out.second(row.started_at)),
    Column("took", lambda row, _: took(row.started_at, row.ended_at), right=True),
    Column("state", "state"),
    Column("reason", "reason", shrink=True),
)

DIFFERENCES = (
    Column("what", "name", shrink=True),
    Column("before", lambda row, _: row.before, shrink=True),
    Column("after", lambda row, _: row.after, shrink=True),
)


def one(answer: Any, out: Output) -> None:
    """Write a single answer."""
    writer = WRITERS.get(type(answer))
    if writer is not None:
        writer(answer, out)
    else:
        fields = [(each.name, getattr(answer, each.name)) for each in dataclasses.fields(answer)]
        out.pairs([(name, said(name, value, out)) for name, value in fields])


def pulse(answer: Pulse, out: Output) -> None:
    """Write what serves, then the open alerts and the work under way."""
    if answer.models:
        out.table(PULSE, answer.models)
        for fault in dict.fromkeys(fault for model in answer.models for fault in model.faults):
            out.line(f"! {fault}")
    else:
        out.note(EMPTY["models.list"])
    if answer.alerts:
        out.line("")
        out.tell_apart([alert.id for alert in answer.alerts])
        out.table(FINDINGS, answer.alerts)
    if answer.undelivered:
        out.line(f"! {plural(answer.undelivered, 'notification')} did not arrive: modeldeck notifications")
    jobs = f"{answer.jobs_running} running, {answer.jobs_queued} queued, {answer.jobs_failed_24h} failed in 24 h"
    out.note(f"deck {answer.deck} · daemon {answer.daemon} · jobs {jobs}")


def audit(answer: AuditReport, out: Output) -> None:
    """Write what the chain proves, and what a deep look found."""
    if answer.ok:
        deep = "" if answer.artifacts is None else f", {count(answer.artifacts)} artifacts and the registry are whole"
        out.line(f"ok: {count(answer.verified)} events verified, head {answer.head[:19]}{deep}")
        return
    if answer.broken_seq is not None:
        out.line(f"broken at event {answer.broken_seq}: {answer.detail}")
    for found in answer.damage:
        out.line(f"damaged {found.what} {found.name}: {found.detail}")


def shown(answer: Shown, out: Output) -> None:
    """Write a thing whole."""
    if answer.kind == "alert":
        pages.alert(alert_lines.detail(answer.body), out)
    else:
        sheet(answer.kind, answer.body, out)


def comparison(answer: Comparison, out: Output) -> None:
    """Write what differs between two versions."""
    if not answer.differences:
        out.line(f"{answer.first} and {answer.second} do not differ")
        return
    titles = (DIFFERENCES[0], _titled(DIFFERENCES[1], answer.first), _titled(DIFFERENCES[2], answer.second))
    out.table(titles, answer.differences)


def moment(answer: Moment, out: Output) -> None:
    """Write what served at a moment, which is said in the deck's time and in UTC."""
    out.line(f"{answer.local} {answer.zone} = {rfc3339(answer.at)}")
    if answer.note:
        out.line(answer.note)
    else:
        out.table(columns_of(Served), answer.serving)


def runs_table(answer: RunsTable, out: Output) -> None:
    """Write what differs between runs, one column per run."""
    out.tell_apart(answer.runs)
    columns = [Column("what", lambda row, _: row[0], shrink=True)]
    for place, run in enumerate(answer.runs, 1):
        columns.append(Column(out.short(run), _nth(place), right=True))
    out.table(columns, answer.rows)


def job(answer: JobDetail, out: Output) -> None:
    """Write a job: what it does and waits for, its limits, and its attempts."""
    one, related = answer.job, (*answer.needs, *answer.needed_by)
    out.tell_apart([one.id, *(each.id for each in related)])
    limits = (("timeout", one.timeout_s, "s"), ("memory", one.memory_mb, "MB"), ("processor", one.cpu_s, "s"))
    pairs = [
        ("job", one.id),
        ("does", f"{one.kind} {one.model or ''}".strip()),
        ("state", one.state if one.state != "running" else f"running, {one.progress or 0:.0%} {one.progress_text}"),
        ("waits for", answer.waits_for),
        ("reason", one.reason),
        ("asked", f"{out.time(one.requested_at)} by {one.actor}"),
        ("why", why(one) if one.kind == "train" else ""),
        ("again", again(one)),
        ("process", str(one.pid) if one.pid is not None and one.state == "running" else ""),
        ("started", out.time(one.started_at)),
        ("ended", out.time(one.ended_at)),
        ("limits", ", ".join(f"{name} {value} {unit}" for name, value, unit in limits if value is not None) or "none"),
        ("retries", f"{one.retries}, the first after {one.backoff_s or 0} s" if one.retries else "none"),
        ("needs", " ".join(f"{out.short(each.id)} ({each.state})" for each in answer.needs)),
        ("needed by", " ".join(f"{out.short(each.id)} ({each.state})" for each in answer.needed_by)),
        ("result", said("result", one.result, out)),
    ]
    out.pairs([(name, value) for name, value in pairs if value not in ("", "-")])
    if len(answer.attempts) > 1:
        out.line("")
        out.table(ATTEMPTS, answer.attempts)


def logs(answer: JobLogs, out: Output) -> None:
    """Write a log as it stands."""
    out.block(answer.text)


def done(answer: Done, out: Output) -> None:
    """Write what was done, or that nothing had to be."""
    out.line(already(answer.message) if answer.already else answer.message)
    for line in (*answer.body.get("differences", ()), *answer.body.get("warnings", ())):
        out.line(f"  {line}")


GARBAGE = (
    Column("kind", "kind"),
    Column("name", lambda row, _: row.name.removeprefix("sha256:")[:19]),
    Column("size", lambda row, _: kilobytes(row.size_bytes), right=True),
    Column("", "verdict"),
    Column("why", lambda row, _: row.why, shrink=True),
)


def garbage(answer: GcReport, out: Output) -> None:
    """Write what was removed and kept, thing by thing, then the sums."""
    if answer.items:
        out.table(GARBAGE, answer.items)
    went = "would go" if answer.dry_run else "removed"
    out.note(
        f"{count(answer.removed)} {went} ({kilobytes(answer.removed_bytes)}), "
        f"{count(answer.kept)} kept ({kilobytes(answer.kept_bytes)})"
    )
    if answer.hold:
        out.note(f"{answer.hold}: what it is about stays until [retention] says no hold any more and is applied")


WRITERS: dict[type, Callable[[Any, Output], None]] = {
    ErasureDetail: erasure,
    RetentionReport: retention,
    ErasureDecision: decided,
    Erasure: lifted,
    Pulse: pulse,
    Preview: preview,
    AuditReport: audit,
    AccessReport: access,
    Shown: shown,
    Comparison: comparison,
    RunsTable: runs_table,
    Moment: moment,
    JobDetail: job,
    ReleaseDetail: pages.release,
    AlertDetail: pages.alert,
    MonitorDetail: pages.monitor,
    ScheduleDetail: pages.schedule,
    JobLogs: logs,
    Done: done,
    Card: card,
    ImageDetail: image,
    Lineage: lineage,
    Compliance: compliance,
    Commented: comment_tables.commented,
    Handover: handover.handover,
    IncidentDetail: handover.incident,
    Incident: handover.opened,
    PostMortem: handover.post_mortem,
    GcReport: garbage,
    SnapshotDetail: snapshot,
    DataSample: sample,
    ReviewQueue: review,
    WhyNot: why_not,
}


def _metric(row: PulseModel) -> str:
    if row.metric_value is None:
        return "no data"
    return f"{number(row.metric_value)} {row.metric}"


def _titled(column: Column, title: str) -> Column:
    return dataclasses.replace(column, title=title)


def _nth(place: int) -> Callable[[Any, Output], str]:
    return lambda row, _: str(row[place])
