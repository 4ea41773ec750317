"""Operations on what people say of the deck's things, and on who is told of what."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import DRY_RUN, Done
from engine.operations.operation import Danger, Operation, argument
from store.rows import Comment, CommentText, Watch
from store.rows.frozen import dataclass

_KIND = "model, version, run, release, alert, snapshot (or data)"
_ID = "as `show` takes it: rates, rates@7, a prefix of an id"
_COMMENT = "the comment's id; a unique prefix is enough"
_TEXT = "what to say; @name tells somebody"


@dataclass(frozen=True, slots=True)
class CommentsRequest:
    """What is said of one thing, as a thread; of the whole deck, newest first, where none is named."""

    kind: str | None = argument(_KIND, metavar="KIND", default=None)
    id: str | None = argument(_ID, metavar="ID", default=None)
    mentioned: bool = argument("only those that call you", flag="--mentioned", default=False)
    limit: int = argument("at most this many rows", flag="--limit", default=100)


@dataclass(frozen=True, slots=True)
class AddComment:
    """A comment on one thing."""

    kind: str = argument(_KIND)
    id: str = argument(_ID)
    text: str = argument(_TEXT)
    reply_to: str | None = argument("the comment it answers", flag="--reply-to", metavar="ID", default=None)
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class EditComment:
    """Say one's own comment anew."""

    id: str = argument(_COMMENT)
    text: str = argument(_TEXT)
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class WithdrawComment:
    """Take a comment's text away."""

    id: str = argument(_COMMENT)
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class OfComment:
    """One comment."""

    id: str = argument(_COMMENT)


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """One thing to be told of."""

    kind: str = argument("model, version, release, alert")
    id: str = argument(_ID)
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class WatchesRequest:
    """Who watches what."""

    all: bool = argument("everybody's, not only yours", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class Commented:
    """A comment as it now stands. `told` are targets that take it to whom it calls, `untold` names that none takes."""

    comment: Comment
    already: bool
    told: tuple[str, ...]
    untold: tuple[str, ...]


_HANDLERS = "engine.service.handlers.comments"


def _change(
    verb: str, help: str, request: type, answer: type, *, reversible: bool = False, on_record: bool = False
) -> Operation:
    return Operation(
        f"comments.{verb}",
        ("comments", verb),
        help,
        request,
        answer,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:{verb}",
        reversible=reversible,
        on_record=on_record,
    )


OPERATIONS = (
    Operation(
        "comments.list",
        ("comments",),
        "what people say of a thing, or of the deck",
        CommentsRequest,
        Comment,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:comments",
        many=True,
    ),
    _change("add", "say something of a thing", AddComment, Commented, reversible=True, on_record=True),
    _change("edit", "say your comment anew", EditComment, Commented, reversible=True, on_record=True),
    _change("withdraw", "take a comment's text away", WithdrawComment, Commented),
    Operation(
        "comments.history",
        ("comments", "history"),
        "what a comment said before",
        OfComment,
        CommentText,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:history",
        many=True,
    ),
    _change("watch", "be told of what happens to a thing", WatchRequest, Done, reversible=True),
    _change("unwatch", "be told of it no more", WatchRequest, Done, reversible=True),
    Operation(
        "comments.watching",
        ("comments", "watching"),
        "what you watch",
        WatchesRequest,
        Watch,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:watching",
        many=True,
    ),
)
