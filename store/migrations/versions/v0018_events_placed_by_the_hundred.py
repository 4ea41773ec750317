"""Events that are given their places by subject and by model a hundred at a time: two pages fewer for every change."""

from __future__ import annotations

from alembic import op

from store.migrations.declare import table

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_REST = "at, actor, via, action, {}reason, body, previous_hash, hash"
_NEWEST = "FROM event WHERE seq > (SELECT max(seq) / 100 * 100 FROM event)"
_OF_SUBJECT = (
    "INSERT INTO event_subject (subject_kind, subject_id, seq) SELECT subject_kind, subject_id, seq FROM event"
)
_OF_MODEL = "INSERT INTO event_model (model, seq) SELECT model, seq FROM event"
_PLACED = f"""CREATE TRIGGER event_placed AFTER INSERT ON event
    WHEN NEW.seq % 100 = 0
    BEGIN
    {_OF_SUBJECT} WHERE seq > NEW.seq - 100 ORDER BY 1, 2, 3;
    {_OF_MODEL} WHERE seq > NEW.seq - 100 AND model IS NOT NULL ORDER BY 1, 2;
    END"""
_BY_SUBJECT = f"""CREATE VIEW event_by_subject AS
    SELECT p.subject_kind, p.subject_id, p.seq, {_REST.format("model, ")}
    FROM event_subject p CROSS JOIN event e ON e.seq = p.seq
    UNION ALL
    SELECT subject_kind, subject_id, seq, {_REST.format("model, ")} {_NEWEST}"""
_BY_MODEL = f"""CREATE VIEW event_by_model AS
    SELECT p.model, p.seq, {_REST.format("subject_kind, subject_id, ")}
    FROM event_model p CROSS JOIN event e ON e.seq = p.seq
    UNION ALL
    SELECT model, seq, {_REST.format("subject_kind, subject_id, ")} {_NEWEST}"""


def upgrade() -> None:
    """Put two tables in the place of two indexes, filled by the record itself with every hundredth event.

    Views read them together with what came after the last full hundred.
    """
    op.drop_index("ix_event_model_seq", "event")
    op.drop_index("ix_event_subject_kind_subject_id_seq", "event")
    table(
        "event_subject",
        "subject_kind text, subject_id text, seq serial",
        key="subject_kind subject_id seq",
        by_key=True,
    )
    table("event_model", "model text, seq serial", key="model seq", by_key=True)
    full = "seq <= (SELECT max(seq) / 100 * 100 FROM event)"
    op.execute(f"{_OF_SUBJECT} WHERE {full} ORDER BY 1, 2, 3")
    op.execute(f"{_OF_MODEL} WHERE {full} AND model IS NOT NULL ORDER BY 1, 2")
    for statement in (_PLACED, _BY_SUBJECT, _BY_MODEL):
        op.execute(statement)
