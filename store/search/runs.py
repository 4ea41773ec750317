"""Runs found by filter, in the order of their start or of a metric, param or tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from store import runs
from store.database import Reader
from store.rows import Run
from store.search.order import Order, Position, cursor, parse_cursor, parse_order
from store.search.paging import Page, Query, Rows, order_parts
from store.search.terms import Bound, Columns, Keyed, Term

NEWEST_FIRST = Order("started_at", descending=True)
ORDERS = ("started_at", "metrics.", "params.", "tags.")

_TABLES = {
    "metrics": Keyed("run_metric_latest", "{t}.run_number = r.number", numeric=True),
    "params": Keyed("run_param", "{t}.run_number = r.number"),
    "tags": Keyed("run_tag", "{t}.run_number = r.number"),
}
_TEXTS = ("id", "experiment", "model", "parent_id", "kind", "name", "state", "reason", "snapshot_id", "job_id", "actor",
          "note")  # fmt: skip
_COLUMNS = Columns(
    texts={name: f"r.{name}" for name in _TEXTS},
    numbers={"settings_revision": "r.settings_revision"},
    times={name: f"r.{name}" for name in ("started_at", "ended_at", "deleted_at")},
    keyed=_TABLES,
    beyond=frozenset(),
    whole=True,
)
_ROWS = Rows(
    "run r",
    ", ".join(f"r.{name.strip()}" for name in runs.COLUMNS.split(",")),
    _COLUMNS,
    lambda table: f"r.number = {table}.run_number",
    lambda table: f"{table}.run_number",
    lambda table: f"{table}.run_number + 0",
    own="r.number",
)


def find_runs(  # noqa: PLR0913 (one keyword for each way to narrow a list)
    reader: Reader,
    terms: Sequence[Term] = (),
    *,
    matches: Callable[[Run], bool] | None = None,
    model: str | None = None,
    experiment: str | None = None,
    parent: str | None = None,
    trials: bool = False,
    deleted: bool = False,
    order: str = "",
    after: str = "",
    limit: int = 100,
) -> tuple[list[Run], str | None]:
    """Return runs that every term lets through, and the cursor of the next page (None: this was the last).

    `matches` is asked about each row found where SQL cannot answer some term. `order` is started_at, metrics.X,
    params.X or tags.X, behind a `-` largest first; rows without X come last. Runs are numbered as they start.

    Raises:
        Refused: the order or the cursor is none.
    """
    wanted = parse_order(order, NEWEST_FIRST, ORDERS, "runs")
    bound = Bound()
    always = [f"r.deleted_at IS {'NOT ' if deleted else ''}NULL"]
    # with trials no index of a model's runs is in the order asked for
    of_model = "coalesce(r.model, '')" if trials else "r.model"
    for column, value in ((of_model, model), ("r.experiment", experiment), ("r.parent_id", parent)):
        if value is not None:
            always.append(f"{column} = {bound.name(value)}")
    if parent is None and not trials:
        always.append("r.parent_id IS NULL")
    head, _, key = wanted.column.partition(".")
    keyed = _TABLES.get(head)
    sorted_by = (keyed.table, keyed.owner.format(t="sorted")) if keyed else None
    numeric = keyed is not None and keyed.numeric
    parts = order_parts(wanted, "r.number", sorted_by, numeric, "sorted.run_number", bound.name(key))
    types: tuple[tuple[type, ...], ...] = ((int,),)
    if keyed is not None:
        types = ((float, int) if numeric else (int, float, str, int), (int,))
    position: Position | None = parse_cursor(after, wanted, types)
    query = Query(reader, _ROWS, terms, always, bound)
    page: Page[Run] = query.page(parts, position, limit, lambda found: runs.with_logged(reader, found), matches)
    return page.rows, cursor(wanted, page.next) if page.next else None
