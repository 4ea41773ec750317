"""Answers that are not lists, written for a person: the pulse, a comparison, a thing whole, a log, an audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from console.commands import alert_lines, behaviour_tables, comment_tables, handover
from console.commands.card import card
from console.commands.compliance import compliance
from console.commands.erasures import decided, erasure, lifted
from console.commands.image_sheet import image
from console.commands.lineage import lineage
from console.commands.matrix import access
from console.commands.retention import retention
from console.commands.reviewing import review
from console.commands.sample_sheet import sample
from console.commands.sheets import sheet
from console.commands.snapshot_sheet import snapshot
from console.commands.tables import columns_of, count, kilobytes, number, said, took, version_or_none
from console.commands.why_not import why_not
from console.output import Column, Output
from console.render.reasons import NONE_KEPT
from console.render.words import plural
from engine.jobs.why import told as why
from engine.operations.access import AccessReport
from engine.operations.alerts import AlertDetail, left
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
from engine.operations.serving import DeploymentDetail, ReleaseDetail
from engine.operations.watching import MonitorDetail
from engine.operations.work import JobDetail, JobLogs, ScheduleDetail
from engine.plans import Check, Plan, Preview
from store.rows import BehaviourRun, Comment, Endpoint, Erasure, ErasureDecision, Host, Incident, Served, rfc3339

EMPTY = {
    "models.list": "no models yet: write models/NAME.toml, then modeldeck apply",
    "versions.list": "no versions yet: modeldeck train MODEL",
    "runs.list": "no runs",
    "runs.artifacts": "this run kept no files",
    "alerts.list": "no open alerts",
    "audit.key": "no key yet: it is made with the first version, or when one from before keys is looked at",
    "approvals.list": "no approval is requested or granted; --all shows those that have ended",
    "incident.list": "no incident is open; --all shows those that are closed",
    "comments.list": "nothing is said yet: modeldeck comments add KIND ID TEXT",
    "comments.watching": "you watch nothing: modeldeck comments watch model NAME",
    "notifications.list": "nothing was told yet: docs/notifications.md says who can be, modeldeck events what happened",
    "runs.curves": "no metric of these runs has more than one step",
    "monitors.newest": "nothing is watched yet: [monitor] in models/NAME.toml says how, then modeldeck apply",
    "monitors.windows": "no windows yet: modeldeck monitors run MODEL",
    "monitors.attributions": NONE_KEPT,
    "monitors.parts": "no such parts yet: slices are the columns of [gates] slices, hosts come with the next window",
    "aliases.history": "no alias of this model has moved yet",
    "data.snapshots": "no snapshots yet: modeldeck data ingest MODEL",
    "data.checks": "no data yet to infer checks from: modeldeck data ingest MODEL",
    "access.log": "no read of personal columns is on the log: [data] personal marks them",
    "bundle.signers": "nobody else's bundles are taken: modeldeck bundle trust KEY NAME",
    "deployments.cost": "nothing runs, or no server was looked at since it started: modeldeck deployments",
    "erasures.list": "nobody's rows were erased: modeldeck data erase COLUMN=VALUE --reason WHY --dry-run looks",
    "data.quarantine": "no rows are in quarantine",
    "tests.list": "no behaviour tests ran: [tests.NAME] in models/NAME.toml, then modeldeck tests run MODEL VERSION",
    "keys.list": "no keys: modeldeck keys add MODEL NAME",
    "endpoints.list": "nothing is deployed yet: modeldeck promote MODEL",
}

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
    Column("model", lambda row, _: row.model, shrink=True),
    Column("title", lambda row, _: left(row) + row.title, shrink=True),
)

ATTEMPTS = (
    Column("attempt", lambda row, _: str(row.number), right=True),
    Column("started", lambda row, out: out.second(row.started_at)),
    Column("took", lambda row, _: took(row.started_at, row.ended_at), right=True),
    Column("state", lambda row, _: row.state),
    Column("reason", lambda row, _: row.reason, shrink=True),
)

DIFFERENCES = (
    Column("what", lambda row, _: row.name, shrink=True),
    Column("before", lambda row, _: row.before, shrink=True),
    Column("after", lambda row, _: row.after, shrink=True),
)


def rows(operation_id: str, kind: type, answer: list[Any], out: Output) -> None:
    """Write a list; an empty one says so on stderr and leaves stdout empty."""
    if answer:
        out.tell_apart([row.id for row in answer if hasattr(row, "id")])
        if kind is Comment:
            comment_tables.comments(answer, out)
            return
        if kind is BehaviourRun:
            behaviour_tables.runs(answer, out)
            return
        out.table(comment_tables.with_comments(columns_of(kind), answer), answer)
        if kind in (DeploymentDetail, Endpoint, Host):
            _faults(answer, out)
    else:
        out.note(EMPTY.get(operation_id, f"no {operation_id.partition(chr(46))[0]}"))


def _faults(told: list[DeploymentDetail] | list[Endpoint] | list[Host], out: Output) -> None:
    """Say under the rows what stands against them, and the one command that mends what runs there."""
    standing = {(one.host, one.key): one for row in told for one in row.faults}
    for fault in standing.values():
        out.line(f"! {fault.detail}, since {out.second(fault.since_at)}")
    wrong = {row.deployment.endpoint if isinstance(row, DeploymentDetail) else row.name for row in told if row.faults}
    for name in sorted(wrong):
        mended = f"hosts check {name}" if isinstance(told[0], Host) else f"deployments converge {name}"
        out.note(f"{'look' if isinstance(told[0], Host) else 'mend'}: modeldeck {mended}")


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


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan as its dialog shows it: what, the differences and checks, the steps, the way back."""
    lines = [plan.summary]
    lines += [f"  {each.name}: {each.before} -> {each.after}" for each in plan.differences]
    lines += [f"  {check_line(each)}" for each in plan.checks]
    lines += plan.lines()
    return [*lines, f"undo: {plan.undo}"] if plan.undo else lines


