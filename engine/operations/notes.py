"""Operations on what people say of runs, models and versions, and on deleting them and bringing them back."""

from __future__ import annotations

from collections.abc import Iterator

from engine.access import Role
from engine.operations.common import DRY_RUN, Done
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass

_REASON = "why, kept on record"


@dataclass(frozen=True, slots=True)
class OnRun:
    """A run, and why."""

    id: str = argument("the run's id; a unique prefix is enough")
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class OnModel:
    """A model, and why."""

    model: str = argument("the model's name")
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class OnVersion:
    """A version, and why."""

    model: str = argument("the model's name")
    version: int = argument("the version number")
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class TagRun:
    """Tags for a run."""

    id: str = argument("the run's id; a unique prefix is enough")
    tags: tuple[str, ...] = argument("KEY=VALUE sets a tag, KEY= takes it away", metavar="KEY=VALUE")
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class TagModel:
    """Tags for a model."""

    model: str = argument("the model's name")
    tags: tuple[str, ...] = argument("KEY=VALUE sets a tag, KEY= takes it away", metavar="KEY=VALUE")
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class TagVersion:
    """Tags for a version."""

    model: str = argument("the model's name")
    version: int = argument("the version number")
    tags: tuple[str, ...] = argument("KEY=VALUE sets a tag, KEY= takes it away", metavar="KEY=VALUE")
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class NoteRun:
    """A note on a run."""

    id: str = argument("the run's id; a unique prefix is enough")
    text: str = argument('the note; "" takes it away')
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class DescribeModel:
    """A description of a model."""

    model: str = argument("the model's name")
    text: str = argument('the description; "" takes it away')
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class DescribeVersion:
    """A description of a version."""

    model: str = argument("the model's name")
    version: int = argument("the version number")
    text: str = argument('the description; "" takes it away')
    reason: str = argument(_REASON, flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


_VERBS: tuple[tuple[str, str, str, type], ...] = (
    ("runs", "tag", "set and remove tags of a run", TagRun),
    ("runs", "note", "write a note on a run", NoteRun),
    ("runs", "delete", "hide a run and its trials", OnRun),
    ("runs", "restore", "bring a deleted run back", OnRun),
    ("models", "tag", "set and remove tags of a model", TagModel),
    ("models", "describe", "write what a model is for", DescribeModel),
    ("models", "delete", "hide a model nothing needs", OnModel),
    ("models", "restore", "bring a deleted model back", OnModel),
    ("versions", "tag", "set and remove tags", TagVersion),
    ("versions", "describe", "write what a version is", DescribeVersion),
    ("versions", "delete", "hide one nothing needs", OnVersion),
    ("versions", "restore", "bring a deleted one back", OnVersion),
)


def _operations() -> Iterator[Operation]:
    for noun, verb, help, request in _VERBS:
        yield Operation(
            f"{noun}.{verb}",
            (noun, verb),
            help,
            request,
            Done,
            Role.OPERATOR,
            Danger.CHANGE,
            f"engine.service.handlers.notes:{verb}_{noun.removesuffix('s')}",
            reversible=True,
        )


OPERATIONS = tuple(_operations())
