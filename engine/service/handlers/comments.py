"""Handlers of operations on comments and watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from engine.access import Role
from engine.operations.comments import (
    AddComment,
    Commented,
    CommentsRequest,
    EditComment,
    OfComment,
    WatchesRequest,
    WatchRequest,
    WithdrawComment,
)
from engine.operations.common import Done
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from engine.settings.notify import from_body
from store.database import Reader
from store.errors import Refused
from store.rows import Alert, Comment, CommentText, Incident, Model, Release, Run, Version, Watch

Row = TypeVar("Row", Model, Version, Run, Release, Alert, Incident)


def comments(context: ServiceContext, request: CommentsRequest) -> list[Comment]:
    """Return a thing's thread, or the deck's newest comments.

    Raises:
        Refused: a kind without an id.
    """
    from store import comments as table
    from store import subjects

    check_limit(request.limit)
    me = _name(context) if request.mentioned else None
    if request.kind is None:
        return table.newest(context.deck.database, mentioned=me, limit=request.limit)
    if request.id is None:
        raise Refused(f"which {request.kind[:40]}?", f"modeldeck comments {request.kind[:40]} ID")
    with context.deck.database.reading() as reader:
        found = table.thread(reader, subjects.find(reader, request.kind, request.id))
    return [one for one in found if me is None or me in one.mentions][: request.limit]


def add(context: ServiceContext, request: AddComment) -> Commented:
    """Write a comment."""
    from store import comments as table
    from store import subjects

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        subject = subjects.find(tx, request.kind, request.id)
        made = table.add(tx, subject, request.text, actor=caller.actor, reply_to=request.reply_to, via=caller.via)
    return commented(context, made)


def edit(context: ServiceContext, request: EditComment) -> Commented:
    """Say one's own comment anew."""
    from store import comments as table

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        made, changed = table.edit(tx, request.id, request.text, actor=caller.actor, via=caller.via)
    return commented(context, made, already=not changed)


def withdraw(context: ServiceContext, request: WithdrawComment) -> Commented:
    """Take a comment's text away: one's own, or as admin anybody's."""
    from store import comments as table

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        made, changed = table.withdraw(
            tx,
            request.id,
            actor=caller.actor,
            is_admin=caller.role is Role.ADMIN,
            reason=request.reason,
            via=caller.via,
        )
    return commented(context, made, already=not changed)


def history(context: ServiceContext, request: OfComment) -> list[CommentText]:
    """Return what a comment said, oldest first."""
    from store import comments as table

    with context.deck.database.reading() as reader:
        return table.texts(reader, request.id)


def watch(context: ServiceContext, request: WatchRequest) -> Done:
    """Have the caller told of what happens to a thing."""
    from store import subjects, watches

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        subject = subjects.find(tx, request.kind, request.id)
        changed = watches.watch(tx, subject, actor=caller.actor, via=caller.via)
    said, targets = f"{subject.kind} {_shown(subject.id)}", _targets(context.deck.database, _name(context))
    how = (
        f"by {', '.join(targets)}" if targets else f'by nothing yet: people = ["{_name(context)}"] under [notify.NAME]'
    )
    body = {"kind": subject.kind, "id": subject.id, "told": list(targets)}
    if not changed:
        return Done(f"already watched: {said}, told {how}", already=True, body=body)
    return Done(f"{said} {'would be ' * request.dry_run}watched, told {how}", body=body)


def unwatch(context: ServiceContext, request: WatchRequest) -> Done:
    """Tell the caller of a thing no more."""
    from store import subjects, watches

    caller = context.caller
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        subject = subjects.find(tx, request.kind, request.id)
        changed = watches.unwatch(tx, subject, actor=caller.actor, via=caller.via)
    said, body = f"{subject.kind} {_shown(subject.id)}", {"kind": subject.kind, "id": subject.id}
    if not changed:
        return Done(f"already not watched: {said}", already=True, body=body)
    return Done(f"{said} {'would be ' * request.dry_run}watched no more", body=body)


def watching(context: ServiceContext, request: WatchesRequest) -> list[Watch]:
    """Return what the caller watches, or who watches what."""
    from store import watches

    return watches.watches(context.deck.database, actor=None if request.all else context.caller.actor)


def counted(reader: Reader, kind: str, rows: Sequence[Row], id_of: Callable[[Row], str]) -> list[Row]:
    """Return the rows of a list, each with how many comments stand on it."""
    from store import comments as table

    counts = table.counts(reader, kind) if rows else {}
    if not counts:
        return list(rows)
    return [replace(row, comments=counts[of]) if (of := id_of(row)) in counts else row for row in rows]


def commented(context: ServiceContext, made: Comment, *, already: bool = False) -> Commented:
    """Return a comment as it now stands, with the targets that tell whom it calls."""
    me = _name(context)
    targets = {name: _targets(context.deck.database, name) for name in made.mentions if name != me}
    told = dict.fromkeys(target for each in targets.values() for target in each)
    return Commented(made, already, tuple(told), tuple(name for name, each in targets.items() if not each))


def _targets(reader: Reader, name: str) -> tuple[str, ...]:
    """Return the targets of applied settings that a person reads."""
    from store import settings

    applied = from_body(settings.applied_body(reader))
    return tuple(label for label, target in applied.items() if name in target.people)


def _name(context: ServiceContext) -> str:
    return context.caller.actor.removeprefix("user:")


def _shown(id: str) -> str:
    return id.removeprefix("sha256:")[:12] if len(id) >= 32 and "@" not in id else id
