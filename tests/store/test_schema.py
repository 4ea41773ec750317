"""The migrations make what the tables say, an upgrade is whole or absent, and a backup comes first."""

from __future__ import annotations

import re
import shutil
import sqlite3
import zlib
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import store.upgrade
from store import runs
from store.clock import FrozenClock
from store.creation import SCRIPT, create
from store.database import SCHEMA, Database, schema_of
from store.opening import create_or_upgrade
from store.tables import METADATA
from store.upgrade import MIGRATIONS, schema_image, schema_script
from store.whole import damage

PRAGMAS = ("table_info", "foreign_key_list", "index_list")


def shape(connection: sqlite3.Connection) -> dict[str, object]:
    """Return every table's statement-independent shape: columns, keys, indexes and their conditions."""
    found: dict[str, object] = {}
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table == "alembic_version":
            continue
        info = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        keys = {tuple(row[2:]) for row in connection.execute(f'PRAGMA foreign_key_list("{table}")')}
        indexes = {}
        for _, name, unique, origin, partial in connection.execute(f'PRAGMA index_list("{table}")').fetchall():
            columns = tuple(row[2] for row in connection.execute(f'PRAGMA index_info("{name}")'))
            indexes[(origin, unique, partial, columns)] = name if origin == "c" else ""
        found[table] = ([tuple(row) for row in info], keys, indexes)
    return found


def conditions(connection: sqlite3.Connection) -> set[str]:
    """Return the conditions of partial indexes, and every check, without white space."""
    statements = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
    lines = [line.strip().rstrip(",") for statement in statements for line in statement.splitlines()]
    wheres = {
        statement.partition(" WHERE ")[2].strip() for statement in statements if statement.startswith("CREATE UN")
    }
    return {line for line in lines if "CHECK" in line or "DEFERR" in line} | wheres


def test_baseline_makes_exactly_what_the_tables_say(empty_registry: Path, tmp_path: Path) -> None:
    declared = tmp_path / "declared.db"
    engine = create_engine(f"sqlite:///{declared}")
    METADATA.create_all(engine)
    engine.dispose()
    by_tables, by_migrations = sqlite3.connect(declared), sqlite3.connect(empty_registry)
    assert shape(by_migrations) == shape(by_tables)
    assert conditions(by_migrations) == conditions(by_tables)
    by_tables.close()
    by_migrations.close()


