"""Versions of a model found by filter, in the order of their number or of a tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from store import models, versions
from store.database import Reader
from store.rows import Version
from store.search.order import Order, cursor, parse_cursor, parse_order
from store.search.paging import Page, Query, Rows, order_parts
from store.search.terms import Bound, Columns, Keyed, Term

NEWEST_FIRST = Order("number", descending=True)
ORDERS = ("number", "created_at", "tags.")

_TAGS = Keyed("version_tag", "{t}.model = v.model AND {t}.number = v.number")
_TEXTS = ("model", "run_id", "snapshot_id", "bundle_hash", "environment_hash", "artifact_hash", "golden_hash",
          "estimator", "git_commit", "description", "actor")  # fmt: skip
_COLUMNS = Columns(
    texts={name: f"v.{name}" for name in _TEXTS},
    numbers={name: f"v.{name}" for name in ("number", "settings_revision", "artifact_bytes", "derived_from")},
    times={name: f"v.{name}" for name in ("cutoff_at", "created_at", "abandoned_at", "deleted_at")},
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
    models.there(reader, model)
    wanted = parse_order(order, NEWEST_FIRST, ORDERS, "versions")
    bound = Bound()
    named = bound.name(model)
    always = [f"v.model = {named}", f"v.deleted_at IS {'NOT ' if deleted else ''}NULL"]
    rows = Rows(
        "version v",
        versions.COLUMNS,
        _COLUMNS,
        lambda table: f"{table}.model = {named} AND v.number = {table}.number",
        lambda table: f"{table}.number",
        lambda table: f"{table}.number + 0",
    )
    head, _, key = wanted.column.partition(".")
    sorted_by = (_TAGS.table, f"sorted.model = {named} AND sorted.number = v.number") if head == "tags" else None
    parts = order_parts(wanted, "v.number", sorted_by, False, "sorted.number", bound.name(key))
    types = ((int, float, str, int), (int,)) if sorted_by else ((int,),)
    query = Query(reader, rows, terms, always, bound)
    page: Page[Version] = query.page(
        parts, parse_cursor(after, wanted, types), limit, lambda found: versions.of_rows(reader, model, found), matches
    )
    return page.rows, cursor(wanted, page.next) if page.next else None
