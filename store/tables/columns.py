"""What the tables share: names of constraints, and the kinds of columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKeyConstraint, Integer, MetaData, Text
from sqlmodel import Field, SQLModel

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BY_KEY = {"sqlite_with_rowid": False}  # SQLite keeps the rows in the order of their key, in one tree instead of two


class Table(SQLModel):
    """Root of every table."""

    metadata = METADATA


def text(**options: Any) -> Any:
    """Declare text; structured values are canonical JSON in text."""
    return Field(sa_type=Text, **options)


def moment(**options: Any) -> Any:
    """Declare microseconds UTC."""
    return Field(sa_type=BigInteger, **options)


def count(**options: Any) -> Any:
    """Declare a count."""
    return Field(sa_type=Integer, **options)


def measure(**options: Any) -> Any:
    """Declare a double."""
    return Field(sa_type=Float(53), **options)


def serial(**options: Any) -> Any:
    """Declare a 64-bit number that counts up; SQLite wants such a key to be plain INTEGER."""
    return Field(sa_type=BigInteger().with_variant(Integer, "sqlite"), **options)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Keep a column to a closed set of words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def refers(columns: str, table: str, keys: str, *, deferred: bool = False) -> ForeignKeyConstraint:
    """Tie columns to another table's key; `deferred` looks only when the transaction commits."""
    return ForeignKeyConstraint(
        columns.split(),
        [f"{table}.{key}" for key in keys.split()],
        deferrable=True if deferred else None,
        initially="DEFERRED" if deferred else None,
    )
