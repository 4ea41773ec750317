"""Handlers of operations on a deck's files as a folder."""

from __future__ import annotations

from engine.operations.common import Done, NoRequest
from engine.operations.files import DeckFiles, FolderPlan, FolderRequest
from engine.service.context import ServiceContext
from engine.settings import folder
from store.rows import to_json


def plan(context: ServiceContext, request: FolderRequest) -> FolderPlan:
    """Return what applying a folder would change."""
    return folder.plan(context.deck, request.files)


def apply(context: ServiceContext, request: FolderRequest) -> Done:
    """Bring the deck to what a folder says."""
    before = folder.plan(context.deck, request.files)
    if not before.changes and not before.drifted:
        return Done(
            f"already applied as revision {before.revision}",
            already=True,
            body={"revision": before.revision, "plan": to_json(before)},
        )
    revision, told = folder.apply_folder(
        context.deck, request.files, context.caller.actor, request.reason, overwrite=request.overwrite
    )
    body = {"revision": revision.revision, "hash": revision.hash, "plan": to_json(told)}
    return Done(f"applied as revision {revision.revision}", body=body)


def files(context: ServiceContext, _request: NoRequest) -> DeckFiles:
    """Return the deck's files as they are applied."""
    revision, found = folder.applied_files(context.deck)
    return DeckFiles(revision, tuple(found))
