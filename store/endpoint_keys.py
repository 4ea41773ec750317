"""Keys of endpoints: who made and revoked which, and their digests. A key itself is never stored."""

from __future__ import annotations

import re

from store import events, models
from store.database import Reader, Write
from store.errors import Refused, UnknownName
from store.rows import EndpointKey

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_COLUMNS = "model, name, made_by, made_at, revoked_by, revoked_at"


def keys(reader: Reader, model: str | None = None) -> list[EndpointKey]:
    """Return keys by model and name, revoked ones too.

    Raises:
        UnknownName: the deck has no such model.
    """
    if model is not None:
        models.model(reader, model)
    where = "" if model is None else " WHERE model = :model"
    found = reader.rows(f"SELECT {_COLUMNS} FROM endpoint_key{where} ORDER BY model, name", {"model": model})
    return [EndpointKey(**dict(row)) for row in found]


def digests(reader: Reader) -> dict[str, frozenset[str]]:
    """Return what opens each model's endpoint now."""
    found: dict[str, set[str]] = {}
    for row in reader.rows("SELECT model, digest FROM endpoint_key WHERE revoked_at IS NULL"):
        found.setdefault(row["model"], set()).add(row["digest"])
    return {model: frozenset(known) for model, known in found.items()}


def add(
    tx: Write, model: str, name: str, digest: str, *, actor: str, reason: str = "", via: str | None = None
) -> EndpointKey:
    """Note a new key.

    Raises:
        UnknownName: the deck has no such model.
        Refused: the name is none, or taken, also by a revoked key.
    """
    models.model(tx, model)
    if not _NAME.fullmatch(name):
        raise Refused(f"{name[:63]!r} is no name of a key", "lower-case letters, digits and _ . -, 63 at most")
    known = _key(tx, model, name)
    if known is not None:
        which = "was revoked" if known.revoked_at else "is in use"
        raise Refused(f"{model} has a key named {name!r} already, which {which}", "give the new key another name")
    tx.execute(
        "INSERT INTO endpoint_key (model, name, digest, made_by, made_at) VALUES (:model, :name, :digest, :by, :at)",
        {"model": model, "name": name, "digest": digest, "by": actor, "at": tx.at},
    )
    _record(tx, "key_added", model, name, actor, reason, via)
    return EndpointKey(model, name, actor, tx.at, None, None)


def revoke(
    tx: Write, model: str, name: str, *, actor: str, reason: str = "", via: str | None = None
) -> tuple[EndpointKey, bool]:
    """Have a key open nothing any more; (key, already so).

    Raises:
        UnknownName: the deck has no such model, or the model no such key.
    """
    models.model(tx, model)
    known = _key(tx, model, name)
    if known is None:
        names = ", ".join(one.name for one in keys(tx, model) if not one.revoked_at) or "none"
        raise UnknownName(f"{model} has no key named {name!r}", f"keys in use: {names}")
    if known.revoked_at:
        return known, True
    tx.execute(
        "UPDATE endpoint_key SET revoked_by = :by, revoked_at = :at WHERE model = :model AND name = :name",
        {"by": actor, "at": tx.at, "model": model, "name": name},
    )
    _record(tx, "key_revoked", model, name, actor, reason, via)
    return EndpointKey(model, name, known.made_by, known.made_at, actor, tx.at), False


def _key(reader: Reader, model: str, name: str) -> EndpointKey | None:
    row = reader.row(
        f"SELECT {_COLUMNS} FROM endpoint_key WHERE model = :model AND name = :name", {"model": model, "name": name}
    )
    return EndpointKey(**dict(row)) if row else None


def _record(tx: Write, what: str, model: str, name: str, actor: str, reason: str, via: str | None) -> None:
    events.append(
        tx,
        actor=actor,
        action=f"endpoint.{what}",
        subject_kind="endpoint",
        subject_id=model,
        model=model,
        reason=reason,
        body={"key": name},
        via=via,
    )
