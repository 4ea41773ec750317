"""Comments with every text they had, and who watches what."""

from __future__ import annotations

from store.migrations.declare import index, table

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three tables."""
    table(
        "comment",
        "id text, kind text, subject text, model text?, reply_to text?, depth integer, actor text, via text?,"
        " mentions text, revision integer, written_at bigint, edited_at bigint?, withdrawn_at bigint?,"
        " withdrawn_by text?",
        key="id",
        refers=("reply_to -> comment id",),
    )
    index("ix_comment_kind_subject_id", "comment", "kind subject id")
    table(
        "comment_text",
        "comment_id text, revision integer, text text, written_at bigint",
        key="comment_id revision",
        refers=("comment_id -> comment id",),
    )
    table(
        "watch",
        "actor text, kind text, subject text, model text?, since_at bigint",
        key="actor kind subject",
    )
    index("ix_watch_kind_subject", "watch", "kind subject")
