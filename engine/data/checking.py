"""Holds rows against the checks of a model file, by pandera: what broke which rule, and which rows it rejects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.sources.files import connect
from engine.measures.profile import column_type
from engine.model_io.rows import times_us
from engine.settings.checks import ERROR
from store.errors import Refused
from store.rows import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from engine.settings.checks import CheckSettings, ColumnCheck

_DAY_S = 86_400.0
_RULE = "\0rule."  # before the name of a rule over columns, where it stands beside columns
_PARTS = {"not_nullable": "nulls", "field_uniqueness": "unique"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that did not hold. `rows` counts what broke it; 0 where it is about all of them together."""

    rule: str
    severity: str
    rows: int
    detail: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of it: `rejected` holds, by row, the first error rule that the row broke; "" keeps it."""

    findings: tuple[Finding, ...]
    rejected: Any = field(repr=False)  # (n,) text

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Return what is an error about all rows together: no row's going mends it."""
        return tuple(one for one in self.findings if one.severity == ERROR and not one.rows)


def check(
    table: pa.Table,
    checks: CheckSettings,
    root: Path,
    *,
    time_column: str | None,
    zone: str,
    now_us: int,
    rows_before: int | None,
) -> Checked:
    """Check canonical rows. `rows_before` is how many the snapshot before has, None where there is none.

    Raises:
        Refused: a rule's expression does not fit the rows.
    """
    findings = [*_volume(table, checks, rows_before), *_freshness(table, checks, time_column, zone, now_us)]
    fitting = {}
    for name, wanted in checks.columns.items():
        misfit = _type(table, name, wanted)
        if misfit is None:
            fitting[name] = wanted
        else:
            findings.append(misfit)
    broken = _broken(table, fitting, checks, root)
    rejected = np.full(table.num_rows, "", dtype=object)
    for rule, (severity, places) in broken.items():
        count = len(places)
        share = _allowed_nulls(rule, fitting)
        if share is not None:
            if count > share * table.num_rows:
                told = f"{count:,} of {table.num_rows:,} are null, at most {share:.3g} of them may be"
                findings.append(Finding(rule, severity, 0, told))
            continue
        findings.append(Finding(rule, severity, count, f"{count:,} of {table.num_rows:,} rows"))
        if severity == ERROR:
            free = places[rejected[places] == ""]
            rejected[free] = rule
    return Checked(tuple(findings), rejected)


def _type(table: pa.Table, name: str, wanted: ColumnCheck) -> Finding | None:
    if name not in table.column_names:
        return Finding(f"{name}.type", wanted.severity("type"), 0, "the column is absent")
    column = table.column(name)
    found = column_type(column.type)
    if not wanted.type or found == wanted.type or column.null_count == len(column):
        return None
    if wanted.type == "double" and found == "long":
        return None
    return Finding(f"{name}.type", wanted.severity("type"), 0, f"it holds {found}, not {wanted.type}")


def _volume(table: pa.Table, checks: CheckSettings, before: int | None) -> list[Finding]:
    wanted, count = checks.rows, table.num_rows
    if wanted is None:
        return []
    told = []
    if wanted.min is not None and count < wanted.min:
        told.append(f"{count:,} rows, at least {wanted.min:,} are wanted")
    if wanted.max is not None and count > wanted.max:
        told.append(f"{count:,} rows, at most {wanted.max:,} are wanted")
    if wanted.vs_last is not None and before is not None and count < wanted.vs_last * before:
        told.append(f"{count:,} rows are {count / before:.2f} of the {before:,} before, {wanted.vs_last:g} are wanted")
    return [Finding("rows", wanted.severity, 0, "; ".join(told))] if told else []


