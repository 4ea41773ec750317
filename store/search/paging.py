"""One page of rows along an index: from the order where most rows match, from a term where few do."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from store.database import Reader
from store.search.order import Order, Position
from store.search.terms import Asked, Bound, Chosen, Columns, Term, sql_of

FEW = 1000  # rows that are cheaper sorted than found along the order
GATHERED = 25_000  # rows of one term that are cheaper read at once than asked about one by one
RARE = 300  # rows that hold a word: more of them are soon met along the order
LISTED = 2000  # rows that are cheaper named in the statement than found along the order
MOST_SEARCHED = 100_000  # rows looked at for one page

_PLACEHOLDER = re.compile(r":(\w+)")

T = TypeVar("T")
Row = tuple[Any, ...]  # the columns that are read, and behind them the key of the order


class Part(NamedTuple):
    """One part of a list: its rows in the order of `keys`, SQL expressions that end with the row's own key.

    `source` is a table that the order is read from, tied to the rows by `where`; empty where it is the rows' own.
    `computed` says that no index holds the order.
    """

    keys: tuple[str, ...]
    descending: bool
    source: str = ""
    where: str = ""
    computed: bool = False


class Rows(NamedTuple):
    """The rows searched: their table under the name they have in every expression, and their columns."""

    table: str
    columns: str
    asked: Columns
    owner_key: Callable[[str], str]  # ties a keyed table to the rows: the name of the table -> condition
    own_order: Callable[[str], str]  # the row's own key as a keyed table holds it
    sorted_order: Callable[[str], str]  # the same, said so that it is sorted and not read along an index
    own: str = ""  # the row's own key where it is one number, of which sets can be made


class Common(NamedTuple):
    """The own keys of the rows that some terms have in common, and the terms that this answers."""

    keys: Sequence[int]
    answers: Sequence[Asked]


class Page(NamedTuple, Generic[T]):
    """Rows, and where the next page begins; None where this was the last."""

    rows: list[T]
    next: Position | None


class Query:
    """One search, its terms compiled once."""

    def __init__(self, reader: Reader, rows: Rows, terms: Sequence[Term], always: Sequence[str], bound: Bound) -> None:
        self._reader = reader
        self._rows = rows
        self._bound = bound
        compiled = [sql_of(reader, term, rows.asked, bound) for term in terms]
        self._asked: list[Asked] = [one for one in compiled if one is not None]
        self.is_exact = all(one is not None and one.exact for one in compiled)  # no row need be looked at
        self._always = list(always)
        self._common: Common | None = None

    def page(
        self,
        parts: Sequence[Part],
        after: Position | None,
        limit: int,
        read: Callable[[list[Row]], list[T]],
        matches: Callable[[T], bool] | None,
    ) -> Page[T]:
        """Return a page; `matches` decides where SQL could not, `read` makes rows of what was found."""
        self._common = self._in_common() or (self._scanned() if parts[0].source else None)
        if self.is_exact or matches is None:
            return self._page_as_found(parts, after, limit, read)
        kept: list[T] = []
        last: Position | None = None
        seen = 0
        for part_number, found in self._batches(parts, after, max(limit + 1, 200)):
            for row, made in zip(found, read(found), strict=True):
                if len(kept) == limit or seen == MOST_SEARCHED:
                    return Page(kept, last)
                if matches(made):
                    kept.append(made)
                seen += 1
                last = Position(part_number, _key(row, parts[part_number]))
        return Page(kept, None)

    def _page_as_found(
        self, parts: Sequence[Part], after: Position | None, limit: int, read: Callable[[list[Row]], list[T]]
    ) -> Page[T]:
        """Return a page of what SQL found, all of which matches."""
        kept: list[T] = []
        last: Position | None = None
        for part_number, found in self._batches(parts, after, limit + 1):
            taken = found[: limit - len(kept)]
            kept += read(taken)
            if taken:
                last = Position(part_number, _key(taken[-1], parts[part_number]))
            if len(taken) < len(found):
                return Page(kept, last)
        return Page(kept, None)

    def _batches(self, parts: Sequence[Part], after: Position | None, size: int) -> Iterator[tuple[int, list[Row]]]:
        for number in range(after.part if after else 0, len(parts)):
            position = after.key if after and after.part == number else None
            while True:
                found = self._rows_of(parts[number], position, size)
                if found:
                    yield number, found
                    position = _key(found[-1], parts[number])
                if len(found) < size:
                    break

    def _rows_of(self, part: Part, after: tuple[Any, ...] | None, limit: int) -> list[Row]:
        if self._common is None or not part.source:
            return self._read(part, after, limit, self._common)
        keys = self._next_in_order(part, after, limit, self._common)
        found = self._read(part, after, limit, self._common._replace(keys=keys))
        # fewer only where one was changed since they were put in order
        return found if len(found) == len(keys) else self._read(part, after, limit, self._common)

    def _next_in_order(self, part: Part, after: tuple[Any, ...] | None, limit: int, common: Common) -> list[int]:
        """Return the own keys of the next rows of those in common, whose whole order is kept until a commit."""

        def read() -> list[tuple[Any, ...]]:
            wanted = [*self._always, self._listed(common.keys), part.where, *self._unanswered(common)]
            order = ", ".join(f"{key} {'DESC' if part.descending else 'ASC'}" for key in part.keys)
            return self._reader.tuples(
                f"SELECT {', '.join(part.keys)} FROM {self._rows.table} CROSS JOIN {part.source}"
                f" WHERE {' AND '.join(wanted)} ORDER BY {order}",
                self._bound.params,
            )

        asked = (self._rows.table, part, *self._always, *(one.sql for one in self._asked))
        ordered = self._reader.remembered((*asked, *self._bound.params.items()), read)
        if after is None:
            following = ordered[:limit]
        elif part.descending:
            end = bisect_left(ordered[::-1], after)
            following = ordered[len(ordered) - end :][:limit]
        else:
            following = ordered[bisect_right(ordered, after) :][:limit]
        return [int(keys[-1]) for keys in following]

    def _unanswered(self, common: Common) -> list[str]:
        return [one.sql for one in self._asked if one not in common.answers]

    def _read(self, part: Part, after: tuple[Any, ...] | None, limit: int, common: Common | None) -> list[Row]:
        start = self._start(part) if common is None else None
        tables, wanted, keys = [], list(self._always), part.keys
        if common is not None:
            wanted.append(self._listed(common.keys))
        elif start is not None:
            tables.append(f"{start.keyed.table} chosen")
            wanted += [start.sql.format(t="chosen"), self._rows.owner_key("chosen")]
            if not part.source:
                keys = ((self._rows.own_order if start.single else self._rows.sorted_order)("chosen"),)
        elif part.source:
            tables.append(part.source)
        tables.append(self._rows.table)
        if part.source and part.source not in tables:
            tables.append(part.source)
        if part.where:
            wanted.append(part.where)
        if common is not None:
            wanted += self._unanswered(common)
        else:
            wanted += [one.sql for one in self._asked if start is None or one.chosen is not start]
        params = {**self._bound.params, "limit": limit}
        if after is not None:
            places = []
            for place, value in enumerate(after):
                params[f"after{place}"] = value
                places.append(f":after{place}")
            sign = "<" if part.descending else ">"
            wanted.append(
                f"({', '.join(keys)}) {sign} ({', '.join(places)})" if len(keys) > 1 else f"{keys[0]} {sign} :after0"
            )
        way = "DESC" if part.descending else "ASC"
        order = ", ".join(f"{key} {way}" for key in keys)
        # CROSS JOIN keeps SQLite to this order of the tables; to others it is a join like any
        columns = f"{self._rows.columns}, {', '.join(keys)}"
        source = f"FROM {' CROSS JOIN '.join(tables)} WHERE {' AND '.join(wanted)} ORDER BY {order} LIMIT :limit"
        # what is sorted first would be taken of more rows than the page holds
        if common is None and not part.computed and (start is None or (start.single and not part.source)):
            return self._reader.taken(columns, source, params)
        return self._reader.tuples(f"SELECT {columns} {source}", params)

    def _start(self, part: Part) -> Chosen | None:
        """Return the term to begin with: one whose index is in the order asked for, or one that leaves few rows."""
        choices = [one.chosen for one in self._asked if one.chosen is not None]
        if not part.source:
            for chosen in choices:
                if chosen.single:
                    return chosen
        counted = [(self._count(chosen), number) for number, chosen in enumerate(choices)]
        fewest = min(counted, default=(FEW + 1, 0))
        return choices[fewest[1]] if fewest[0] <= FEW else None

    def _in_common(self) -> Common | None:
        """Return the rows that several terms have in common, where they are few and no term by itself leaves fewer.

        Along an order every row costs a look at each term. Where each term leaves thousands, and all of them together
        few, the rows of each are read from its index at once, which costs a tenth of that, and compared as sets.
        """
        choices = [one.chosen for one in self._asked if one.chosen is not None] if self._rows.own else []
        if len(choices) < 2:
            return None
        read = tuple(self._key_of(chosen) for chosen in choices)
        found = self._reader.remembered(("in common", *read), lambda: self._intersected(choices))
        if found is None or len(found) > LISTED + 1:
            return None
        used, *left = found
        return Common(left, [one for one in self._asked if one.chosen in [choices[place] for place in used]])

    def _intersected(self, choices: Sequence[Chosen]) -> list[Any] | None:
        """Return which of these terms leave few enough rows, and in one list with that the rows they have in common."""
        gathered = [self._own_keys(chosen) for chosen in choices]
        some = [place for place, keys in enumerate(gathered) if len(keys) <= GATHERED]
        if len(some) < 2 or min(map(len, gathered)) <= FEW:
            return None
        left = frozenset.intersection(*sorted((gathered[place] for place in some), key=len))
        return [some, *sorted(map(int, left))]

    def _scanned(self) -> Common | None:
        """Return the rows that hold a word, where they are few and no index leaves few: one look at each row.

        Along an order each row would be looked at in the order of its values, and again among those without one.
        """
        scanned = [one for one in self._asked if one.scanned]
        choices = [one.chosen for one in self._asked if one.chosen is not None]
        if not self._rows.own or not scanned or any(self._count(chosen) <= FEW for chosen in choices):
            return None
        wanted = " AND ".join([*self._always, *(one.sql for one in scanned)])
        found = self._reader.words(
            f"SELECT {self._rows.own} AS word FROM {self._rows.table} WHERE {wanted} LIMIT :rare",
            {**self._bound.params, "rare": RARE + 1},
        )
        return Common(sorted(map(int, found)), scanned) if len(found) <= RARE else None

    def _listed(self, keys: Iterable[int]) -> str:
        # own keys are numbers: named in the text they are read in a third of the time that parameters take
        named = ", ".join(map(str, keys))
        return f"{self._rows.own} IN ({named})" if named else "1 = 0"

    def _own_keys(self, chosen: Chosen) -> frozenset[str]:
        """Return the own keys of a term's rows, one more than `GATHERED` of them at most; pages ask for them again."""
        key = self._key_of(chosen)
        return self._reader.remembered(key, lambda: frozenset(self._reader.words(key[0], self._bound.params)))

    def _key_of(self, chosen: Chosen) -> tuple[Any, ...]:
        """Return the statement that reads the own keys of a term's rows, and what it is given."""
        key, sql = self._rows.own_order("chosen"), chosen.sql.format(t="chosen")
        asked = f"SELECT {key} AS word FROM {chosen.keyed.table} chosen WHERE {sql} LIMIT {GATHERED + 1}"
        return (asked, *(self._bound.params[name] for name in _PLACEHOLDER.findall(sql)))

    def _count(self, chosen: Chosen, most: int = FEW) -> int:
        sql = chosen.sql.format(t="chosen")
        row = self._reader.row(
            f"SELECT count(*) AS n FROM (SELECT 1 FROM {chosen.keyed.table} chosen WHERE {sql} LIMIT :few) some",
            {**self._bound.params, "few": most + 1},
        )
        return int(row["n"]) if row else 0


def order_parts(
    order: Order, own: str, keyed: tuple[str, str] | None, numeric: bool, tie: str, key: str
) -> tuple[Part, ...]:
    """Return the parts of a list ordered by a keyed value: rows that have it, then the others, newest first.

    `keyed` is (table, condition that ties it to the rows), `key` the placeholder of the key; texts that are numbers
    come before the others.
    """
    if keyed is None:
        return (Part((own,), order.descending),)
    table, ties = keyed
    here = f"sorted.key = {key} AND sorted.value IS NOT NULL AND {ties}"
    value = (
        ("sorted.value",)
        if numeric
        else (
            "CASE WHEN number(sorted.value) IS NULL THEN 1 ELSE 0 END",
            "coalesce(number(sorted.value), 0.0)",
            "casefold(sorted.value)",
        )
    )
    without = f"NOT EXISTS (SELECT 1 FROM {table} sorted WHERE {here})"
    return (
        Part((*value, tie), order.descending, f"{table} sorted", here, computed=not numeric),
        Part((own,), True, where=without),
    )


def _key(row: Row, part: Part) -> tuple[Any, ...]:
    return row[-len(part.keys) :]
