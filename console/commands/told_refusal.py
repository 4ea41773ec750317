"""Tells a deck of a file that this process refused before the deck saw it, so that it is on record all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from console.commands.session import Session
from engine.operations.audit import RefusedFile
from store.errors import BadBundle, ModeldeckError, Refused


@contextmanager
def refusal_on_record(session: Session, what: str, name: str) -> Iterator[None]:
    """Put on the deck's record what is refused within; `what` is bundle or folder, `name` the file's.

    The refusal is raised on. Where the deck cannot be told (no daemon, no such role, a full disk), it is only raised.
    """
    try:
        yield
    except (BadBundle, Refused) as error:
        if not getattr(session.said.request, "dry_run", False) and not session.read_only:
            with suppress(ModeldeckError), session.client() as client:
                client.call("audit.refused", RefusedFile(what, name, error.message))
        raise
