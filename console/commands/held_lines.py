"""Why a release is held, on lines that can be read apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.output import Output
from store.errors import Held, ModeldeckError
from store.rows import Release

if TYPE_CHECKING:
    from engine.client import Client


def held_in_lines(client: Client, opened: Release, error: ModeldeckError, out: Output) -> ModeldeckError:
    """Return the error that a follower leaves with; of a held release what and why are written on lines of their own.

    JSON keeps all of it in its one message.
    """
    if out.as_json or not isinstance(error, Held):
        return error
    from engine.operations.serving import ReleaseRequest

    release: Release = client.call("releases.detail", ReleaseRequest(opened.id)).release
    named = f"{release.endpoint} v{release.to_version}"
    told = f"{named}: {release.detail}"
    if not release.detail or not error.message.startswith(told):
        return error
    out.note(f"{named} is held; traffic stays as it is")
    out.note(f"  {release.detail}")
    return Held("held", error.message.removeprefix(told).lstrip(": "))
