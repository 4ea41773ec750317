"""Words that people put on runs, models and versions: tags, notes and descriptions, each change with its event."""

from __future__ import annotations

import re
from collections.abc import Mapping

from store.database import Write
from store.errors import Refused
from store.json_text import dump
from store.things import Thing, record

LONGEST_VALUE = 5_000
LONGEST_TEXT = 20_000

_KEY = re.compile(r"[A-Za-z_][\w@.-]{0,249}")


def tag(
    tx: Write, thing: Thing, changes: Mapping[str, str | None], *, actor: str, reason: str = "", via: str | None = None
) -> bool:
    """Set tags, and take away those whose value is None; returns whether anything changed.

    Raises:
        Refused: a key could not be asked for in a filter, or a value is too long.
    """
    for key, value in changes.items():
        if not _KEY.fullmatch(key):
            raise Refused(f"{key[:60]!r} is no key of a tag", "letters, digits and _ @ . -, a letter first")
        if value is not None and len(value) > LONGEST_VALUE:
            raise Refused(f"the value of {key} is too long", f"at most {LONGEST_VALUE} characters")
    where = " AND ".join(f"{name.strip()} = :{name.strip()}" for name in thing.owner.split(","))
    stands = {
        row["key"]: row["value"] for row in tx.rows(f"SELECT key, value FROM {thing.tags} WHERE {where}", thing.params)
    }
    fresh = {key: value for key, value in changes.items() if value is not None and stands.get(key) != value}
    gone = [key for key, value in changes.items() if value is None and key in stands]
    if not fresh and not gone:
        return False
    marks = ", ".join(f":{name.strip()}" for name in thing.owner.split(","))
    tx.execute_many(
        f"INSERT INTO {thing.tags} ({thing.owner}, key, value) VALUES ({marks}, :key, :value)"
        f" ON CONFLICT ({thing.owner}, key) DO UPDATE SET value = excluded.value",
        [{**thing.params, "key": key, "value": value} for key, value in fresh.items()],
    )
    tx.execute_many(
        f"DELETE FROM {thing.tags} WHERE {where} AND key = :key", [{**thing.params, "key": key} for key in gone]
    )
    if thing.kind == "version":  # whose lists read them with it
        left = {key: value for key, value in (stands | fresh).items() if key not in gone}
        tx.execute(f"UPDATE version SET tags = :tags WHERE {thing.where}", {**thing.params, "tags": dump(left)})
    record(tx, thing, "tagged", actor, reason, via, {"set": fresh, "removed": gone})
    return True


def write_text(tx: Write, thing: Thing, text: str, *, actor: str, reason: str = "", via: str | None = None) -> bool:
    """Write a run's note, or the description of a model or version; returns whether it changed.

    Raises:
        Refused: the text is too long.
    """
    if len(text) > LONGEST_TEXT:
        raise Refused(f"the {thing.text} is too long", f"at most {LONGEST_TEXT} characters")
    row = tx.row(f"SELECT {thing.text} AS text FROM {thing.kind} WHERE {thing.where}", thing.params)
    if row is None or row["text"] == text:
        return False
    tx.execute(f"UPDATE {thing.kind} SET {thing.text} = :text WHERE {thing.where}", {**thing.params, "text": text})
    record(tx, thing, "noted" if thing.text == "note" else "described", actor, reason, via, {thing.text: text})
    return True
