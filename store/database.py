"""The registry file: opening it, reading it, and one short write transaction at a time.

Everything that depends on the SQL dialect is here; the other modules speak the portable subset with named parameters.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from weakref import WeakSet

from store import comparing, reading
from store.clock import Clock
from store.errors import LeaseLost, Unavailable
from store.filesystem import refuse_network_file_system
from store.log_room import LogRoom
from store.reading import Connection, Memory, Statements, T, raise_failure
from store.storage import FAILURES

SCHEMA = 19  # the number of the newest migration; a test holds it equal to Alembic's head
BUSY_TIMEOUT_MS = 5000
_ROWS_AT_ONCE = 100

Reader = reading.Reader
Row = reading.Row
Params = reading.Params
_NOTHING: dict[str, Any] = {}


class Fence(NamedTuple):
    """The attempt of a job in whose name something is written."""

    job_id: str
    attempt: int


class Write(Statements):
    """One open write transaction. `at` is its one time, microseconds UTC."""

    def __init__(self, connection: Connection, path: Path, clock: Clock) -> None:
        super().__init__(connection, path)
        self.clock = clock
        self.at = clock.now()

    def execute(self, sql: str, params: Params = _NOTHING) -> int:
        """Run one statement and return how many rows it changed."""
        try:
            return self._connection.execute(sql, params).rowcount
        except FAILURES as error:
            raise_failure(error, self._path)

    def execute_many(self, sql: str, params: Iterable[Params]) -> None:
        """Run one statement for each set of parameters, named or by place."""
        try:
            self._connection.executemany(sql, params)
        except FAILURES as error:
            raise_failure(error, self._path)

    def insert(
        self, into: str, rows: Sequence[tuple[Any, ...]], conflict: str = "", shared: tuple[Any, ...] = ()
    ) -> None:
        """Insert rows given by place, `into` a table and its columns; a hundred to a statement halves what a row costs.

        `shared` is what all rows hold in the first columns, handed over once for a statement. `conflict` is what to do
        about rows that are there; where the rows hold one twice, the later counts.
        """
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            batch = rows[first : first + _ROWS_AT_ONCE]
            sql = _insert(into, len(shared), len(batch[0]), len(batch), conflict)
            self.put(sql, batch[0] if len(batch) == 1 and not shared else (*shared, *chain.from_iterable(batch)))

    def insert_columns(
        self, into: str, columns: Sequence[Sequence[Any]], conflict: str = "", shared: tuple[Any, ...] = ()
    ) -> None:
        """Insert rows given as columns of one length, as `insert` does: a row needs no object."""
        for first in range(0, len(columns[0]), _ROWS_AT_ONCE):
            batch = [column[first : first + _ROWS_AT_ONCE] for column in columns]
            sql = _insert(into, len(shared), len(batch), len(batch[0]), conflict)
            self.put(sql, (*shared, *chain.from_iterable(zip(*batch, strict=True))))

    def put(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        """Run one statement that is given its values by place, without a look at what it changed."""
        try:
            self._connection.execute(sql, values)
        except FAILURES as error:
            raise_failure(error, self._path)

    def added(self, sql: str, values: tuple[Any, ...]) -> int:
        """Insert one row, its values given by place, and return the number that it was given as its key."""
        try:
            return int(self._connection.execute(sql, values).lastrowid or 0)
        except FAILURES as error:
            raise_failure(error, self._path)


class _Writing:
    """A write transaction as a block: every change opens one, and a generator would take longer to."""

    __slots__ = ("_database", "_dry_run", "_fence", "_synced", "_tx")

    def __init__(self, database: Database, fence: Fence | None, dry_run: bool, synced: bool) -> None:
        self._database, self._fence, self._dry_run, self._synced = database, fence, dry_run, synced

    def __enter__(self) -> Write:
        self._tx = self._database._begin(self._fence, self._synced)
        return self._tx

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._dry_run:
                self._tx.put("COMMIT")
        finally:
            self._database._end()


@lru_cache(256)
def _insert(into: str, shared: int, columns: int, rows: int, conflict: str) -> str:
    common = [f"?{place}" for place in range(1, shared + 1)]
    own = range(shared + 1, shared + columns * rows + 1, columns)
    values = ", ".join([f"({', '.join([*common, *(f'?{place}' for place in range(at, at + columns))])})" for at in own])
    return f"INSERT INTO {into} VALUES {values} {conflict}"


class Database:
    """An open registry. Safe to use from several threads; connections are made when first needed."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self._connections: WeakSet[Connection] = WeakSet()
        self._opening = threading.Lock()
        self._local = threading.local()
        self._writer: Connection | None = None
        self._log_room = LogRoom(path)
        self._writing = threading.Lock()
        self._writing_thread: int | None = None
        self._watcher: Connection | None = None
        self._watching = threading.Lock()
        self._memory = Memory()

    def rows(self, sql: str, params: Params = _NOTHING) -> list[Row]:
        """Return every row."""
        return self._reader().rows(sql, params)

    def row(self, sql: str, params: Params = _NOTHING) -> Row | None:
        """Return the first row, None without one."""
        return self._reader().row(sql, params)

    def tuples(self, sql: str, params: Params = _NOTHING) -> list[tuple[Any, ...]]:
        """Return each row as a plain tuple."""
        return self._reader().tuples(sql, params)

    def taken(self, columns: str, source: str, params: Params = _NOTHING) -> list[tuple[Any, ...]]:
        """Return what `SELECT columns source` finds, as `tuples` does: many rows in two thirds of the time."""
        return self._reader().taken(columns, source, params)

    def each(self, sql: str, params: Params = _NOTHING) -> Iterator[tuple[Any, ...]]:
        """Give each row as a plain tuple when it is asked for."""
        return self._reader().each(sql, params)

    def words(self, sql: str, params: Params = _NOTHING) -> list[str]:
        """Return the one column `word` of every row: texts without spaces, thousands at a time."""
        return self._reader().words(sql, params)

    def remembered(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` read when it was last asked for under this key, where nothing was committed since.

        Whoever asks shares it with others: it is not to be changed.
        """
        if self._reader().holds_a_moment:
            return make()
        # asked for before `make` reads: what it reads may be newer than this state, and then is read again, never older
        state = self.changes()
        found: T | None = self._memory.get(state, key)
        if found is None:
            found = make()
            self._memory.keep(state, key, found)
        return found

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Hold one moment: every read inside sees the same state. Not to be nested in one thread."""
        reader = self._reader()
        reader.rows("BEGIN")
        try:
            yield reader
        finally:
            reader.rows("ROLLBACK")

    def write(
        self, fence: Fence | None = None, *, dry_run: bool = False, synced: bool = True
    ) -> AbstractContextManager[Write]:
        """Open the one write transaction; it commits when the block ends and rolls back when it raises.

        A dry run rolls back in any case: whatever would be refused is refused, and nothing is changed. What is not
        `synced` survives a killed process at once, a power loss from the next synced commit on.

        Raises:
            LeaseLost: a newer attempt of the fence's job exists, or the job has ended.
            StorageUnwritable: the disk is full or read-only; nothing was changed.
        """
        return _Writing(self, fence, dry_run, synced)

    def _begin(self, fence: Fence | None, synced: bool) -> Write:
        thread = threading.get_ident()
        if self._writing_thread == thread:
            raise RuntimeError("this thread has a write transaction open: pass it on instead of opening another")
        self._writing.acquire()
        try:
            connection = self._writer
            if connection is None:
                connection = self._writer = self._connect(writable=True)
            self._writing_thread = thread
            try:
                if connection.synced is not synced:
                    connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
                    connection.synced = synced
                connection.execute("BEGIN IMMEDIATE")
            except FAILURES as error:
                raise_failure(error, self.path)
            # made once it is its turn: times ascend in the order of what is written, however long it waited
            tx = Write(connection, self.path, self.clock)
            self._log_room.keep()
            if fence is not None:
                _hold(tx, fence)
        except BaseException:
            self._end()
            raise
        return tx

    def _end(self) -> None:
        """Take back what was not committed, and give the turn to the next."""
        self._writing_thread = None
        try:
            if self._writer is not None and self._writer.in_transaction:
                self._writer.rollback()
        finally:
            self._writing.release()

    def changes(self) -> int:
        """Return a number that differs from the last one when anything was committed since, by any process."""
        with self._watching:
            # data_version counts the commits of other connections; this one never writes, so it sees them all
            connection = self._watcher = self._watcher or self._connect(writable=False)
            return int(Statements(connection, self.path).tuples("PRAGMA data_version")[0][0])

    def close(self) -> None:
        """Close every connection; the last one folds the log into the file. A later use opens anew."""
        with self._writing, self._watching, self._opening:
            for connection in list(self._connections):
                connection.close()
            self._writer = self._watcher = None
            self._local, self._memory = threading.local(), Memory()

    def _reader(self) -> Statements:
        statements: Statements | None = getattr(self._local, "statements", None)
        if statements is None:
            statements = self._local.statements = Statements(self._connect(writable=False), self.path)
        return statements

    def _connect(self, *, writable: bool) -> Connection:
        try:
            connection = connect(self.path)
            connection.execute(f"PRAGMA query_only = {'OFF' if writable else 'ON'}")
        except FAILURES as error:
            raise_failure(error, self.path)
        with self._opening:
            self._connections.add(connection)
        return connection


def connect(path: Path) -> Connection:
    """Open a bare connection with the registry's settings; sqlite3 errors are left as they are."""
    uri = f"{path.resolve().as_uri()}?{_mode(path)}"
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
        timeout=BUSY_TIMEOUT_MS / 1000,
        cached_statements=512,
    )
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: Connection) -> None:
    connection.row_factory = sqlite3.Row
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # else INSERT OR REPLACE would delete events without asking their trigger
        "synchronous = FULL",
        "cache_size = -16000",
        "wal_autocheckpoint = 4000",  # pages, 8 MB: as many as one table of the log's index finds at one look
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    # what filters compare by; PostgreSQL is given functions of these names
    for name, function in (("number", comparing.number), ("casefold", comparing.folded)):
        connection.create_function(name, 1, function, deterministic=True)


def holds(expression: str, pattern: str, *, ascii: bool) -> str:
    """Return the condition that text is LIKE a pattern (folded, `!` escapes) without regard to case; null is not.

    LIKE itself takes small and capital letters for the same where text and pattern are `ascii`: only other text has to
    be folded, by a call for each row.
    """
    folded = f"coalesce(casefold({expression}) LIKE {pattern} ESCAPE '!', 0)"
    if not ascii:
        return folded
    more_bytes_than_signs = f"length({expression}) <> length(CAST({expression} AS BLOB))"
    return f"(coalesce({expression} LIKE {pattern} ESCAPE '!', 0) OR ({more_bytes_than_signs} AND {folded}))"


def _mode(path: Path) -> str:
    """Return how to open the file: a folded one on a read-only disk can still be read, its log files cannot be made."""
    try:
        read_only = os.statvfs(path.parent).f_flag & os.ST_RDONLY
    except OSError:
        return "mode=rw"
    return "mode=ro&immutable=1" if read_only and not Path(f"{path}-wal").exists() else "mode=rw"


def fields(row: Row, *hidden: str) -> dict[str, Any]:
    """Return a row's columns by name, without the hidden ones."""
    return {name: value for name, value in zip(row.keys(), row, strict=True) if name not in hidden}


def schema_of(path: Path) -> int | None:
    """Return the number of the registry's newest migration, 0 before the first, None without a registry."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    try:
        with closing(connect(path)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            number = connection.execute("SELECT max(version_num) FROM alembic_version").fetchone() if found else None
    except FAILURES as error:
        raise_failure(error, path)
    return int(number[0]) if number and number[0] else 0


def open_database(path: Path, clock: Clock) -> Database:
    """Open the registry at `path`, which must be there and of this schema.

    Raises:
        Refused: it is on a network file system.
        Unavailable: it is absent, or older or newer than this modeldeck.
    """
    refuse_network_file_system(path.parent)
    schema = schema_of(path)
    if schema is None:
        raise Unavailable(f"there is no registry at {path}", "modeldeck apply makes it")
    refuse_newer(path, schema)
    if schema < SCHEMA:
        raise Unavailable(
            f"the registry {path} has schema {schema}, this modeldeck needs {SCHEMA}",
            "modeldeck daemon restart upgrades it",
        )
    return Database(path, clock)


def refuse_newer(path: Path, schema: int) -> None:
    """Refuse a registry that a newer modeldeck has upgraded: writing to it would break its promises."""
    if schema > SCHEMA:
        raise Unavailable(
            f"the registry {path} has schema {schema}, this modeldeck knows up to {SCHEMA}",
            "install the newer modeldeck",
        )


def _hold(tx: Write, fence: Fence) -> None:
    row = tx.row("SELECT attempt, state FROM job WHERE id = :id", {"id": fence.job_id})
    if row is None or row["attempt"] != fence.attempt or row["state"] != "running":
        raise LeaseLost(
            f"job {fence.job_id[:12]} attempt {fence.attempt} may write no more",
            f"it is {row['state']}, attempt {row['attempt']}" if row else "the deck does not know it",
        )
