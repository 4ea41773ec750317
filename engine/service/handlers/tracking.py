"""Handlers of operations on experiments and on the files of runs."""

from __future__ import annotations

import base64

from engine.operations.common import NoRequest
from engine.operations.tracking import RunFilePiece, RunFileRequest, RunFiles
from engine.service.context import ServiceContext
from store.errors import Refused
from store.rows import Experiment, RunArtifact

PIECE_BYTES = 1 << 20


def experiments(context: ServiceContext, _request: NoRequest) -> list[Experiment]:
    """Return the deck's experiments with their counts."""
    from store import experiments as names

    return names.experiments(context.deck.database)


def artifacts(context: ServiceContext, request: RunFiles) -> list[RunArtifact]:
    """Return the files of a run."""
    from store import run_artifacts, runs

    reader = context.deck.database
    return run_artifacts.artifacts(reader, runs.run(reader, request.id).id)


def piece(context: ServiceContext, request: RunFileRequest) -> RunFilePiece:
    """Return a piece of a file; who has them all compares the whole with its hash."""
    from store import run_artifacts, runs

    reader = context.deck.database
    kept = run_artifacts.artifact(reader, runs.run(reader, request.id).id, request.path)
    if not 0 <= request.offset <= kept.size_bytes:
        raise Refused(f"{kept.path} has no byte {request.offset}", f"it has {kept.size_bytes}")
    with context.deck.artifacts.path(kept.hash).open("rb") as source:
        source.seek(request.offset)
        data = source.read(PIECE_BYTES)
    end = request.offset + len(data)
    more = bool(data) and end < kept.size_bytes
    return RunFilePiece(kept, base64.b64encode(data).decode("ascii"), end if more else None)
