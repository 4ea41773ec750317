"""Versions: numbered, immutable, with everything that made them by hash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from store import events, models
from store.clock import Clock
from store.database import Reader, Write
from store.errors import Refused, UnknownName
from store.json_text import dump, load
from store.lookup import unknown
from store.rows import Version
from store.rows.headlines import headline
from store.rows.making import maker, making_many

_REFERENCE = re.compile(r"(?P<model>[^@\s]+)@v?(?P<number>[1-9][0-9]*)")
_NAMES = tuple(Version.__dataclass_fields__)
# of one model, whose name is known; aliases stand in a table of their own
_COLUMNS = tuple(name for name in _NAMES if name not in ("model", "aliases", "comments"))
_WIDTH = len(_COLUMNS)
# what stands beside it, as a list does without
DETAILS = frozenset(
    {"snapshot_id", "settings_revision", "bundle_hash", "environment_hash", "artifact_bytes", "golden_hash",
     "git_commit", "git_dirty", "signature", "decision", "evaluation"}
)  # fmt: skip
COLUMNS = ", ".join(f"{'d' if name in DETAILS else 'v'}.{name}" for name in _COLUMNS)
WHOLE = "version v JOIN version_detail d ON d.id = v.detail"
_DETAIL = (
    "INSERT INTO version_detail (model, snapshot_id, settings_revision, bundle_hash, environment_hash,"
    " artifact_bytes, golden_hash, git_commit, git_dirty, signature, decision, evaluation)"
    f" VALUES ({', '.join('?' * 12)})"
)
_VERSION = (
    "INSERT INTO version (model, number, run_id, artifact_hash, estimator, headline, cutoff_at, derived_from, actor,"
    f" created_at, detail, tags, description) VALUES ({', '.join('?' * 13)})"
)
_TAG = "INSERT INTO version_tag (model, number, key, value) VALUES (?, ?, ?, ?)"
_NAMED = (
    f"SELECT {COLUMNS}, n.name AS called"
    " FROM alias a JOIN version v ON v.model = a.model AND v.number = a.version"
    " JOIN version_detail d ON d.id = v.detail"
    " JOIN alias n ON n.model = v.model AND n.version = v.number"
    " WHERE a.model = :model AND a.name = :alias"
)
_STANDS = (
    "SELECT (SELECT max(v.number) FROM version v WHERE v.model = m.name) AS last,"
    " (SELECT a.version FROM alias a WHERE a.model = m.name AND a.name = 'champion') AS champion"
    " FROM model m WHERE m.name = :model"
)


def parse_ref(text: str) -> tuple[str, int]:
    """Read `model@7`, or `model@v7`, as (model, 7).

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
    why: str = "trained while a champion serves",
) -> Version:
    """Make the model's next version; where a champion stands, it becomes the challenger in the same transaction.

    `clock` gives its time where that is not the transaction's, `why` is kept with the alias.

    Raises:
        UnknownName: the deck has no such model.
    """
    stands = tx.row(_STANDS, {"model": model})
    if stands is None:
        raise models.unknown_model(tx, model)
    number = (stands["last"] or 0) + 1
    created_at = clock.now() if clock else tx.at
    is_dirty = None if git_dirty is None else int(git_dirty)
    detail = tx.added(
        _DETAIL,
        (
            model, snapshot_id, settings_revision, bundle_hash, environment_hash, artifact_bytes,
            golden_hash, git_commit, is_dirty, dump(signature), dump(decision), dump(evaluation),
        ),
    )  # fmt: skip
    tx.put(
        _VERSION,
        (
            model, number, run_id, artifact_hash, estimator, headline(evaluation).text(), cutoff_at, derived_from,
            actor, created_at, detail, dump(tags) if tags else "{}", description,
        ),
    )  # fmt: skip
    for key, value in (tags or {}).items():
        tx.put(_TAG, (model, number, key, value))
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
    if stands["champion"] is not None:
        models.set_alias(tx, model, "challenger", number, actor=actor, reason=why)
    aliases = () if stands["champion"] is None else ("challenger",)
    made: Version = maker(Version)(
        model, number, run_id, snapshot_id, settings_revision, bundle_hash, environment_hash, artifact_hash,
        golden_hash, signature, decision, evaluation, estimator, artifact_bytes, git_commit, git_dirty, cutoff_at,
        derived_from, description, actor, created_at, None, aliases, dict(tags or {}), None, 0,
    )  # fmt: skip
    return made


def newest_number(reader: Reader, model: str) -> int:
    """Return the number of a model's newest version, deleted ones too; 0 where it has none."""
    row = reader.row("SELECT max(number) AS number FROM version WHERE model = :model", {"model": model})
    return int(row["number"] or 0) if row else 0


def versions(reader: Reader, model: str) -> list[Version]:
    """Return a model's versions, newest first.

    Raises:
        UnknownName: the deck has no such model.
    """
    models.there(reader, model)
    asked = f"SELECT {COLUMNS} FROM {WHOLE} WHERE v.model = :model AND v.deleted_at IS NULL ORDER BY v.number DESC"
    with making_many():
        return _made(model, reader.each(asked, {"model": model}), aliases_of(reader, model))


