"""What runs log is kept by the run's number, and what each change pays for without use is left out."""

from __future__ import annotations

from alembic import op

from store.migrations.declare import index, table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATES = "'running', 'finished', 'failed', 'abandoned', 'cancelled'"
_RUN = (
    "id text, experiment text, model text?, parent_id text?, kind text, name text, state text, reason text,"
    " settings_revision integer?, snapshot_id text?, job_id text?, actor text, started_at bigint, ended_at bigint?,"
    " deleted_at bigint?, note text="
)
_EVENT = (
    "seq serial, at bigint, actor text, via text?, action text, subject_kind text, subject_id text, model text?,"
    " reason text, body text, previous_hash text, hash text"
)
_ALIAS = "model text, name text, version integer?, generation integer, actor text, moved_at bigint"
_MOVE = (
    "model text, name text, generation integer, from_version integer?, to_version integer?, actor text, reason text,"
    " moved_at bigint"
)
_LOGGED = (
    ("run_metric", "key text, step bigint, at bigint, value double?", "run_number key step"),
    ("run_metric_latest", "key text, step bigint, at bigint, value double?", "run_number key"),
    ("run_param", "key text, value text", "run_number key"),
    ("run_tag", "key text, value text", "run_number key"),
)
_EVENT_TRIGGERS = {
    "event_not_updated": """CREATE TRIGGER event_not_updated BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'events are append-only: no update'); END""",
    "event_not_deleted": """CREATE TRIGGER event_not_deleted BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are append-only: no delete'); END""",
    "event_next_only": """CREATE TRIGGER event_next_only BEFORE INSERT ON event
    WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM event)
    BEGIN SELECT RAISE(ABORT, 'events are append-only: not the next one'); END""",
}


def upgrade() -> None:
    """Make the tables anew; no row changes its meaning."""
    op.execute("PRAGMA legacy_alter_table = ON")  # references to a renamed table go on to mean the one made anew
    _number_runs()
    _make_events()
    _make_aliases()
    op.execute("PRAGMA legacy_alter_table = OFF")


def _names(columns: str) -> str:
    return ", ".join(column.split()[0] for column in columns.split(", "))


def _number_runs() -> None:
    op.rename_table("run", "run_before")
    table(
        "run",
        f"number serial, {_RUN}",
        key="number",
        refers=(
            "experiment -> experiment name",
            "model -> model name",
            "parent_id -> run id",
            "settings_revision -> settings_revision revision",
            "model snapshot_id -> snapshot model id",
            "job_id -> job id",
        ),
        unique=("id",),
        checks={"state": f"state IN ({_STATES})"},
    )
    op.execute(f"INSERT INTO run ({_names(_RUN)}) SELECT {_names(_RUN)} FROM run_before ORDER BY id")
    for name, columns, key in _LOGGED:
        op.rename_table(name, f"{name}_before")
        table(name, f"run_number bigint, {columns}", key=key, refers=("run_number -> run number",), by_key=True)
        op.execute(
            f"INSERT INTO {name} (run_number, {_names(columns)}) SELECT r.number, {_names(columns)}"
            f" FROM run r JOIN {name}_before b ON b.run_id = r.id ORDER BY r.number"
        )
        op.drop_table(f"{name}_before")
    op.drop_table("run_before")
    index("ix_run_parent_id_number", "run", "parent_id number", where="parent_id IS NOT NULL")
    index("ix_run_model_parent_id_number", "run", "model parent_id number")
    index("ix_run_job_id", "run", "job_id", where="job_id IS NOT NULL")
    index("ix_run_state", "run", "state", where="state = 'running'")
    index("ix_run_experiment_number", "run", "experiment number")
    for name in ("run_metric_latest", "run_param", "run_tag"):
        index(f"ix_{name}_key_value_run_number", name, "key value run_number")


def _make_events() -> None:
    """Leave out the index of hashes: a link is found by its number, and its hash holds that of the one before."""
    for trigger in _EVENT_TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}")
    op.rename_table("event", "event_before")
    table("event", _EVENT, key="seq")
    op.execute(f"INSERT INTO event ({_names(_EVENT)}) SELECT {_names(_EVENT)} FROM event_before ORDER BY seq")
    op.drop_table("event_before")
    index("ix_event_model_seq", "event", "model seq")
    index("ix_event_subject_kind_subject_id_seq", "event", "subject_kind subject_id seq")
    for trigger in _EVENT_TRIGGERS.values():
        op.execute(trigger)


def _make_aliases() -> None:
    for name, columns, key, refers in (
        ("alias", _ALIAS, "model name", ("model -> model name", "model version -> version model number")),
        ("alias_move", _MOVE, "model name generation", ("model name -> alias model name",)),
    ):
        op.rename_table(name, f"{name}_before")
        table(name, columns, key=key, refers=refers, by_key=True)
        op.execute(f"INSERT INTO {name} ({_names(columns)}) SELECT {_names(columns)} FROM {name}_before")
        op.drop_table(f"{name}_before")
