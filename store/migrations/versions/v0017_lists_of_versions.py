"""Versions without what only one that is opened shows: a list reads neither that nor a second table for tags."""

from __future__ import annotations

import json
import math
from typing import Any

import sqlalchemy as sa
from alembic import op

from store.migrations.declare import table

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_VERSION = (
    "model text, number integer, run_id text, artifact_hash text, estimator text, headline text, cutoff_at bigint?,"
    " derived_from integer?, actor text, created_at bigint, abandoned_at bigint?, deleted_at bigint?, detail serial,"
    " tags text, description text"
)
_DETAIL = (
    "model text, snapshot_id text, settings_revision integer, bundle_hash text, environment_hash text,"
    " artifact_bytes bigint, golden_hash text, git_commit text?, git_dirty integer?, signature text, decision text,"
    " evaluation text"
)
_KEPT = (
    "model, number, run_id, artifact_hash, estimator, cutoff_at, derived_from, actor, created_at, abandoned_at,"
    " deleted_at, description"
)


def upgrade() -> None:
    """Make the table of versions anew, of what a list shows, with all else beside it; no version changes its meaning.

    The index of runs goes: a run's versions are found among those of its model, which are several to a page now.
    """
    op.execute("PRAGMA legacy_alter_table = ON")  # references to a renamed table go on to mean the one made anew
    op.rename_table("version", "version_before")
    table(
        "version_detail",
        f"id serial, {_DETAIL}",
        key="id",
        refers=(
            "model snapshot_id -> snapshot model id",
            "settings_revision -> settings_revision revision",
        ),
    )
    table(
        "version",
        _VERSION,
        key="model number",
        refers=(
            "model -> model name",
            "run_id -> run id",
            "model derived_from -> version model number",
            "detail -> version_detail id",
        ),
        checks={"number": "number > 0"},
        by_key=True,
    )
    _move()
    op.drop_table("version_before")
    op.execute("PRAGMA legacy_alter_table = OFF")


def _move() -> None:
    """Move the versions one by one: an evaluation may be long."""
    connection = op.get_bind()
    tags: dict[tuple[str, int], dict[str, str]] = {}
    for model, number, key, value in connection.execute(sa.text("SELECT model, number, key, value FROM version_tag")):
        tags.setdefault((model, number), {})[key] = value
    documents = ", ".join(column.split()[0] for column in _DETAIL.split(", "))
    here = "FROM version_before WHERE model = :model AND number = :number"
    detail = sa.text(f"INSERT INTO version_detail (id, {documents}) SELECT :detail, {documents} {here}")
    version = sa.text(
        f"INSERT INTO version ({_KEPT}, detail, tags, headline) SELECT {_KEPT}, :detail, :tags, :headline {here}"
    )
    evaluated = sa.text(f"SELECT evaluation {here}")
    keys = connection.execute(sa.text("SELECT model, number FROM version_before ORDER BY created_at, model, number"))
    for place, (model, number) in enumerate(keys.fetchall(), start=1):
        named = {"model": model, "number": number, "detail": place}
        evaluation = json.loads(connection.execute(evaluated, named).scalar_one())
        connection.execute(detail, named)
        words = {"tags": _dump(tags.get((model, number), {})), "headline": _dump(_headline(evaluation))}
        connection.execute(version, {**named, **words})


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _headline(evaluation: Any) -> list[Any]:
    """Return the primary metric as what registered versions at the time of this migration wrote it.

    It is metric, value on the holdout, its interval's ends, value of the baseline, and whether guessing won.
    """
    evaluation = evaluation if isinstance(evaluation, dict) else {}
    metric = evaluation.get("metric")
    metric = metric if isinstance(metric, str) and metric else None
    measure = _measure(evaluation.get("holdout"), metric)
    edges = measure if isinstance(measure, dict) else {}
    ends = (_number(edges.get("low")), _number(edges.get("high")))
    baseline = _number(_measure(evaluation.get("baseline"), metric))
    tried = evaluation.get("candidates")
    guesses = (
        isinstance(tried, list) and len(tried) > 1 and isinstance(tried[0], dict) and tried[0].get("name") == "dummy"
    )
    return [metric, _number(measure), *ends, baseline, guesses]


def _measure(measures: Any, metric: str | None) -> Any:
    return measures.get(metric) if isinstance(measures, dict) and metric else None


def _number(measure: Any) -> float | None:
    found = measure.get("value") if isinstance(measure, dict) else measure
    if not isinstance(found, int | float) or isinstance(found, bool) or not math.isfinite(found):
        return None
    return float(found)