def check_line(check: Check) -> str:
    """Say a check in one line: its verdict, what was seen and what was asked."""
    seen = f"{check.observed}, " if check.observed else ""
    return f"{check.verdict}: {check.name} {seen}asked {check.required}"


def preview(answer: Preview, out: Output) -> None:
    """Write a preview's plan; of what is so already there is none to carry out."""
    if answer.already:
        out.line(already(answer.already))
        return
    for line in plan_lines(answer.plan):
        out.line(line)
    if answer.blocked:
        out.line(f"cannot go: {answer.blocked}")


def already(text: str) -> str:
    """Return what is so already in the one form that every repeat prints."""
    return text if text.startswith("already") else f"already {text}"


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
        alert(alert_lines.detail(answer.body), out)
    else:
        sheet(answer.kind, answer.body, out)


def alert(answer: AlertDetail, out: Output) -> None:
    """Write an alert as its page in the console shows it."""
    from console.render.alerts import alert_page
    from console.render.cells import plain
    from store.clock import SystemClock

    for cells in alert_page(answer, out.width(), SystemClock().now(), keys=False):
        out.line(plain(cells).rstrip())


def monitor(answer: MonitorDetail, out: Output) -> None:
    """Write how good a model is as its page in the console shows it."""
    from console.render.cells import plain
    from console.render.monitors import monitor_page
    from store.clock import SystemClock

    for cells in monitor_page(answer, out.width(), SystemClock().now()):
        out.line(plain(cells).rstrip())


def schedule(answer: ScheduleDetail, out: Output) -> None:
    """Write a schedule as its page in the console shows it."""
    from console.render.cells import plain
    from console.render.schedules import schedule_page
    from store.clock import SystemClock

    for cells in schedule_page(answer, out.width(), SystemClock().now(), keys=False):
        out.line(plain(cells).rstrip())


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


def release(answer: ReleaseDetail, out: Output) -> None:
    """Write a release as its page in the console shows it."""
    from console.render.cells import plain
    from console.render.releases import release_lines
    from store.clock import SystemClock

    for cells in release_lines(answer, out.width(), SystemClock().now(), keys=False):
        out.line(plain(cells).rstrip())


def logs(answer: JobLogs, out: Output) -> None:
    """Write a log as it stands."""
    out.block(answer.text)


def done(answer: Done, out: Output) -> None:
    """Write what was done, or that nothing had to be."""
    out.line(already(answer.message) if answer.already else answer.message)
    for line in (*answer.body.get("differences", ()), *answer.body.get("warnings", ())):
        out.line(f"  {line}")


GARBAGE = (
    Column("kind", lambda row, _: row.kind),
    Column("name", lambda row, _: row.name.removeprefix("sha256:")[:19]),
    Column("size", lambda row, _: kilobytes(row.size_bytes), right=True),
    Column("", lambda row, _: row.verdict),
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
    ReleaseDetail: release,
    AlertDetail: alert,
    MonitorDetail: monitor,
    ScheduleDetail: schedule,
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
