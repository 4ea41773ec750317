"""The baseline: every table of the registry, and the triggers that keep the record append-only."""

from __future__ import annotations

from alembic import op

from store.migrations.declare import index, table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TRIGGERS = (
    """CREATE TRIGGER event_not_updated BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'events are append-only: no update'); END""",
    """CREATE TRIGGER event_not_deleted BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are append-only: no delete'); END""",
    """CREATE TRIGGER event_next_only BEFORE INSERT ON event
    WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM event)
    BEGIN SELECT RAISE(ABORT, 'events are append-only: not the next one'); END""",
    """CREATE TRIGGER settings_revision_not_updated BEFORE UPDATE ON settings_revision
    BEGIN SELECT RAISE(ABORT, 'settings revisions are immutable: no update'); END""",
    """CREATE TRIGGER settings_revision_not_deleted BEFORE DELETE ON settings_revision
    BEGIN SELECT RAISE(ABORT, 'settings revisions are immutable: no delete'); END""",
)


def upgrade() -> None:
    """Make everything."""
    _make_models()
    _make_serving()
    if op.get_bind().dialect.name == "sqlite":
        for trigger in _TRIGGERS:
            op.execute(trigger)


def _make_models() -> None:
    table(
        "blob",
        "hash text, kind text, size_bytes bigint, state text, replaced_by text?, created_at bigint, erased_at bigint?",
        key="hash",
        refers=("replaced_by -> blob hash",),
        checks={"state": "state IN ('present', 'erased')"},
    )
    table(
        "event",
        "seq serial, at bigint, actor text, via text?, action text, subject_kind text, subject_id text, "
        "model text?, reason text, body text, previous_hash text, hash text",
        key="seq",
        unique=("hash",),
    )
    index("ix_event_action_seq", "event", "action seq")
    index("ix_event_model_seq", "event", "model seq")
    index("ix_event_subject_kind_subject_id_seq", "event", "subject_kind subject_id seq")
    table(
        "settings_revision",
        "revision integer, hash text, body text, actor text, reason text, applied_at bigint",
        key="revision",
    )
    index("ix_settings_revision_hash", "settings_revision", "hash")
    table(
        "spool_offset",
        "name text, offset_bytes bigint, taken_at bigint",
        key="name",
    )
    table(
        "host",
        "name text, kind text, address text, settings_revision integer, added_at bigint, removed_at bigint?",
        key="name",
        refers=("settings_revision -> settings_revision revision",),
        checks={"kind": "kind IN ('process', 'docker')"},
    )
    index("uq_host_process", "host", "kind", unique=True, where="kind = 'process' AND removed_at IS NULL")
    table(
        "model",
        "name text, task text, owner text, description text, settings_revision integer, created_at "
        "bigint, deleted_at bigint?",
        key="name",
        refers=("settings_revision -> settings_revision revision",),
    )
    table(
        "alert",
        "id text, model text, kind text, key text, state text, severity text, title text, evidence text, "
        "count integer, opened_at bigint, seen_at bigint, acknowledged_by text?, acknowledged_at bigint?, "
        "resolved_by text?, resolved_at bigint?",
        key="id",
        refers=("model -> model name",),
        checks={
            "severity": "severity IN ('warning', 'critical')",
            "state": "state IN ('open', 'acknowledged', 'resolved')",
        },
    )
    index("ix_alert_state_id", "alert", "state id")
    index("uq_alert_open", "alert", "model key", unique=True, where="state IN ('open', 'acknowledged')")
    table(
        "endpoint",
        "name text, model text, created_at bigint, stopped_at bigint?",
        key="name",
        refers=("model -> model name",),
        unique=("model",),
    )
    table(
        "experiment",
        "name text, model text?, created_at bigint, deleted_at bigint?",
        key="name",
        refers=("model -> model name",),
    )
    table(
        "job",
        "id text, kind text, model text?, args text, state text, reason text, actor text, via text?, "
        "settings_revision integer?, dedupe_key text?, attempt integer, pid integer?, pid_started text?, "
        "progress double?, progress_text text, exit_code integer?, result text, requested_at bigint, "
        "started_at bigint?, ended_at bigint?, cancel_requested_at bigint?",
        key="id",
        refers=(
            "model -> model name",
            "settings_revision -> settings_revision revision",
        ),
        checks={"state": "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'abandoned')"},
    )
    index("ix_job_model_id", "job", "model id")
    index("ix_job_state_id", "job", "state id")
    index("uq_job_dedupe_key", "job", "dedupe_key", unique=True, where="state IN ('queued', 'running')")
    table(
        "outcome_batch",
        "id text, model text, origin text, rows bigint, matched bigint, revised bigint, unknown bigint, "
        "actor text, received_at bigint",
        key="id",
        refers=("model -> model name",),
    )
    index("ix_outcome_batch_model_received_at", "outcome_batch", "model received_at")
    table(
        "snapshot",
        "model text, id text, rows bigint, columns text, time_column text?, from_at bigint?, to_at "
        "bigint?, origin text, size_bytes bigint, created_at bigint",
        key="model id",
        refers=("model -> model name",),
    )
    index("ix_snapshot_id", "snapshot", "id")
    index("ix_snapshot_model_created_at", "snapshot", "model created_at")
    table(
        "endpoint_address",
        "endpoint text, host text, url text, set_at bigint",
        key="endpoint host",
        refers=(
            "endpoint -> endpoint name",
            "host -> host name",
        ),
    )
    table(
        "monitor",
        "name text, model text, every_s integer, window_s integer, by text, lateness_s integer, "
        "settings_revision integer, last_run_at bigint?, last_job_id text?, removed_at bigint?",
        key="name",
        refers=(
            "last_job_id -> job id",
            "model -> model name",
            "settings_revision -> settings_revision revision",
        ),
        checks={"by": "by IN ('received', 'event')"},
    )
    index("ix_monitor_model", "monitor", "model")
    table(
        "run",
        "id text, experiment text, model text?, parent_id text?, kind text, name text, state text, reason "
        "text, settings_revision integer?, snapshot_id text?, job_id text?, actor text, started_at "
        "bigint, ended_at bigint?, deleted_at bigint?",
        key="id",
        refers=(
            "experiment -> experiment name",
            "job_id -> job id",
            "model -> model name",
            "model snapshot_id -> snapshot model id",
            "parent_id -> run id",
            "settings_revision -> settings_revision revision",
        ),
        checks={"state": "state IN ('running', 'finished', 'failed', 'abandoned', 'cancelled')"},
    )
    index("ix_run_job_id", "run", "job_id")
    index("ix_run_model_parent_id_id", "run", "model parent_id id")
    index("ix_run_parent_id_id", "run", "parent_id id")
    index("ix_run_state", "run", "state")
    table(
        "schedule",
        "id text, model text, kind text, trigger text, catch_up text, grace_s integer, settings_revision "
        "integer, paused_at bigint?, next_at bigint?, last_at bigint?, last_job_id text?, removed_at "
        "bigint?",
        key="id",
        refers=(
            "last_job_id -> job id",
            "model -> model name",
            "settings_revision -> settings_revision revision",
        ),
        checks={"catch_up": "catch_up IN ('skip', 'once', 'all')"},
    )
    index("ix_schedule_model", "schedule", "model")


