"""Models and their aliases; an alias moves by compare-and-swap and never forgets a generation."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from store import events
from store.database import Reader, Row, Write
from store.errors import AliasConflict, UnknownName
from store.lookup import unknown
from store.rows import Alias, Model, Rows
from store.rows.making import maker

_MODEL = (  # in the order of the row's fields
    "SELECT m.name, m.task, m.owner, m.description, m.created_at,"
    " (SELECT count(*) FROM version v WHERE v.model = m.name AND v.deleted_at IS NULL) AS versions,"
    " (SELECT a.version FROM alias a WHERE a.model = m.name AND a.name = 'champion') AS champion,"
    " (SELECT a.version FROM alias a WHERE a.model = m.name AND a.name = 'challenger') AS challenger, m.deleted_at"
    " FROM model m"
)
_MODELS = (  # the same of all of them: versions are counted once, not once for each model
    "SELECT m.name, m.task, m.owner, m.description, m.created_at, coalesce(v.number, 0), c.version, h.version,"
    " m.deleted_at FROM model m"
    " LEFT JOIN (SELECT model, count(*) AS number FROM version WHERE deleted_at IS NULL GROUP BY model) v"
    " ON v.model = m.name"
    " LEFT JOIN alias c ON c.model = m.name AND c.name = 'champion'"
    " LEFT JOIN alias h ON h.model = m.name AND h.name = 'challenger'"
)
_ALIAS = "SELECT model, name, version, generation, actor, moved_at FROM alias"
_MOVED = (  # an alias that is to name a version: no row without the version, nulls without the alias
    "SELECT a.model, a.name, a.version, a.generation, a.actor, a.moved_at FROM version v"
    " LEFT JOIN alias a ON a.model = v.model AND a.name = :name WHERE v.model = :model AND v.number = :number"
)

_SET = "INSERT INTO alias (version, generation, actor, moved_at, model, name) VALUES (?, ?, ?, ?, ?, ?)"
_RESET = "UPDATE alias SET version = ?, generation = ?, actor = ?, moved_at = ? WHERE model = ? AND name = ?"


def models(reader: Reader, *, deleted: bool = False) -> Rows:
    """Return every model that is not deleted, by name; with `deleted` those that are."""
    which = "NOT NULL" if deleted else "NULL"
    found = reader.tuples(f"{_MODELS} WHERE m.deleted_at IS {which} ORDER BY m.name")
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    for name, key, value in reader.tuples("SELECT model, key, value FROM model_tag ORDER BY model, key"):
        tags[name][key] = value
    fields = [field.name for field in dataclasses.fields(Model)]
    columns: dict[str, Sequence[Any]] = dict.fromkeys(fields, ())
    columns.update(zip(fields, zip(*found, strict=True), strict=False))  # but for the last two
    columns["tags"] = [tags.get(name) or {} for name in columns["name"]]
    columns["comments"] = (0,) * len(found)
    return Rows(Model, columns)


def count(reader: Reader) -> int:
    """Return how many models there are that are not deleted."""
    row = reader.row("SELECT count(*) AS count FROM model WHERE deleted_at IS NULL")
    return int(row["count"]) if row else 0


def names(reader: Reader) -> list[str]:
    """Return the names of all models, deleted ones too."""
    return [row["name"] for row in reader.rows("SELECT name FROM model ORDER BY name")]


def first_names(reader: Reader, most: int) -> list[str]:
    """Return the first names, in their order."""
    found = reader.rows("SELECT name FROM model WHERE deleted_at IS NULL ORDER BY name LIMIT :most", {"most": most})
    return [row["name"] for row in found]


def model(reader: Reader, name: str) -> Model:
    """Return one model.

    Raises:
        UnknownName: the deck has none of that name; the hint names the closest one.
    """
    row = reader.row(f"{_MODEL} WHERE m.name = :name", {"name": name})
    if row is None:
        raise unknown_model(reader, name)
    tags = reader.rows("SELECT key, value FROM model_tag WHERE model = :name ORDER BY key", {"name": name})
    return Model(**dict(row), tags={tag["key"]: tag["value"] for tag in tags})


def there(reader: Reader, name: str) -> None:
    """Refuse the name of a model that the deck does not know; counts nothing of one that it does.

    Raises:
        UnknownName: the deck has none of that name; the hint names the closest one.
    """
    if reader.row("SELECT 1 FROM model WHERE name = :name", {"name": name}) is None:
        raise unknown_model(reader, name)


def unknown_model(reader: Reader, name: str) -> UnknownName:
    """Make the error for a model the deck does not know, naming the closest one it does."""
    return unknown(
        "model", name, [row["name"] for row in reader.rows("SELECT name FROM model WHERE deleted_at IS NULL")]
    )


def aliases(reader: Reader, model: str | None = None) -> list[Alias]:
    """Return every alias that names a version, by model and name."""
    narrowed = "AND model = :model" if model is not None else ""
    found = reader.rows(f"{_ALIAS} WHERE version IS NOT NULL {narrowed} ORDER BY model, name", {"model": model})
    return [Alias(**dict(row)) for row in found]


def alias(reader: Reader, model: str, name: str) -> Alias | None:
    """Return one alias, None where it names no version."""
    row = _row(reader, model, name)
    return Alias(**dict(row)) if row and row["version"] is not None else None


def generation(reader: Reader, model: str, name: str) -> int:
    """Return how often an alias has moved, its removals included; 0 before its first move."""
    row = _row(reader, model, name)
    return row["generation"] if row else 0


def set_alias(
    tx: Write,
    model: str,
    name: str,
    version: int,
    *,
    actor: str,
    reason: str = "",
    expected_generation: int | None = None,
) -> Alias:
    """Point an alias at a version. One that names it already stays as it is.

    `expected_generation` is the generation the caller saw (0: it was never set); None moves it regardless.

    Raises:
        AliasConflict: someone moved it since.
        UnknownName: there is no such version.
    """
    found = tx.row(_MOVED, {"model": model, "number": version, "name": name})
    if found is None:
        raise UnknownName(f"no version {model}@{version}", f"modeldeck versions {model} lists them")
    before = _checked(found if found["generation"] is not None else None, model, name, expected_generation)
    if before and before["version"] == version:
        return Alias(**dict(before))
    moved = _move(tx, model, name, before, version, actor=actor, reason=reason)
    assert moved is not None
    return moved


def remove_alias(
    tx: Write, model: str, name: str, *, actor: str, reason: str = "", expected_generation: int | None = None
) -> None:
    """Take an alias away.

    Raises:
        AliasConflict: someone moved it since.
        UnknownName: it names no version.
    """
    before = _checked(_row(tx, model, name), model, name, expected_generation)
    if before is None or before["version"] is None:
        raise unknown("alias", name, [alias.name for alias in aliases(tx, model)])
    _move(tx, model, name, before, None, actor=actor, reason=reason)


def _row(reader: Reader, model: str, name: str) -> Row | None:
    return reader.row(f"{_ALIAS} WHERE model = :model AND name = :name", {"model": model, "name": name})


def _checked(before: Row | None, model: str, name: str, expected: int | None) -> Row | None:
    stands = before["generation"] if before else 0
    if expected is not None and expected != stands:
        names = f"version {before['version']}" if before and before["version"] is not None else "no version"
        raise AliasConflict(
            f"alias {name!r} of {model} was moved in the meantime: it names {names} now", "look again, then repeat"
        )
    return before


def _move(
    tx: Write, model: str, name: str, before: Row | None, version: int | None, *, actor: str, reason: str
) -> Alias | None:
    stood = before["version"] if before else None
    generation = before["generation"] + 1 if before else 1
    tx.put(_SET if before is None else _RESET, (version, generation, actor, tx.at, model, name))
    events.append(
        tx,
        actor=actor,
        action="alias.moved" if version is not None else "alias.removed",
        subject_kind="alias",
        subject_id=f"{model}:{name}",
        model=model,
        reason=reason,
        body={"from": stood, "to": version, "generation": generation},
    )
    return None if version is None else maker(Alias)(model, name, version, generation, actor, tx.at)
