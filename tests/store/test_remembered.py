"""What was read is kept until anything is committed, by whomever, and never handed out after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from store import models, versions
from store.clock import FrozenClock
from store.database import Database, open_database
from store.reading import Memory
from store.rows import Version

ANNA = "user:anna"


def named(database: Database) -> int | None:
    found = versions.named(database, "rates", "candidate")
    return found.number if found else None


def move(database: Database, number: int) -> None:
    with database.write() as tx:
        models.set_alias(tx, "rates", "candidate", number, actor=ANNA)


def test_an_alias_is_read_again_once_it_moved(
    database: Database, register: Callable[..., Version], clock: FrozenClock
) -> None:
    with database.write() as tx:
        register(tx)
        register(tx)
    assert named(database) is None
    move(database, 1)
    assert named(database) == 1
    assert versions.named(database, "rates", "candidate") is versions.named(database, "rates", "candidate")
    move(database, 2)
    assert named(database) == 2
    other = open_database(database.path, clock)  # as another process has it open
    move(other, 1)
    assert named(database) == 1
    bare = sqlite3.connect(database.path)
    bare.execute("UPDATE alias SET version = 2 WHERE name = 'candidate'")
    bare.commit()
    bare.close()
    assert (named(database), named(other)) == (2, 2)
    other.close()


def test_a_change_is_seen_in_its_own_transaction_and_not_after_it_was_rolled_back(
    database: Database, register: Callable[..., Version]
) -> None:
    with database.write() as tx:
        register(tx)
        register(tx)
    move(database, 1)
    assert named(database) == 1
    with database.write(dry_run=True) as tx:
        models.set_alias(tx, "rates", "candidate", 2, actor=ANNA)
        assert versions.named(tx, "rates", "candidate").number == 2  # type: ignore[union-attr]
        assert named(database) == 1
    assert named(database) == 1


def test_a_held_moment_neither_sees_nor_leaves_what_is_newer_or_older(
    database: Database, register: Callable[..., Version]
) -> None:
    with database.write() as tx:
        register(tx)
        register(tx)
    move(database, 1)
    with database.reading() as reader:
        assert versions.named(reader, "rates", "candidate").number == 1  # type: ignore[union-attr]
        move(database, 2)
        assert versions.named(reader, "rates", "candidate").number == 1  # type: ignore[union-attr]
        assert named(database) == 1  # this thread holds the moment, however it asks
    assert named(database) == 2


def test_nothing_is_kept_over_a_close(database: Database, register: Callable[..., Version], clock: FrozenClock) -> None:
    with database.write() as tx:
        register(tx)
        register(tx)
    move(database, 1)
    assert named(database) == 1
    database.close()
    other = open_database(database.path, clock)
    move(other, 2)
    other.close()
    assert named(database) == 2


def test_what_is_too_much_goes_and_what_alone_is_too_much_is_not_kept() -> None:
    memory = Memory()
    for number in range(5):
        memory.keep(1, number, range(60_000))
    assert [memory.get(1, number) is None for number in range(5)] == [True, True, True, False, False]
    memory.keep(1, "huge", range(1_000_000))
    assert memory.get(1, "huge") is None
    assert memory.get(1, 4) is not None
    assert memory.get(2, 4) is None