def _make_serving() -> None:
    table(
        "run_metric",
        "run_id text, key text, step bigint, at bigint, value double?",
        key="run_id key step",
        refers=("run_id -> run id",),
    )
    table(
        "run_metric_latest",
        "run_id text, key text, step bigint, at bigint, value double?",
        key="run_id key",
        refers=("run_id -> run id",),
    )
    table(
        "run_param",
        "run_id text, key text, value text",
        key="run_id key",
        refers=("run_id -> run id",),
    )
    table(
        "run_tag",
        "run_id text, key text, value text",
        key="run_id key",
        refers=("run_id -> run id",),
    )
    table(
        "version",
        "model text, number integer, run_id text, snapshot_id text, settings_revision integer, "
        "bundle_hash text, environment_hash text, artifact_hash text, artifact_bytes bigint, golden_hash "
        "text, signature text, decision text, evaluation text, estimator text, git_commit text?, "
        "git_dirty integer?, cutoff_at bigint?, derived_from integer?, description text, actor text, "
        "created_at bigint, abandoned_at bigint?, deleted_at bigint?",
        key="model number",
        refers=(
            "model -> model name",
            "model derived_from -> version model number",
            "model snapshot_id -> snapshot model id",
            "run_id -> run id",
            "settings_revision -> settings_revision revision",
        ),
        checks={"number": "number > 0"},
    )
    index("ix_version_artifact_hash", "version", "artifact_hash")
    index("ix_version_run_id", "version", "run_id")
    table(
        "alias",
        "model text, name text, version integer?, generation integer, actor text, moved_at bigint",
        key="model name",
        refers=(
            "model -> model name",
            "model version -> version model number",
        ),
    )
    table(
        "image",
        "id text, model text, version integer, base text, contract integer, platform text, digest text, "
        "size_bytes bigint, built_at bigint",
        key="id",
        refers=("model version -> version model number",),
        unique=("model version base contract platform digest",),
    )
    table(
        "release",
        "id text, endpoint text, model text, kind text, from_version integer?, to_version integer, state "
        "text, verdict text, reason text, detail text, basis text, plan text, evidence text, undo text, "
        "settings_revision integer, actor text, via text?, job_id text?, reverted_by text?, requested_at "
        "bigint, started_at bigint?, ended_at bigint?",
        key="id",
        refers=(
            "endpoint -> endpoint name",
            "job_id -> job id deferred",
            "model from_version -> version model number",
            "model to_version -> version model number",
            "reverted_by -> release id",
            "settings_revision -> settings_revision revision",
        ),
        checks={
            "kind": "kind IN ('promote', 'rollback', 'deploy')",
            "state": "state IN ('pending', 'running', 'held', 'completed', 'aborted', 'failed')",
        },
    )
    index("ix_release_endpoint_id", "release", "endpoint id")
    index("uq_release_active", "release", "endpoint", unique=True, where="state IN ('pending', 'running', 'held')")
    table(
        "version_tag",
        "model text, number integer, key text, value text",
        key="model number key",
        refers=("model number -> version model number",),
    )
    table(
        "window",
        "id text, monitor text, model text, version integer, from_at bigint, to_at bigint, revision "
        "integer, verdict text, rows bigint, errors bigint, latency_p50_ms double?, latency_p99_ms "
        "double?, coverage double?, metrics text, features text, latest integer, computed_at bigint",
        key="id",
        refers=(
            "model version -> version model number",
            "monitor -> monitor name",
        ),
        unique=("monitor version from_at to_at revision",),
        checks={"verdict": "verdict IN ('ok', 'drift', 'degraded', 'no data')"},
    )
    index("ix_window_model_to_at_version", "window", "model to_at version")
    table(
        "alias_move",
        "model text, name text, generation integer, from_version integer?, to_version integer?, actor "
        "text, reason text, moved_at bigint",
        key="model name generation",
        refers=("model name -> alias model name",),
    )
    index("ix_alias_move_model_moved_at", "alias_move", "model moved_at")
    table(
        "deployment",
        "id text, endpoint text, host text, model text, version integer, image text?, role text, desired "
        "text, weight integer, replicas integer, generation integer, settings_revision integer, "
        "release_id text?, created_at bigint, ended_at bigint?",
        key="id",
        refers=(
            "endpoint -> endpoint name",
            "host -> host name",
            "image -> image id",
            "model version -> version model number",
            "release_id -> release id",
            "settings_revision -> settings_revision revision",
        ),
        checks={
            "desired": "desired IN ('serving', 'warm', 'stopped')",
            "replicas": "replicas > 0",
            "role": "role IN ('champion', 'challenger', 'warm')",
            "weight": "weight BETWEEN 0 AND 100",
        },
    )
    index("ix_deployment_endpoint_ended_at", "deployment", "endpoint ended_at")
    index("ix_deployment_host_ended_at", "deployment", "host ended_at")
    table(
        "route_generation",
        "endpoint text, host text, generation integer, entries text, release_id text?, desired_at bigint",
        key="endpoint host generation",
        refers=(
            "endpoint -> endpoint name",
            "host -> host name",
            "release_id -> release id",
        ),
    )
    table(
        "route_history",
        "endpoint text, host text, generation integer, deployment_id text, version integer, image text?, "
        "weight integer, role text, release_id text?, from_at bigint, to_at bigint?",
        key="endpoint host generation deployment_id",
        refers=(
            "endpoint -> endpoint name",
            "host -> host name",
            "release_id -> release id",
        ),
    )
    index("ix_route_history_endpoint_from_at", "route_history", "endpoint from_at")
    index("ix_route_history_open", "route_history", "endpoint host", where="to_at IS NULL")
    table(
        "step",
        "release_id text, number integer, kind text, title text, host text?, args text, state text, "
        "verdict text, observed text, started_at bigint?, ended_at bigint?",
        key="release_id number",
        refers=(
            "host -> host name",
            "release_id -> release id",
        ),
        checks={"state": "state IN ('pending', 'running', 'done', 'skipped', 'held', 'failed')"},
    )
    table(
        "replica",
        "id text, deployment_id text, number integer, state text, pid integer?, pid_started text?, port "
        "integer?, detail text, proof text, started_at bigint, observed_at bigint",
        key="id",
        refers=("deployment_id -> deployment id",),
        checks={"state": "state IN ('starting', 'ready', 'unready', 'draining', 'exited')"},
    )
    index("ix_replica_deployment_id_number", "replica", "deployment_id number")
    table(
        "route",
        "endpoint text, host text, desired_generation integer, applied_generation integer, applied_at bigint?",
        key="endpoint host",
        refers=(
            "endpoint -> endpoint name",
            "endpoint host desired_generation -> route_generation endpoint host generation deferred",
            "host -> host name",
        ),
        checks={"applied_generation": "applied_generation <= desired_generation"},
    )