def some(reader: Reader, model: str, numbers: Iterable[int]) -> dict[int, Version]:
    """Return those of these versions that a model has and that are not deleted, by number."""
    asked = f"SELECT {COLUMNS} FROM {WHOLE} WHERE v.model = :model AND v.number = :number AND v.deleted_at IS NULL"
    found = [row for one in sorted(set(numbers)) for row in reader.rows(asked, {"model": model, "number": one})]
    return {made.number: made for made in of_rows(reader, model, found)}


def newest(reader: Reader, model: str) -> Version | None:
    """Return a model's newest version that is not deleted."""
    found = reader.rows(
        f"SELECT {COLUMNS} FROM {WHOLE} WHERE v.model = :model AND v.deleted_at IS NULL ORDER BY v.number DESC LIMIT 1",
        {"model": model},
    )
    return of_rows(reader, model, found)[0] if found else None


def ever(reader: Reader, model: str) -> list[Version]:
    """Return all versions of a model, deleted ones too, oldest first."""
    found = reader.rows("SELECT number FROM version WHERE model = :model ORDER BY number", {"model": model})
    return [version(reader, model, row["number"]) for row in found]


def version(reader: Reader, model: str, number: int) -> Version:
    """Return one version.

    Raises:
        UnknownName: the deck has no such model or version.
    """
    found = reader.rows(
        f"SELECT {COLUMNS} FROM {WHOLE} WHERE v.model = :model AND v.number = :number",
        {"model": model, "number": number},
    )
    if not found:
        models.model(reader, model)
        raise UnknownName(f"no version {model}@{number}", f"modeldeck versions {model} lists them")
    return of_rows(reader, model, found)[0]


def referred(reader: Reader, ref: str) -> Version:
    """Return the version of `model@7`, `model@v7` or `model@champion`.

    Raises:
        Refused: the text is of neither form.
        UnknownName: the deck has no such model, version or alias.
    """
    model, _, name = ref.strip().partition("@")
    if not name[:1].isalpha():
        return version(reader, *parse_ref(ref))
    found = named(reader, model, name)
    if found is None and _REFERENCE.fullmatch(ref.strip()):
        return version(reader, *parse_ref(ref))
    if found is None:
        known = models.aliases(reader, models.model(reader, model).name)
        raise unknown("alias", name, [alias.name for alias in known])
    return found


def named(reader: Reader, model: str, alias: str) -> Version | None:
    """Return the version an alias names, None where it names none; for what asks again and again."""
    return reader.remembered((named, model, alias), lambda: _named(reader, model, alias))


def _named(reader: Reader, model: str, alias: str) -> Version | None:
    found = reader.rows(_NAMED, {"model": model, "alias": alias})
    if not found:
        return None
    names = sorted(row["called"] for row in found)
    return _made(model, [found[0][:_WIDTH]], {found[0]["number"]: tuple(names)})[0]


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


def replace_golden(tx: Write, model: str, number: int, golden_hash: str) -> None:
    """Give a version other golden requests, as an erasure must; whoever does so seals the version anew."""
    tx.execute(
        "UPDATE version_detail SET golden_hash = :hash"
        " WHERE id = (SELECT v.detail FROM version v WHERE v.model = :model AND v.number = :number)",
        {"hash": golden_hash, "model": model, "number": number},
    )


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


class Known(dict[str, Any]):
    """What texts say, each read once: most versions of a model share their signature, rows of one list what it says."""

    def __missing__(self, text: str) -> Any:
        said = self[text] = load(text)
        return said


def _made(model: str, rows: Iterable[Sequence[Any]], aliases: Mapping[int, tuple[str, ...]]) -> list[Version]:
    """Make versions of rows that hold `COLUMNS`; each named, as ten thousand rows cost half as much again by slices."""
    make, said = maker(Version), Known()
    return [
        make(
            model, number, run, snapshot, settings, bundle, environment, artifact, golden, said[signature],
            said[decision], said[evaluation], estimator, size, commit, None if dirty is None else bool(dirty), cutoff,
            derived, description, actor, created, abandoned, aliases.get(number, ()), said[tags], deleted, 0,
        )
        for (
            number, run, snapshot, settings, bundle, environment, artifact, golden, signature,
            decision, evaluation, estimator, size, commit, dirty, cutoff,
            derived, description, actor, created, abandoned, tags, deleted,
        ) in rows
    ]  # fmt: skip


def of_rows(reader: Reader, model: str, found: Sequence[Sequence[Any]]) -> list[Version]:
    """Return the versions of rows of one model that hold `COLUMNS` first, with their aliases."""
    return _made(model, [row[:_WIDTH] for row in found], aliases_of(reader, model)) if found else []


def aliases_of(reader: Reader, model: str) -> dict[int, tuple[str, ...]]:
    """Return the aliases of each version of a model that has any, by its number."""
    asked = "SELECT version, name FROM alias WHERE model = :model AND version IS NOT NULL ORDER BY name"
    names: dict[int, tuple[str, ...]] = {}
    for number, name in reader.tuples(asked, {"model": model}):
        names[number] = (*names.get(number, ()), name)
    return names
