"""Operations on models, versions and aliases."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import Done, NoRequest
from engine.operations.operation import Danger, Operation, argument
from engine.plans import Difference
from store.rows import Alias, Job, Model, Version, VersionSummary
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ModelsRequest:
    """The models of this deck."""

    deleted: bool = argument("the deleted ones instead", flag="--deleted", default=False)


@dataclass(frozen=True, slots=True)
class VersionsRequest:
    """A model's versions, newest first unless another order is asked for."""

    model: str = argument("the model's name")
    filter: str = argument("words, number>3, tags.team=pricing", metavar="FILTER", default="")
    limit: int = argument("at most this many rows", flag="--limit", default=1000)
    order: str = argument("number, created_at or tags.X; -X from the largest", flag="--order", default="")
    after: str = argument("the page after this cursor", flag="--after", metavar="CURSOR", default="")
    deleted: bool = argument("the deleted ones instead", flag="--deleted", default=False)


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """One page of versions, and the cursor of the next; None where this was the last."""

    rows: tuple[Version, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class VersionsListed:
    """One page of versions as a list shows them, and the cursor of the next; None where this was the last."""

    rows: tuple[VersionSummary, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class CompareVersions:
    """Two versions, written model@7 or model@champion."""

    first: str = argument("a version, model@7 or model@champion", metavar="A")
    second: str = argument("another; only 8 where it is of the same model", metavar="B")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Only what differs."""

    first: str
    second: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class DeriveVersion:
    """Make a version with another threshold, without training: the same artifact, proven again."""

    model: str = argument("the model's name")
    version: int = argument("the version it is derived from", metavar="VERSION")
    threshold: float = argument("the score from which on the positive class is answered", flag="--threshold")
    reason: str = argument("why, kept on record", flag="--reason", default="")


@dataclass(frozen=True, slots=True)
class VersionFileRequest:
    """A piece of a file of a version's export, from a byte offset on; without a path only what files there are."""

    model: str = argument("the model's name")
    version: int = argument("the version number")
    path: str = argument("a file of the export", flag="--path", default="")
    offset: int = argument("start at this byte", flag="--offset", default=0)


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export, by its path in the folder."""

    path: str
    size_bytes: int
    hash: str


@dataclass(frozen=True, slots=True)
class VersionFilePiece:
    """Every file of an export, a piece of the one asked for in base64, and where the next starts (None: no more)."""

    files: tuple[ExportedFile, ...]
    data: str
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class SetAlias:
    """Move an alias; `champion` is refused, that is `promote`."""

    model: str = argument("the model's name")
    name: str = argument("the alias")
    version: int = argument("the version number")
    reason: str = argument("why, kept on record", flag="--reason", default="")


@dataclass(frozen=True, slots=True)
class RemoveAlias:
    """Remove an alias; `champion` is refused."""

    model: str = argument("the model's name")
    name: str = argument("the alias")
    reason: str = argument("why, kept on record", flag="--reason", default="")


_HANDLERS = "engine.service.handlers.models"

OPERATIONS = (
    Operation(
        "models.list",
        ("models",),
        "the models of this deck",
        ModelsRequest,
        Model,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:models",
        many=True,
    ),
    Operation(
        "versions.list",
        ("versions",),
        "the versions of a model, newest first",
        VersionsRequest,
        Version,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:versions",
        many=True,
        pages="versions.page",
        listed="versions.listed",
    ),
    Operation(
        "versions.page",
        (),
        "one page of versions",
        VersionsRequest,
        VersionsPage,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:page",
        command_line=False,
    ),
    Operation(
        "versions.listed",
        (),
        "one page of versions, of each only what a list shows",
        VersionsRequest,
        VersionsListed,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:listed",
        command_line=False,
    ),
    Operation(
        "versions.compare",
        ("versions", "compare"),
        "what differs between two versions",
        CompareVersions,
        Comparison,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:compare",
    ),
    Operation(
        "versions.derive",
        ("versions", "derive"),
        "the same model with another threshold",
        DeriveVersion,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:derive",
        job=True,
    ),
    Operation(
        "versions.file",
        (),
        "a piece of a version's export",
        VersionFileRequest,
        VersionFilePiece,
        Role.OPERATOR,
        Danger.READ,
        "engine.service.handlers.exporting:piece",
        command_line=False,
    ),
    Operation(
        "aliases.list",
        ("aliases",),
        "every alias and the version it names",
        NoRequest,
        Alias,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:aliases",
        many=True,
    ),
    Operation(
        "aliases.set",
        ("aliases", "set"),
        "point an alias at a version",
        SetAlias,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:set_alias",
        reversible=True,
    ),
    Operation(
        "aliases.remove",
        ("aliases", "remove"),
        "remove an alias",
        RemoveAlias,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:remove_alias",
        reversible=True,
    ),
)
