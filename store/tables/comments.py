"""Comments with every text they had, and who watches what."""

from __future__ import annotations

from sqlalchemy import Index

from store.tables.columns import Table, count, moment, refers, text


class CommentTable(Table, table=True):
    """One comment on one thing of the deck; its texts lie beside it."""

    __tablename__ = "comment"
    __table_args__ = (
        refers("reply_to", "comment", "id"),
        Index(None, "kind", "subject", "id"),
    )

    id: str = text(primary_key=True)
    kind: str = text()
    subject: str = text()
    model: str | None = text(default=None)
    reply_to: str | None = text(default=None)
    depth: int = count()
    actor: str = text()
    via: str | None = text(default=None)
    mentions: str = text()
    revision: int = count()
    written_at: int = moment()
    edited_at: int | None = moment(default=None)
    withdrawn_at: int | None = moment(default=None)
    withdrawn_by: str | None = text(default=None)


class CommentTextTable(Table, table=True):
    """What a comment said from one time on; the newest revision is what it says."""

    __tablename__ = "comment_text"
    __table_args__ = (refers("comment_id", "comment", "id"),)

    comment_id: str = text(primary_key=True)
    revision: int = count(primary_key=True)
    text: str = text()
    written_at: int = moment()


class WatchTable(Table, table=True):
    """That somebody is told of what happens to a thing."""

    __tablename__ = "watch"
    __table_args__ = (Index(None, "kind", "subject"),)

    actor: str = text(primary_key=True)
    kind: str = text(primary_key=True)
    subject: str = text(primary_key=True)
    model: str | None = text(default=None)
    since_at: int = moment()
