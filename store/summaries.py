"""Versions as lists show them: read without what only one that is opened shows, and each made as it is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

from store import models
from store.database import Reader
from store.many_rows import MadeRows
from store.rows import Rows, Version, VersionSummary
from store.rows.headlines import headline
from store.rows.making import maker, making_many
from store.versions import Known, aliases_of

_FIELDS = tuple(VersionSummary.__dataclass_fields__)
# of one model, whose name is known; aliases stand in a table of their own, and `deleted_at` is null of those that stand
_COLUMNS = tuple(name for name in _FIELDS if name not in ("model", "aliases", "deleted_at", "comments"))
_WIDTH = len(_COLUMNS)
_STANDING = ", ".join(f"v.{name}" for name in _COLUMNS)
COLUMNS = f"{_STANDING}, v.deleted_at"


def summaries(reader: Reader, model: str) -> Rows:
    """Return a model's versions as a list shows them, newest first: rows of `VersionSummary`.

    Raises:
        UnknownName: the deck has no such model.
    """
    models.there(reader, model)
    source = "FROM version v WHERE v.model = :model AND v.deleted_at IS NULL ORDER BY v.number DESC"
    with making_many():
        found = reader.taken(_STANDING, source, {"model": model})
        return MadeRows(VersionSummary, _made(reader, model, found, repeat(None)))


def of_rows(reader: Reader, model: str, found: Sequence[Sequence[Any]]) -> list[VersionSummary]:
    """Return the summaries of rows of one model that hold `COLUMNS` first."""
    return _made(reader, model, [row[:_WIDTH] for row in found], [row[_WIDTH] for row in found])


def _made(reader: Reader, model: str, found: Sequence[Any], deleted: Iterable[int | None]) -> list[VersionSummary]:
    """Make rows of what `_COLUMNS` hold; each named, as slices of ten thousand rows cost half as much again."""
    make, said = maker(VersionSummary), Known()
    aliases_at = aliases_of(reader, model).get
    return [
        make(
            model, number, run, artifact, estimator, said_in_short, cutoff, description, actor, created, abandoned,
            aliases_at(number, ()), said[tags], deleted_at, 0,
        )
        for (
            number, run, artifact, estimator, said_in_short, cutoff, description, actor, created, abandoned, tags
        ), deleted_at in zip(found, deleted, strict=False)
    ]  # fmt: skip


def summary_of(version: Version) -> VersionSummary:
    """Return what a list shows of a version."""
    same = {name: getattr(version, name) for name in _FIELDS if name != "headline"}
    return VersionSummary(**same, headline=headline(version.evaluation).text())