def _freshness(
    table: pa.Table, checks: CheckSettings, time_column: str | None, zone: str, now_us: int
) -> list[Finding]:
    if checks.fresh is None or time_column is None or not table.num_rows:
        return []
    newest = int(times_us(table.column(time_column), zone).max())
    age_s = (now_us - newest) / 1e6
    if age_s <= checks.fresh.max_age_s:
        return []
    told = f"the newest row is of {rfc3339(newest)}, {age_s / _DAY_S:.1f} days ago"
    return [Finding("fresh", checks.fresh.severity, 0, told)]


def _allowed_nulls(rule: str, columns: dict[str, ColumnCheck]) -> float | None:
    """Return the share of nulls a rule allows, None where it is another rule or allows none."""
    name, _, part = rule.rpartition(".")
    share = columns[name].nulls if part == "nulls" and name in columns else None
    return share or None


def _broken(
    table: pa.Table, columns: dict[str, ColumnCheck], checks: CheckSettings, root: Path
) -> dict[str, tuple[str, Any]]:
    """Return severity and places of the rows that broke each rule."""
    import pandas as pd
    import pandera.pandas as pandera

    frame = pd.DataFrame(index=range(table.num_rows))
    asked: dict[str, Any] = {}
    for name, wanted in columns.items():
        frame[name] = table.column(name).to_pandas()
        asked[name] = _column(frame[name], wanted)
    for name, rule in checks.rules.items():
        frame[_RULE + name] = _holds(table, name, rule.expression, root)
        asked[_RULE + name] = pandera.Column(checks=[pandera.Check.isin([True], error="rule")])
    try:
        pandera.DataFrameSchema(asked).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        return {}
    found: dict[str, tuple[str, Any]] = {}
    for (column, said), some in cases.groupby(["column", "check"], sort=False):
        places = np.unique(some["index"].to_numpy(dtype=np.int64))
        if said == "rule":
            name = column.removeprefix(_RULE)
            found[f"rules.{name}"] = (checks.rules[name].severity, places)
            continue
        part = _PARTS.get(said, said)
        known = found.get(f"{column}.{part}")
        found[f"{column}.{part}"] = (
            columns[column].severity(part),
            np.union1d(known[1], places) if known else places,
        )
    return found


def _column(values: pd.Series, wanted: ColumnCheck) -> Any:
    import pandera.pandas as pandera

    checks = []
    low, high = (_bound(bound, values) for bound in (wanted.min, wanted.max))
    if low is not None:
        checks.append(pandera.Check.ge(low, error="range"))
    if high is not None:
        checks.append(pandera.Check.le(high, error="range"))
    if wanted.values:
        checks.append(pandera.Check.isin(list(wanted.values), error="values"))
    return pandera.Column(checks=checks, nullable=wanted.nulls is None, unique=wanted.unique)


def _bound(bound: float | str | None, values: pd.Series) -> Any:
    if isinstance(bound, str):
        import pandas as pd

        time = pd.Timestamp(bound)
        zoned = getattr(values.dtype, "tz", None)
        return time.tz_localize(zoned) if zoned is not None and time.tz is None else time
    return bound


def _holds(table: pa.Table, name: str, expression: str, root: Path) -> Any:
    """Return which rows a rule holds for; one that is neither true nor false (a null) holds, as in SQL."""
    import duckdb
    import pyarrow as pa

    numbered = table.append_column("modeldeck_place", pa.array(range(table.num_rows)))
    with connect(root) as connection:
        connection.register("data", numbered)
        asked = f"SELECT coalesce(CAST(({expression}) AS BOOLEAN), TRUE) AS holds FROM data ORDER BY modeldeck_place"
        try:
            found = connection.sql(asked).to_arrow_table()
        except duckdb.Error as error:
            line = str(error).strip().splitlines()[0].rstrip(".")
            raise Refused(f"checks.rules.{name} cannot be asked: {line}", "correct its expression") from error
    if found.num_rows != table.num_rows:
        raise Refused(f"checks.rules.{name} is no rule over a row", "leave aggregates and joins out of its expression")
    return found.column("holds").to_numpy()
