"""Versions: numbered, immutable, with everything that made them by hash."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from store import events, models
from store.clock import Clock
from store.database import Reader, Row, Write, fields
from store.errors import Refused, UnknownName
from store.json_text import dump, load
from store.rows import Version

_REFERENCE = re.compile(r"(?P<model>[^@\s]+)@(?P<number>[1-9][0-9]*)")
_STRUCTURED = ("signature", "decision", "evaluation")


def parse_ref(text: str) -> tuple[str, int]:
    """Read `model@7` as (model, 7).

    Raises:
        Refused: the text is not of that form.
    """
    found = _REFERENCE.fullmatch(text.strip())
    if found is None:
        raise Refused(f"{text!r} names no version", "write it as model@7")
    return found["model"], int(found["number"])


def register(  # noqa: PLR0913 (one keyword for each thing a version pins)
    tx: Write,
    *,
    model: str,
    run_id: str,
    snapshot_id: str,
    settings_revision: int,
    bundle_hash: str,
    environment_hash: str,
    artifact_hash: str,
    artifact_bytes: int,
    golden_hash: str,
    signature: dict[str, Any],
    decision: dict[str, Any],
    evaluation: dict[str, Any],
    estimator: str,
    actor: str,
    git_commit: str | None = None,
    git_dirty: bool | None = None,
    cutoff_at: int | None = None,
    derived_from: int | None = None,
    description: str = "",
    tags: dict[str, str] | None = None,
    clock: Clock | None = None,
) -> Version:
    """Make the model's next version; where a champion stands, it becomes the challenger in the same transaction.

    `clock` gives its time where that is not the transaction's.

    Raises:
        UnknownName: the deck has no such model.
    """
    stands = models.model(tx, model)
    last = tx.row("SELECT max(number) AS number FROM version WHERE model = :model", {"model": model})
    number = (last["number"] or 0) + 1 if last else 1
    values: dict[str, Any] = {
        "model": model,
        "number": number,
        "run_id": run_id,
        "snapshot_id": snapshot_id,
        "settings_revision": settings_revision,
        "bundle_hash": bundle_hash,
        "environment_hash": environment_hash,
        "artifact_hash": artifact_hash,
        "artifact_bytes": artifact_bytes,
        "golden_hash": golden_hash,
        "signature": dump(signature),
        "decision": dump(decision),
        "evaluation": dump(evaluation),
        "estimator": estimator,
        "git_commit": git_commit,
        "git_dirty": None if git_dirty is None else int(git_dirty),
        "cutoff_at": cutoff_at,
        "derived_from": derived_from,
        "description": description,
        "actor": actor,
        "created_at": clock.now() if clock else tx.at,
    }
    names = ", ".join(values)
    tx.execute(f"INSERT INTO version ({names}) VALUES ({', '.join(f':{name}' for name in values)})", values)
    tx.execute_many(
        "INSERT INTO version_tag (model, number, key, value) VALUES (:model, :number, :key, :value)",
        [{"model": model, "number": number, "key": key, "value": value} for key, value in (tags or {}).items()],
    )
    _record(
        tx,
        "version.registered",
        model,
        number,
        actor,
        body={
            "run_id": run_id,
            "snapshot_id": snapshot_id,
            "artifact_hash": artifact_hash,
            "settings_revision": settings_revision,
            "estimator": estimator,
        },
    )
    if stands.champion is not None:
        models.set_alias(tx, model, "challenger", number, actor=actor, reason="trained while a champion serves")
    return version(tx, model, number)


def versions(reader: Reader, model: str) -> list[Version]:
    """Return a model's versions, newest first.

    Raises:
        UnknownName: the deck has no such model.
    """
    models.model(reader, model)
    found = reader.rows(
        "SELECT * FROM version WHERE model = :model AND deleted_at IS NULL ORDER BY number DESC", {"model": model}
    )
    return _versions(reader, model, found)


def version(reader: Reader, model: str, number: int) -> Version:
    """Return one version.

    Raises:
        UnknownName: the deck has no such model or version.
    """
    found = reader.rows(
        "SELECT * FROM version WHERE model = :model AND number = :number", {"model": model, "number": number}
    )
    if not found:
        models.model(reader, model)
        raise UnknownName(f"no version {model}@{number}", f"modeldeck versions {model} lists them")
    return _versions(reader, model, found)[0]


def mark_abandoned(tx: Write, model: str, number: int, actor: str, reason: str = "") -> Version:
    """Mark a version as left behind by a rollback: only `promote --reason` reaches it again."""
    return _mark(tx, model, number, tx.at, actor, reason)


def clear_abandoned(tx: Write, model: str, number: int, actor: str, reason: str = "") -> Version:
    """Take the mark away."""
    return _mark(tx, model, number, None, actor, reason)


def _mark(tx: Write, model: str, number: int, at: int | None, actor: str, reason: str) -> Version:
    before = version(tx, model, number)
    if (before.abandoned_at is None) == (at is None):
        return before
    tx.execute(
        "UPDATE version SET abandoned_at = :at WHERE model = :model AND number = :number",
        {"at": at, "model": model, "number": number},
    )
    action = "version.abandoned" if at is not None else "version.reinstated"
    _record(tx, action, model, number, actor, reason=reason)
    return version(tx, model, number)


def _record(
    tx: Write,
    action: str,
    model: str,
    number: int,
    actor: str,
    *,
    reason: str = "",
    body: dict[str, Any] | None = None,
) -> None:
    events.append(
        tx,
        actor=actor,
        action=action,
        subject_kind="version",
        subject_id=f"{model}@{number}",
        model=model,
        reason=reason,
        body=body,
    )


def _versions(reader: Reader, model: str, found: list[Row]) -> list[Version]:
    names: dict[int, list[str]] = defaultdict(list)
    for alias in models.aliases(reader, model):
        names[alias.version].append(alias.name)
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for row in reader.rows("SELECT number, key, value FROM version_tag WHERE model = :model", {"model": model}):
        tags[row["number"]][row["key"]] = row["value"]
    result = []
    for row in found:
        values = fields(row, "deleted_at")
        values.update({name: load(values[name]) for name in _STRUCTURED})
        dirty = values["git_dirty"]
        values["git_dirty"] = None if dirty is None else bool(dirty)
        result.append(Version(**values, aliases=tuple(names[row["number"]]), tags=tags[row["number"]]))
    return result
