"""Versions as lists show them: read without what only one that is opened shows, and each made where it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from store import models
from store.database import Reader
from store.rows import Rows, Version, VersionSummary
from store.rows.headlines import headline
from store.rows.making import all_of, making_many
from store.versions import Known, aliases_of

_FIELDS = tuple(VersionSummary.__dataclass_fields__)
# of one model, whose name is known; aliases stand in a table of their own
_COLUMNS = tuple(name for name in _FIELDS if name not in ("model", "aliases", "comments"))
COLUMNS = ", ".join(f"v.{name}" for name in _COLUMNS)
_STANDING = ", ".join(f"v.{name}" for name in _COLUMNS if name != "deleted_at")  # its last, null of all of these


def summaries(reader: Reader, model: str) -> Rows:
    """Return a model's versions as a list shows them, newest first: rows of `VersionSummary`.

    Raises:
        UnknownName: the deck has no such model.
    """
    models.there(reader, model)
    asked = f"SELECT {_STANDING} FROM version v WHERE v.model = :model AND v.deleted_at IS NULL ORDER BY v.number DESC"
    with making_many():
        return of_rows(reader, model, reader.tuples(asked, {"model": model}))


def of_rows(reader: Reader, model: str, found: Sequence[Any]) -> Rows:
    """Return rows of `VersionSummary` of rows of one model that hold `COLUMNS` first, or all but the last of them."""
    many, said = len(found), Known()
    held: dict[str, Sequence[Any]] = {**dict.fromkeys(_COLUMNS, ()), "deleted_at": (None,) * many}
    held.update(zip(_COLUMNS, zip(*found, strict=True), strict=False))
    held["tags"] = list(map(said.__getitem__, held["tags"]))
    held["aliases"] = list(map(aliases_of(reader, model).get, held["number"], repeat(()))) if many else ()
    held["model"], held["comments"] = (model,) * many, (0,) * many
    return Rows(VersionSummary, {name: held[name] for name in _FIELDS})


def made(reader: Reader, model: str, found: Sequence[Any]) -> list[VersionSummary]:
    """Return the same, each row made already: a page is looked at whole."""
    return all_of(VersionSummary, zip(*of_rows(reader, model, found).columns().values(), strict=True))


def summary_of(version: Version) -> VersionSummary:
    """Return what a list shows of a version."""
    same = {name: getattr(version, name) for name in _FIELDS if name != "headline"}
    return VersionSummary(**same, headline=headline(version.evaluation).text())
