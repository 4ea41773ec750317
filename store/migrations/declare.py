"""A short spelling for tables and indexes in migrations. Migrations stand on it: it may grow, never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

_KINDS: dict[str, Any] = {
    "text": sa.Text(),
    "integer": sa.Integer(),
    "bigint": sa.BigInteger(),
    "double": sa.Float(53),
    "serial": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
}


def table(
    name: str,
    columns: str,
    *,
    key: str,
    refers: tuple[str, ...] = (),
    unique: tuple[str, ...] = (),
    checks: Mapping[str, str] | None = None,
    by_key: bool = False,
) -> None:
    """Create one table; a `?` after a kind allows null, `=` and a word give a default, `a b -> other x y [deferred]` is
    a foreign key.

    `by_key` lets SQLite keep the rows in the order of the key, without a second tree beside it.
    """
    parts: list[sa.schema.SchemaItem] = []
    for column in columns.split(", "):
        label, kind = column.split()
        kind, given, default = kind.partition("=")
        parts.append(
            sa.Column(
                label,
                _KINDS[kind.rstrip("?")],
                nullable=kind.endswith("?"),
                server_default=default if given else None,
            )
        )
    parts.append(sa.PrimaryKeyConstraint(*key.split(), name=op.f(f"pk_{name}")))
    for reference in refers:
        own, _, target = reference.partition(" -> ")
        other, *keys = target.split()
        deferred = keys[-1] == "deferred"
        parts.append(
            sa.ForeignKeyConstraint(
                own.split(),
                [f"{other}.{item}" for item in keys if item != "deferred"],
                name=op.f(f"fk_{name}_{'_'.join(own.split())}"),
                deferrable=True if deferred else None,
                initially="DEFERRED" if deferred else None,
            )
        )
    parts += [sa.UniqueConstraint(*row.split(), name=op.f(f"uq_{name}_{'_'.join(row.split())}")) for row in unique]
    parts += [sa.CheckConstraint(rule, name=op.f(f"ck_{name}_{label}")) for label, rule in (checks or {}).items()]
    op.create_table(name, *parts, **({"sqlite_with_rowid": False} if by_key else {}))


def index(name: str, table: str, columns: str, *, unique: bool = False, where: str | None = None) -> None:
    """Create one index; `where` makes it partial."""
    partial = sa.text(where) if where else None
    op.create_index(name, table, columns.split(), unique=unique, sqlite_where=partial, postgresql_where=partial)
