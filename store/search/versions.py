"""Versions of a model found by filter, in the order of their number or of a tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from store import models, summaries, versions
from store.database import Reader
from store.rows import Version, VersionSummary
from store.search.order import Order, Position, cursor, parse_cursor, parse_order
from store.search.paging import Page, Query, Rows, order_parts
from store.search.terms import Bound, Columns, Compare, Keyed, Term

NEWEST_FIRST = Order("number", descending=True)
ORDERS = ("number", "created_at", "tags.")

_TAGS = Keyed("version_tag", "{t}.model = v.model AND {t}.number = v.number")
_TEXTS = ("model", "run_id", "snapshot_id", "bundle_hash", "environment_hash", "artifact_hash", "golden_hash",
          "estimator", "git_commit", "description", "actor")  # fmt: skip


def _at(*names: str) -> dict[str, str]:
    return {name: f"{'d' if name in versions.DETAILS else 'v'}.{name}" for name in names}


_COLUMNS = Columns(
    texts=_at(*_TEXTS),
    numbers=_at("number", "settings_revision", "artifact_bytes", "derived_from"),
    times=_at("cutoff_at", "created_at", "abandoned_at", "deleted_at"),
    keyed={"tags": _TAGS},
    beyond=frozenset({"signature", "decision", "evaluation", "aliases", "git_dirty"}),
    whole=False,
)


def find_versions(
    reader: Reader,
    model: str,
    terms: Sequence[Term] = (),
    *,
    matches: Callable[[Version], bool] | None = None,
    deleted: bool = False,
    order: str = "",
    after: str = "",
    limit: int = 100,
) -> tuple[list[Version], str | None]:
    """Return versions that every term lets through, and the cursor of the next page (None: this was the last).

    `matches` is asked about each row found where SQL cannot answer some term. `order` is number, created_at (the same)
    or tags.X, behind a `-` largest first; rows without X come last.

    Raises:
        UnknownName: the deck has no such model.
        Refused: the order or the cursor is none.
    """
    asked = _Asked(reader, model, terms, deleted, order)
    page: Page[Version] = asked.query(versions.WHOLE, versions.COLUMNS).page(
        asked.parts, asked.position(after), limit, lambda found: versions.of_rows(reader, model, found), matches
    )
    return page.rows, asked.next(page)


def find_summaries(
    reader: Reader,
    model: str,
    terms: Sequence[Term] = (),
    *,
    matches: Callable[[Version], bool] | None = None,
    deleted: bool = False,
    order: str = "",
    after: str = "",
    limit: int = 100,
) -> tuple[list[VersionSummary], str | None]:
    """Return the same versions as a list shows them; whole ones are read only where `matches` has to look at them.

    Raises:
        UnknownName: the deck has no such model.
        Refused: the order or the cursor is none.
    """
    asked = _Asked(reader, model, terms, deleted, order)
    in_details = any(isinstance(term, Compare) and term.column in versions.DETAILS for term in terms)
    query = asked.query(versions.WHOLE if in_details else "version v", summaries.COLUMNS)
    if matches is not None and not query.is_exact:
        found, following = find_versions(
            reader, model, terms, matches=matches, deleted=deleted, order=order, after=after, limit=limit
        )
        return [summaries.summary_of(version) for version in found], following
    page: Page[VersionSummary] = query.page(
        asked.parts, asked.position(after), limit, lambda rows: summaries.of_rows(reader, model, rows), None
    )
    return page.rows, asked.next(page)


class _Asked:
    """What is asked of a model's versions, whichever of their columns are read."""

    def __init__(self, reader: Reader, model: str, terms: Sequence[Term], deleted: bool, order: str) -> None:
        models.there(reader, model)
        self._reader, self._terms = reader, terms
        self._order = parse_order(order, NEWEST_FIRST, ORDERS, "versions")
        self._bound = Bound()
        self._model = named = self._bound.name(model)
        self._always = [f"v.model = {named}", f"v.deleted_at IS {'NOT ' if deleted else ''}NULL"]
        head, _, key = self._order.column.partition(".")
        sorted_by = (_TAGS.table, f"sorted.model = {named} AND sorted.number = v.number") if head == "tags" else None
        self._key: tuple[tuple[type, ...], ...] = ((int, float, str, int), (int,)) if sorted_by else ((int,),)
        key_name = self._bound.name(key)
        self.parts = order_parts(self._order, "v.number", sorted_by, False, "sorted.number", key_name)

    def query(self, table: str, columns: str) -> Query:
        """Return the search over a table, or several, of which the versions are `v`."""
        named = self._model
        rows = Rows(
            table,
            columns,
            _COLUMNS,
            lambda table: f"{table}.model = {named} AND v.number = {table}.number",
            lambda table: f"{table}.number",
            lambda table: f"{table}.number + 0",
        )
        return Query(self._reader, rows, self._terms, self._always, self._bound)

    def position(self, after: str) -> Position | None:
        """Return where the page begins."""
        return parse_cursor(after, self._order, self._key)

    def next(self, page: Page[Any]) -> str | None:
        """Return the cursor of the page after this one."""
        return cursor(self._order, page.next) if page.next else None
