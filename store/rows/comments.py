"""What people say of a deck's things, and who watches which of them."""

from __future__ import annotations

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment, as it stands. A withdrawn one has no text: who wrote it, when, and its hash on record stay."""

    id: str
    kind: str  # of what it is on: model, version, run, release, alert, snapshot
    subject: str  # its whole id, as `show` takes it
    model: str | None
    reply_to: str | None
    depth: int  # 0: no reply
    actor: str
    via: str | None
    text: str
    mentions: tuple[str, ...]  # names, without the @
    revision: int  # 1, and one more with each edit
    written_at: int
    edited_at: int | None
    withdrawn_at: int | None
    withdrawn_by: str | None


@dataclass(frozen=True, slots=True)
class CommentText:
    """What a comment said from one time on."""

    comment_id: str
    revision: int
    text: str
    written_at: int


@dataclass(frozen=True, slots=True)
class Watch:
    """That somebody is told of what happens to a thing."""

    actor: str
    kind: str  # model, version, release, alert
    subject: str
    model: str | None
    since_at: int
