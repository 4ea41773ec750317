"""Which columns a list shows, per operation. Values come as the frozen rows hold them; JSON shows them whole."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from console.commands.values import (
    count,
    moved,
    number,
    percent,
    said,
    subject,
    took,
    version_or_none,
)
from console.output import Column

if TYPE_CHECKING:
    from store.rows import Endpoint, Job, Run, Schedule, Version, VersionSummary

MODELS = (
    Column("model", "name"),
    Column("task", "task"),
    Column("champion", "champion", said=version_or_none, right=True),
    Column("challenger", "challenger", said=version_or_none, right=True),
    Column("versions", "versions", said=count, right=True),
    Column("owner", "owner", shrink=True),
    Column("description", "description", shrink=True),
)

VERSIONS = (
    Column("version", lambda row, _: f"{row.model}@{row.number}"),
    Column("aliases", lambda row, _: " ".join(row.aliases) or ("abandoned" if row.abandoned_at else "-")),
    Column("holdout", lambda row, _: _holdout(row), shrink=True),
    Column("trained until", lambda row, out: out.time(row.cutoff_at)[:10]),
    Column("estimator", lambda row, _: _estimator(row), shrink=True),
    Column("created", lambda row, out: out.minute(row.created_at)),
)

ALIASES = (
    Column("model", lambda row, _: row.model),
    Column("alias", "name"),
    Column("version", lambda row, _: version_or_none(row.version), right=True),
    Column("moved", lambda row, out: out.minute(row.moved_at)),
    Column("by", "actor", shrink=True),
)

ALIAS_MOVES = (
    Column("moved", lambda row, out: out.second(row.moved_at)),
    Column("alias", "name"),
    Column("from", lambda row, _: version_or_none(row.from_version), right=True),
    Column("to", lambda row, _: version_or_none(row.to_version), right=True),
    Column("by", "actor", shrink=True),
    Column("reason", "reason", shrink=True),
)

SERVED = (
    Column("model", lambda row, _: row.model, shrink=True),
    Column("version", lambda row, _: version_or_none(row.version), right=True),
    Column("host", "host", shrink=True),
    Column("weight", lambda row, _: f"{row.weight} %", right=True),
    Column("since", lambda row, out: out.second(row.since_at)),
    Column("until", lambda row, out: out.second(row.until_at) if row.until_at else "still"),
    Column("by", lambda row, _: f"{row.release_kind} {row.actor}".strip(), shrink=True),
    Column("why", lambda row, _: row.reason or "-", shrink=True),
    Column("image", lambda row, _: row.image or "-", shrink=True),
)

RUNS = (
    Column("run", lambda row, out: out.short(row.id)),
    Column("model", lambda row, _: row.model or "-", shrink=True),
    Column("kind", "kind"),
    Column("state", "state"),
    Column("metrics", lambda row, _: _metrics(row), shrink=True),
    Column("took", lambda row, _: took(row.started_at, row.ended_at), right=True),
    Column("started", lambda row, out: out.minute(row.started_at)),
)

EXPERIMENTS = (
    Column("experiment", "name", shrink=True),
    Column("model", lambda row, _: row.model or "-", shrink=True),
    Column("runs", lambda row, _: count(row.runs), right=True),
    Column("trials", lambda row, _: count(row.trials), right=True),
    Column("running", lambda row, _: count(row.running), right=True),
    Column("newest", lambda row, out: out.minute(row.newest_at)),
    Column("description", "description", shrink=True),
)

RUN_ARTIFACTS = (
    Column("path", "path", shrink=True),
    Column("bytes", lambda row, _: count(row.size_bytes), right=True),
    Column("hash", lambda row, _: row.hash[:19]),
    Column("kept", lambda row, out: out.minute(row.logged_at)),
)

EVENTS = (
    Column("seq", lambda row, _: str(row.seq), right=True),
    Column("at", lambda row, out: out.second(row.at)),
    Column("actor", "actor", shrink=True),
    Column("action", "action"),
    Column("subject", subject, shrink=True),
    Column("reason", "reason", shrink=True),
)

RELEASES = (
    Column("release", lambda row, out: out.short(row.id)),
    Column("endpoint", lambda row, _: row.endpoint, shrink=True),
    Column("kind", "kind"),
    Column("moves", lambda row, _: moved(row)),
    Column("state", "state"),
    Column("detail", lambda row, _: row.detail or row.verdict or row.reason, shrink=True),
    Column("requested", lambda row, out: out.minute(row.requested_at)),
)


def _address(endpoint: Endpoint) -> str:
    """Return the addresses whole: a cut one is of no use; nor is one that nothing stands behind, so that is said."""
    if endpoint.stopped_at:
        return "stopped"
    if endpoint.addresses and not endpoint.servers:
        return f"no server runs; else {' '.join(endpoint.addresses.values())}"
    return " ".join(endpoint.addresses.values()) or "not deployed"


ENDPOINTS = (
    Column("endpoint", "name"),
    Column("champion", "champion", said=version_or_none, right=True),
    Column("address", lambda row, _: _address(row)),
)

KEYS = (
    Column("endpoint", lambda row, _: row.model, shrink=True),
    Column("key", "name", shrink=True),
    Column("made", lambda row, out: out.minute(row.made_at)),
    Column("by", lambda row, _: row.made_by, shrink=True),
    Column("revoked", lambda row, out: out.minute(row.revoked_at)),
    Column("by", lambda row, _: row.revoked_by or "-", shrink=True),
)

HOSTS = (
    Column("host", "name"),
    Column("kind", "kind"),
    Column("address", "address", shrink=True),
    Column("added", lambda row, out: out.minute(row.added_at)),
)

IMAGES = (
    Column("image", lambda row, out: out.short(row.id.removeprefix("sha256:"))),
    Column("model", lambda row, _: row.model, shrink=True),
    Column("version", lambda row, _: version_or_none(row.version), right=True),
    Column("base", "base", shrink=True),
    Column("MB", lambda row, _: number(row.size_bytes / 1e6), right=True),
    Column("built", lambda row, out: out.minute(row.built_at)),
)

JOBS = (
    Column("job", lambda row, out: out.short(row.id)),
    Column("kind", "kind"),
    Column("model", lambda row, _: row.model or "-", shrink=True),
    Column("state", "state"),
    Column("progress or reason", lambda row, _: _progress(row), shrink=True),
    Column("requested", lambda row, out: out.minute(row.requested_at)),
)


def _next_firing(row: Schedule, out: Any) -> str:
    if row.paused_at is None:
        return str(out.second(row.next_at))
    by = f" by {row.paused_by.removeprefix('user:')}" if row.paused_by else ""
    return f"paused{by}{f': {row.paused_reason}' if row.paused_reason else ''}"


SCHEDULES = (
    Column("schedule", lambda row, _: row.id, shrink=True),
    Column("kind", "kind"),
    Column("trigger", "trigger"),
    Column("missed ones", "catch_up"),
    Column("next", _next_firing, shrink=True),
    Column("last", lambda row, out: out.minute(row.last_at)),
    Column("skipped", lambda row, _: count(row.skipped), right=True),
)

READS = (
    Column("at", lambda row, out: out.second(row.at)),
    Column("who", lambda row, _: row.actor.removeprefix("user:"), shrink=True),
    Column("by", lambda row, _: row.operation),
    Column("model", lambda row, _: row.model, shrink=True),
    Column("columns", lambda row, _: ", ".join(row.columns), shrink=True),
    Column("told", lambda row, _: row.told),
    Column("of", lambda row, _: row.subject.removeprefix("sha256:")[:20] or "-", shrink=True),
)


# by the names of the rows, as no list needs another's
COLUMNS: dict[str, tuple[Column, ...]] = {
    "Model": MODELS,
    "Version": VERSIONS,
    "Alias": ALIASES,
    "AliasMove": ALIAS_MOVES,
    "Served": SERVED,
    "Run": RUNS,
    "Experiment": EXPERIMENTS,
    "RunArtifact": RUN_ARTIFACTS,
    "Event": EVENTS,
    "Release": RELEASES,
    "Endpoint": ENDPOINTS,
    "EndpointKey": KEYS,
    "Host": HOSTS,
    "Image": IMAGES,
    "Job": JOBS,
    "Schedule": SCHEDULES,
    "PersonalRead": READS,
}


def columns_of(kind: type) -> tuple[Column, ...]:
    """Return the columns of a row type; one that has none declared shows its scalar fields."""
    declared = COLUMNS.get(kind.__name__)
    if declared is not None and kind.__module__.startswith("store.rows."):
        return declared
    from console.commands.approval_tables import APPROVAL_COLUMNS
    from console.commands.comment_tables import COMMENT_COLUMNS
    from console.commands.curve_tables import CURVE_COLUMNS
    from console.commands.data_tables import DATA_COLUMNS
    from console.commands.erasures import ERASURE_COLUMNS
    from console.commands.handover import HANDOVER_COLUMNS
    from console.commands.retention import RETENTION_COLUMNS
    from console.commands.serving_tables import SERVING_COLUMNS
    from console.commands.watch_tables import WATCH_COLUMNS

    beside = DATA_COLUMNS | WATCH_COLUMNS | APPROVAL_COLUMNS | COMMENT_COLUMNS | HANDOVER_COLUMNS | CURVE_COLUMNS
    beside |= RETENTION_COLUMNS | ERASURE_COLUMNS | SERVING_COLUMNS
    declared = beside.get(kind)
    if declared is not None:
        return declared
    return tuple(_field_column(each.name) for each in dataclasses.fields(kind))


def _field_column(name: str) -> Column:
    return Column(name, lambda row, out: said(name, getattr(row, name), out), shrink=True)


def _holdout(row: Version | VersionSummary) -> str:
    """Return the primary metric on the holdout: `21.3 mae`."""
    from store.rows.headlines import headline_of

    said = headline_of(row)
    return f"{number(said.holdout)} {said.metric}" if said.metric else "-"


def _estimator(row: Version | VersionSummary) -> str:
    from console.render.models import estimator_of  # a page's; lists without versions do without its widths

    return estimator_of(row)


def _progress(job: Job) -> str:
    if job.state == "running":
        return f"{percent(job.progress)} {job.progress_text}" if job.progress is not None else job.progress_text
    return job.reason


def _metrics(run: Run) -> str:
    return " ".join(f"{number(value)} {name}" for name, value in run.metrics.items()) or run.reason or "-"
