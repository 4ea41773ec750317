"""What a comment or a watch is about: found by the words that the command line uses, named by its whole id."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import NamedTuple

from store import alerts, incidents, models, releases, runs, snapshots, versions
from store.database import Reader
from store.errors import Refused, UnknownName

WATCHED = ("model", "version", "release", "alert")
ALSO = {"data": "snapshot"}  # what the command line calls it, too


class Subject(NamedTuple):
    """One thing of the deck."""

    kind: str
    id: str
    model: str | None


def find(reader: Reader, kind: str, identity: str) -> Subject:
    """Return the thing: a model by name, a version as `rates@7` or `rates@champion`, the rest by a prefix of its id.

    Raises:
        Refused: no such kind, or several ids begin so.
        UnknownName: the deck has no such thing.
    """
    kind = ALSO.get(kind, kind)
    if kind not in _FINDERS:
        close = difflib.get_close_matches(kind, _FINDERS, n=1)
        raise Refused(
            f"nothing is said of a {kind[:40]!r}" + (f", did you mean {close[0]}?" if close else ""),
            f"kinds: {', '.join(_FINDERS)}; data is a snapshot",
        )
    return _FINDERS[kind](reader, identity)


def _model(reader: Reader, name: str) -> Subject:
    found = models.model(reader, name)
    return Subject("model", found.name, found.name)


def _version(reader: Reader, reference: str) -> Subject:
    found = versions.referred(reader, reference)
    return Subject("version", f"{found.model}@{found.number}", found.model)


def _run(reader: Reader, identity: str) -> Subject:
    found = runs.run(reader, identity)
    return Subject("run", found.id, found.model)


def _release(reader: Reader, identity: str) -> Subject:
    found = releases.release(reader, identity)
    return Subject("release", found.id, found.endpoint)


def _alert(reader: Reader, identity: str) -> Subject:
    found = alerts.alert(reader, identity)
    return Subject("alert", found.id, found.model)


def _snapshot(reader: Reader, identity: str) -> Subject:
    if not identity.strip().removeprefix("sha256:"):
        raise UnknownName(f"no snapshot {identity!r}", "modeldeck data MODEL lists them")
    found = snapshots.find(reader, identity)
    return Subject("snapshot", found.id, found.model)


def _incident(reader: Reader, identity: str) -> Subject:
    found = incidents.incident(reader, identity)
    return Subject("incident", found.id, found.models[0] if len(found.models) == 1 else None)


_FINDERS: dict[str, Callable[[Reader, str], Subject]] = {
    "model": _model,
    "version": _version,
    "run": _run,
    "release": _release,
    "alert": _alert,
    "snapshot": _snapshot,
    "incident": _incident,
}
KINDS = tuple(_FINDERS)
