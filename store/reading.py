"""What rows can be read from, and what was read kept until something is committed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

from store.storage import FAILURES, registry_failure

Row = sqlite3.Row
Params = Mapping[str, Any] | Sequence[Any]  # named, or by place
T = TypeVar("T")

_NOTHING: dict[str, Any] = {}
_MOST_KEPT = 200_000  # things in all that is kept together: some ten megabytes


class Reader(Protocol):
    """Whatever rows can be read from: a Database, or a Write that also sees its own changes."""

    def rows(self, sql: str, params: Params = ...) -> list[Row]:
        """Return every row."""
        ...

    def row(self, sql: str, params: Params = ...) -> Row | None:
        """Return the first row, None without one."""
        ...

    def tuples(self, sql: str, params: Params = ...) -> list[tuple[Any, ...]]:
        """Return each row as a plain tuple."""
        ...

    def taken(self, columns: str, source: str, params: Params = ...) -> list[tuple[Any, ...]]:
        """Return what `SELECT columns source` finds, as `tuples` does: many rows in two thirds of the time."""
        ...

    def each(self, sql: str, params: Params = ...) -> Iterator[tuple[Any, ...]]:
        """Give each row as a plain tuple when it is asked for, so that thousands need not be held at once."""
        ...

    def words(self, sql: str, params: Params = ...) -> list[str]:
        """Return the one column `word` of every row: texts without spaces, thousands at a time."""
        ...

    def remembered(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` read when it was last asked for under this key, where nothing was committed since."""
        ...


class Memory:
    """What was read of one state of the registry; the first thing read of a later one clears it."""

    def __init__(self) -> None:
        self._state = -1
        self._kept: dict[Any, Any] = {}
        self._size = 0
        self._lock = threading.Lock()

    def get(self, state: int, key: Any) -> Any:
        """Return what is kept of this state, None where nothing is."""
        with self._lock:
            return self._kept.get(key) if self._state == state else None

    def keep(self, state: int, key: Any, value: Any) -> None:
        """Keep something; where it is too much, what was kept before goes."""
        size = len(value) if isinstance(value, Sized) else 1
        if size > _MOST_KEPT:
            return
        with self._lock:
            if self._state != state or self._size + size > _MOST_KEPT:
                self._state, self._kept, self._size = state, {}, 0
            self._kept[key] = value
            self._size += size


class Connection(sqlite3.Connection):
    """A connection that can be referred to weakly, so that one of an ended thread goes with it."""

    synced = True  # as a new one is left

    def __init__(self, *opened: Any, **options: Any) -> None:
        super().__init__(*opened, **options)
        self.taken: list[tuple[Any, ...]] = []  # rows of the statement that is running, see `Statements.taken`
        self.create_function("taken", -1, _taking(self.taken))


def _taking(taken: list[tuple[Any, ...]]) -> Callable[..., int]:
    def take(*values: Any) -> int:
        taken.append(values)
        return len(taken) - 1

    return take


class Statements:
    """Reads over one connection."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @property
    def holds_a_moment(self) -> bool:
        """Whether all that is read is of one state, which others may have left."""
        return self._connection.in_transaction

    def rows(self, sql: str, params: Params = _NOTHING) -> list[Row]:
        """Return every row; also runs INSERT or UPDATE with RETURNING inside a Write."""
        try:
            return self._connection.execute(sql, params).fetchall()
        except FAILURES as error:
            raise_failure(error, self._path)

    def row(self, sql: str, params: Params = _NOTHING) -> Row | None:
        """Return the first row, None without one."""
        found = self.rows(sql, params)
        return found[0] if found else None

    def tuples(self, sql: str, params: Params = _NOTHING) -> list[tuple[Any, ...]]:
        """Return each row as a plain tuple."""
        try:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            return cursor.execute(sql, params).fetchall()
        except FAILURES as error:
            raise_failure(error, self._path)

    def taken(self, columns: str, source: str, params: Params = _NOTHING) -> list[tuple[Any, ...]]:
        """Return what `SELECT columns source` finds, as `tuples` does: many rows in two thirds of the time.

        The driver takes locks anew for every value it fetches, but none for those that a function is called with. Ours
        keeps them and answers with their place: it does not matter in which order it is asked, or of how many rows.
        """
        rows = self._connection.taken
        try:
            places = self.tuples(f"SELECT taken({columns}) {source}", params)
            return [rows[place] for (place,) in places]
        except sqlite3.OperationalError as error:
            if "user-defined function" not in str(error):
                raise
            return self.tuples(f"SELECT {columns} {source}", params)  # which says what is wrong, as with damaged text
        finally:
            rows.clear()

    def each(self, sql: str, params: Params = _NOTHING) -> Iterator[tuple[Any, ...]]:
        """Give each row as a plain tuple when it is asked for: a row that is done with makes room for the next."""
        try:
            cursor = self._connection.cursor()
            cursor.row_factory = None
            yield from cursor.execute(sql, params)
        except FAILURES as error:
            raise_failure(error, self._path)

    def words(self, sql: str, params: Params = _NOTHING) -> list[str]:
        """Return the one column `word` of every row; one text in one row is read twice as fast as a row for each."""
        found = self.row(f"SELECT group_concat(word, ' ') FROM ({sql})", params)
        return found[0].split(" ") if found and found[0] is not None else []

    def remembered(self, _key: Any, make: Callable[[], T]) -> T:
        """Return what `make` reads: at one held moment, or among changes of its own, nothing earlier counts."""
        return make()


def raise_failure(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> NoReturn:
    """Raise what a person should see; a mistake of ours stays what it is."""
    failure = registry_failure(error, path)
    if failure is None:
        raise error
    try:
        raise failure from error
    finally:
        # else it holds this frame, and this frame it: every connection on the way, closed or not, would keep its files
        del failure