def test_alembic_sees_nothing_left_to_migrate(empty_registry: Path) -> None:
    engine = create_engine(f"sqlite:///{empty_registry}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_schema_number_is_the_newest_migration(empty_registry: Path) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(settings).get_current_head() == f"{SCHEMA:04d}"
    assert schema_of(empty_registry) == SCHEMA


def test_every_table_has_a_primary_key_and_no_column_relies_on_the_row_number() -> None:
    for table in METADATA.tables.values():
        assert list(table.primary_key.columns), table.name
        assert "rowid" not in table.columns


def test_sql_is_the_portable_subset() -> None:
    """Whatever only SQLite understands is in database.py, in migrations and in what handles the file as a whole."""
    known = {"database.py", "reading.py", "upgrade.py", "creation.py", "storage.py", "whole.py"}
    foreign = re.compile(
        r"pragma|sqlite_master|\browid\b|OR (REPLACE|IGNORE)|json_(extract|each|set)|strftime| GLOB [':]"
        r"|\bIFNULL\b|import sqlite3",
        re.IGNORECASE,
    )
    found = {
        (path.name, line.strip())
        for path in MIGRATIONS.parent.glob("*.py")
        if path.name not in known
        for line in path.read_text().splitlines()
        if foreign.search(line)
    }
    assert found == set()


def test_script_of_a_new_registry_is_what_the_migrations_make() -> None:
    assert SCRIPT.read_text("utf-8") == schema_script(), "python -m store.migrations writes it anew"


def test_file_of_a_new_registry_is_what_the_script_makes(tmp_path: Path) -> None:
    made, kept = tmp_path / "made.db", tmp_path / "kept.db"
    made.write_bytes(zlib.decompress(schema_image(SCRIPT.read_text("utf-8"))))
    create(kept)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert schema_of(kept) == SCHEMA
    assert damage(kept) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.db", "made.db"]
    told = []
    for path in (made, kept):
        connection = sqlite3.connect(path)
        settings = ("page_size", "journal_mode", "encoding", "auto_vacuum", "freelist_count", "page_count")
        told.append([connection.execute(f"PRAGMA {name}").fetchall() for name in settings])
        told[-1].append(list(connection.iterdump()))
        connection.close()
    assert told[0] == told[1], "python -m store.migrations writes it anew"


def test_script_and_migrations_make_the_same_registry(empty_registry: Path, tmp_path: Path) -> None:
    """The script is made of what SQLite remembers of each statement: running it must lead to the same memory."""
    migrated = tmp_path / "migrated.db"
    migrated.touch()
    store.upgrade.migrate(migrated)
    told = []
    for path in (empty_registry, migrated):
        connection = sqlite3.connect(path)
        told.append(
            connection.execute(
                "SELECT type, name, rtrim(sql, ' ' || char(10)) FROM sqlite_master ORDER BY name"
            ).fetchall()
        )
        told[-1] += connection.execute("SELECT version_num FROM alembic_version").fetchall()
        told[-1] += connection.execute("PRAGMA journal_mode").fetchall()
        connection.close()
    assert told[0] == told[1]


def test_registry_that_another_process_made_first_is_kept(database: Database) -> None:
    create(database.path)
    assert database.row("SELECT name FROM model") is not None
    assert sorted(path.name for path in database.path.parent.glob("*.new*")) == []


NEXT = '''"""A migration for tests."""
from alembic import op
revision = "{next}"
down_revision = "{head}"
branch_labels = None
depends_on = None
def upgrade() -> None:
    op.execute("CREATE TABLE later (id TEXT PRIMARY KEY)")
    op.execute("INSERT INTO later (id) VALUES ('one')")
    op.execute("{last}")
'''


@pytest.fixture
def next_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a next migration, which modeldeck takes for its own."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(store.upgrade, "MIGRATIONS", folder)
    monkeypatch.setattr(store.upgrade, "SCHEMA", SCHEMA + 1)
    monkeypatch.setattr("store.database.SCHEMA", SCHEMA + 1)
    monkeypatch.setattr("store.opening.SCHEMA", SCHEMA + 1)
    return folder / "versions" / "v_next.py"


def migration(last: str) -> str:
    return NEXT.format(next=f"{SCHEMA + 1:04d}", head=f"{SCHEMA:04d}", last=last)


def test_upgrade_backs_up_first(database: Database, next_schema: Path, clock: FrozenClock) -> None:
    next_schema.write_text(migration("SELECT 1"))
    database.close()
    upgraded = create_or_upgrade(database.path, clock)
    assert schema_of(database.path) == SCHEMA + 1
    assert upgraded.row("SELECT id FROM later") is not None
    backups = list(database.path.parent.glob("*.backup"))
    assert [backup.name for backup in backups] == [f"registry.db.schema{SCHEMA}.20260301T120000Z.backup"]
    assert schema_of(backups[0]) == SCHEMA
    kept = sqlite3.connect(backups[0])
    assert kept.execute("SELECT name FROM model").fetchall() == [("rates",)]
    kept.close()
    assert backups[0].stat().st_mode & 0o077 == 0
    upgraded.close()


def test_failing_upgrade_leaves_the_registry_as_it_was(
    database: Database, next_schema: Path, clock: FrozenClock
) -> None:
    next_schema.write_text(migration("INSERT INTO nowhere (id) VALUES (1)"))
    database.close()
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        create_or_upgrade(database.path, clock)
    assert schema_of(database.path) == SCHEMA
    assert database.row("SELECT 1 FROM sqlite_master WHERE name = 'later'") is None
    assert database.row("SELECT name FROM model") is not None


def test_upgrading_what_is_current_does_nothing(database: Database, clock: FrozenClock) -> None:
    create_or_upgrade(database.path, clock).close()
    assert list(database.path.parent.glob("*.backup")) == []


def test_what_runs_logged_before_schema_2_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FrozenClock
) -> None:
    path = tmp_path / "registry.db"
    path.touch()
    with monkeypatch.context() as older:
        older.setattr(store.upgrade, "SCHEMA", 1)
        store.upgrade.migrate(path)
    old = sqlite3.connect(path)
    old.execute("INSERT INTO experiment (name, created_at) VALUES ('notebook', 0)")
    old.execute(
        "INSERT INTO run (id, experiment, kind, name, state, reason, actor, started_at)"
        " VALUES ('r1', 'notebook', 'train', 'a run', 'running', '', 'user:anna', 0)"
    )
    old.execute("INSERT INTO run_param VALUES ('r1', 'depth', '6')")
    old.execute("INSERT INTO run_tag VALUES ('r1', 'why', 'nightly')")
    old.executemany("INSERT INTO run_metric VALUES ('r1', 'mae', ?, 0, ?)", [(1, 3.0), (2, None)])
    old.execute("INSERT INTO run_metric_latest VALUES ('r1', 'mae', 1, 0, 3.0)")
    old.commit()
    old.close()
    upgraded = create_or_upgrade(path, clock)
    run = runs.run(upgraded, "r1")
    assert (run.params, run.metrics, run.tags) == ({"depth": "6"}, {"mae": 3.0}, {"why": "nightly"})
    assert runs.metric_history(upgraded, "r1", "mae") == [(1, 0, 3.0), (2, 0, None)]
    upgraded.close()
