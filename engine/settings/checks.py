"""What a model file pins of its data, as frozen sections. Standard library only."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from store.rows.frozen import dataclass

ERROR, WARNING = "error", "warning"
PARTS = ("type", "range", "nulls", "unique", "values")


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """What one column must hold. What breaks a part named in `warn` is recorded; what breaks another is rejected."""

    type: str = ""  # double, long, string, boolean, datetime
    min: float | str | None = None  # text: a time
    max: float | str | None = None
    nulls: float | None = None  # the largest share of nulls; 0 rejects each row that has one
    unique: bool = False
    values: tuple[str | float | bool, ...] = ()
    warn: tuple[str, ...] = ()

    def severity(self, part: str) -> str:
        """Return error or warning."""
        return WARNING if part in self.warn else ERROR


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule over the columns of a row: SQL that is not false."""

    expression: str
    severity: str = ERROR


@dataclass(frozen=True, slots=True)
class VolumeCheck:
    """How many rows there must be."""

    min: int | None = None
    max: int | None = None
    vs_last: float | None = None  # at least this share of the snapshot before
    severity: str = ERROR


@dataclass(frozen=True, slots=True)
class FreshnessCheck:
    """How old the newest row may be when it is taken, in seconds."""

    max_age_s: float
    severity: str = ERROR


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """[checks] of a model file."""

    columns: dict[str, ColumnCheck] = field(default_factory=dict)
    rules: dict[str, RowRule] = field(default_factory=dict)
    rows: VolumeCheck | None = None
    fresh: FreshnessCheck | None = None
    tolerate: float = 0.0  # so large a share of rows may be rejected before an error blocks training
    leakage: str = WARNING  # what a column that explains the target by itself is: error, warning or off
    repair: str = ""  # python:module:function, which is given the rejected rows when they are replayed

    @property
    def said(self) -> bool:
        """Say whether anything is asked of the data."""
        return bool(self.columns or self.rules or self.rows or self.fresh)

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> CheckSettings:
        """Rebuild from plain JSON values."""
        columns = {
            name: ColumnCheck(**{**one, "values": tuple(one["values"]), "warn": tuple(one["warn"])})
            for name, one in body["columns"].items()
        }
        return cls(
            columns=columns,
            rules={name: RowRule(**one) for name, one in body["rules"].items()},
            rows=VolumeCheck(**body["rows"]) if body["rows"] else None,
            fresh=FreshnessCheck(**body["fresh"]) if body["fresh"] else None,
            tolerate=body["tolerate"],
            leakage=body["leakage"],
            repair=body["repair"],
        )
