"""Comments on the deck's things: written, edited, withdrawn, each change with its event.

The record holds a text's hash and length, never the text: an edit leaves the former text beside the new one, a
withdrawal takes every text away and leaves who, when and the hashes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from store import events
from store.database import Reader, Row, Write, fields
from store.errors import NotAllowed, Refused
from store.ids import new_id
from store.json_text import dump, load
from store.lookup import find_id
from store.rows import Comment, CommentText
from store.subjects import Subject
from store.wording import checked

MOST_MENTIONS = 20
DEEPEST = 8  # replies to replies; a deeper one is set beside the one it answers

_MENTION = re.compile(r"(?<![\w@./+-])@([a-z_](?:[a-z0-9_.-]{0,30}[a-z0-9_])?)(?![\w@])")
_NEWEST = "SELECT c.*, t.text FROM comment c JOIN comment_text t ON t.comment_id = c.id AND t.revision = c.revision"


def add(
    tx: Write, subject: Subject, text: str, *, actor: str, reply_to: str | None = None, via: str | None = None
) -> Comment:
    """Write a comment on a thing, or a reply to another one there.

    Raises:
        UnknownName: no comment begins like `reply_to`.
        Refused: the text is empty, too long or holds what is not to be shown; the other one is on something else.
    """
    said = checked(text)
    parent = comment(tx, reply_to) if reply_to is not None else None
    if parent is not None and (parent.kind, parent.subject) != (subject.kind, subject.id):
        raise Refused(f"comment {parent.id[:12]} is on {parent.kind} {parent.subject}", "a reply is on the same thing")
    if parent is not None and parent.depth >= DEEPEST:
        parent = comment(tx, parent.reply_to or parent.id)
    id, called = new_id(tx.clock), mentions(said)
    tx.execute(
        "INSERT INTO comment (id, kind, subject, model, reply_to, depth, actor, via, mentions, revision, written_at)"
        " VALUES (:id, :kind, :subject, :model, :reply_to, :depth, :actor, :via, :mentions, 1, :at)",
        {
            "id": id,
            "kind": subject.kind,
            "subject": subject.id,
            "model": subject.model,
            "reply_to": parent.id if parent else None,
            "depth": parent.depth + 1 if parent else 0,
            "actor": actor,
            "via": via,
            "mentions": dump(list(called)),
            "at": tx.at,
        },
    )
    _keep(tx, id, 1, said)
    return _told(tx, id, "added", actor, {**_said(said), "mentions": list(called)}, via=via)


def edit(tx: Write, id: str, text: str, *, actor: str, via: str | None = None) -> tuple[Comment, bool]:
    """Say it anew; the former text stays beside it. Returns the comment, and whether anything changed.

    Raises:
        NotAllowed: somebody else wrote it.
        Refused: it is withdrawn, or the text as for `add`.
    """
    before, said = _own(tx, id, actor, "edits"), checked(text)
    if before.text == said:
        return before, False
    called = mentions(said)
    tx.execute(
        "UPDATE comment SET revision = revision + 1, mentions = :mentions, edited_at = :at WHERE id = :id",
        {"mentions": dump(list(called)), "at": tx.at, "id": before.id},
    )
    _keep(tx, before.id, before.revision + 1, said)
    fresh = [name for name in called if name not in before.mentions]  # who was called before is not called again
    return _told(tx, before.id, "edited", actor, {**_said(said), "mentions": fresh}, via=via), True


def withdraw(
    tx: Write, id: str, *, actor: str, is_admin: bool = False, reason: str = "", via: str | None = None
) -> tuple[Comment, bool]:
    """Take every text of a comment away; replies stay. Returns the comment, and whether anything changed.

    Raises:
        NotAllowed: somebody else wrote it, and the actor is no admin.
    """
    before = comment(tx, id)
    if before.withdrawn_at is not None:
        return before, False
    if not is_admin:
        _own(tx, before.id, actor, "withdraws")
    tx.execute("UPDATE comment_text SET text = '' WHERE comment_id = :id", {"id": before.id})
    tx.execute(  # where its first words stand, too
        "UPDATE notification SET title = 'a comment, withdrawn' WHERE subject_kind = 'comment' AND subject_id = :id",
        {"id": before.id},
    )
    tx.execute(
        "UPDATE comment SET mentions = '[]', withdrawn_at = :at, withdrawn_by = :actor WHERE id = :id",
        {"at": tx.at, "actor": actor, "id": before.id},
    )
    return _told(tx, before.id, "withdrawn", actor, {"of": before.actor}, reason=reason, via=via), True


def comment(reader: Reader, id: str) -> Comment:
    """Return one comment by id or unique prefix.

    Raises:
        UnknownName: none begins so. Refused: several do.
    """
    row = reader.row(f"{_NEWEST} WHERE c.id = :id", {"id": find_id(reader, "comment", "comment", id)})
    assert row is not None
    return _row(row)


def thread(reader: Reader, subject: Subject) -> list[Comment]:
    """Return what is said of a thing: the oldest first, each with its replies below it."""
    found = reader.rows(
        f"{_NEWEST} WHERE c.kind = :kind AND c.subject = :subject ORDER BY c.id",
        {"kind": subject.kind, "subject": subject.id},
    )
    below: dict[str | None, list[Comment]] = {}
    for row in found:
        one = _row(row)
        below.setdefault(one.reply_to, []).append(one)
    told: list[Comment] = []
    waiting = below.get(None, [])[::-1]
    while waiting:
        one = waiting.pop()
        told.append(one)
        waiting += below.get(one.id, [])[::-1]
    return told


def newest(reader: Reader, *, mentioned: str | None = None, limit: int = 100) -> list[Comment]:
    """Return comments of the whole deck, newest first; `mentioned` only those that call somebody of that name."""
    where = "WHERE c.mentions LIKE :called" if mentioned is not None else ""
    called = f"%{dump(mentioned)}%" if mentioned is not None else ""
    found = reader.rows(f"{_NEWEST} {where} ORDER BY c.id DESC LIMIT :limit", {"called": called, "limit": limit})
    return [one for one in map(_row, found) if mentioned is None or mentioned in one.mentions]


def texts(reader: Reader, id: str) -> list[CommentText]:
    """Return what a comment said, oldest first."""
    whole = comment(reader, id).id
    found = reader.rows(
        "SELECT comment_id, revision, text, written_at FROM comment_text WHERE comment_id = :id ORDER BY revision",
        {"id": whole},
    )
    return [CommentText(**dict(row)) for row in found]


def counts(reader: Reader, kind: str) -> dict[str, int]:
    """Return how many comments stand on each thing of a kind that has any, by its id."""
    found = reader.rows(
        "SELECT subject, count(*) AS count FROM comment WHERE kind = :kind AND withdrawn_at IS NULL GROUP BY subject",
        {"kind": kind},
    )
    return {row["subject"]: row["count"] for row in found}


def mentions(text: str) -> tuple[str, ...]:
    """Return who is called by `@name` in a text, in order, once each; an address such as a@b.c calls nobody.

    Raises:
        Refused: more are called than a comment may call.
    """
    called = tuple(dict.fromkeys(_MENTION.findall(text)))
    if len(called) > MOST_MENTIONS:
        raise Refused(f"the comment calls {len(called)} people", f"at most {MOST_MENTIONS}")
    return called


def _own(tx: Write, id: str, actor: str, does: str) -> Comment:
    found = comment(tx, id)
    if found.withdrawn_at is not None:
        raise Refused(f"comment {found.id[:12]} is withdrawn", "write another one")
    if found.actor != actor:
        raise NotAllowed(f"{found.actor} wrote comment {found.id[:12]}, and alone {does} it", "reply to it instead")
    return found


def _keep(tx: Write, id: str, revision: int, text: str) -> None:
    tx.execute(
        "INSERT INTO comment_text (comment_id, revision, text, written_at) VALUES (:id, :revision, :text, :at)",
        {"id": id, "revision": revision, "text": text, "at": tx.at},
    )


def _said(text: str) -> dict[str, Any]:
    return {"text_hash": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", "characters": len(text)}


def _told(
    tx: Write, id: str, verb: str, actor: str, body: dict[str, Any], *, reason: str = "", via: str | None = None
) -> Comment:
    after = comment(tx, id)
    events.append(
        tx,
        actor=actor,
        action=f"comment.{verb}",
        subject_kind="comment",
        subject_id=after.id,
        model=after.model,
        reason=reason,
        body={"kind": after.kind, "subject": after.subject, "revision": after.revision, **body},
        via=via,
    )
    return after


def _row(row: Row) -> Comment:
    called: Sequence[str] = load(row["mentions"])
    return Comment(**{**fields(row), "mentions": tuple(called)})
