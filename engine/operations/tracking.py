"""Operations on experiments and on the files of runs."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Experiment, RunArtifact
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run."""

    id: str = argument("the run's id; a unique prefix is enough")


@dataclass(frozen=True, slots=True)
class RunFileRequest:
    """A piece of a run's file, from a byte offset on."""

    id: str = argument("the run's id; a unique prefix is enough")
    path: str = argument("the file's path, as the run gave it")
    offset: int = argument("start at this byte", flag="--offset", default=0)


@dataclass(frozen=True, slots=True)
class RunFilePiece:
    """A piece of a file in base64, what the whole is, and where the next piece starts (None: this was the last)."""

    file: RunArtifact
    data: str
    next_offset: int | None


_HANDLERS = "engine.service.handlers.tracking"

OPERATIONS = (
    Operation(
        "experiments.list",
        ("experiments",),
        "experiments, and how many runs each has",
        NoRequest,
        Experiment,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:experiments",
        many=True,
    ),
    Operation(
        "runs.artifacts",
        ("runs", "artifacts"),
        "the files that a run kept",
        RunFiles,
        RunArtifact,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:artifacts",
        many=True,
    ),
    Operation(
        "runs.file",
        (),
        "a piece of a run's file",
        RunFileRequest,
        RunFilePiece,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:piece",
        command_line=False,
    ),
)
