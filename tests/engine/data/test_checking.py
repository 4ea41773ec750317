"""Checks: each rule finds the rows that break it and no other, and says what is wrong about all rows together."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from engine.data.checking import check
from engine.data.inferring import infer
from engine.settings.checks import CheckSettings, ColumnCheck, FreshnessCheck, RowRule, VolumeCheck
from engine.settings.model import DataSettings, ModelSettings
from store.errors import Refused
from store.rows import microseconds

DAYS = [dt.datetime(2026, 1, day) for day in range(1, 9)]
TABLE = pa.table(
    {
        "at": pa.array(DAYS, pa.timestamp("us")),
        "nights": [1, 2, 3, 70, None, 2, -1, 2],
        "room": ["a", "b", "a", "a", "c", None, "b", "b"],
        "stay": [11, 12, 13, 14, 15, 12, 17, 18],
        "adults": [2, 0, 1, 2, 2, 1, 0, 2],
        "children": [0, 1, 0, 0, None, 0, 2, 0],
        "empty": pa.array([None] * 8, pa.string()),
    }
)


def look(checks, table=TABLE, before=None, now="2026-01-09T00:00:00Z"):
    return check(table, checks, Path(), time_column="at", zone="UTC", now_us=microseconds(now), rows_before=before)


def columns(**said):
    return CheckSettings(columns={name: ColumnCheck(**one) for name, one in said.items()})


@pytest.mark.parametrize(
    ("checks", "rule", "rows"),
    [
        (columns(nights={"min": 1}), "nights.range", [6]),
        (columns(nights={"max": 60}), "nights.range", [3]),
        (columns(nights={"min": 1, "max": 60}), "nights.range", [3, 6]),
        (columns(nights={"nulls": 0.0}), "nights.nulls", [4]),
        (columns(room={"values": ("a", "b")}), "room.values", [4]),
        (columns(stay={"unique": True}), "stay.unique", [1, 5]),
        (columns(at={"max": "2026-01-06"}), "at.range", [6, 7]),
        (CheckSettings(rules={"kids": RowRule("children = 0 OR adults > 0")}), "rules.kids", [1, 6]),
    ],
)
def test_rows_that_break_a_rule_are_rejected_by_it(checks, rule, rows):
    seen = look(checks)
    assert [(one.rule, one.severity, one.rows) for one in seen.findings] == [(rule, "error", len(rows))]
    assert [place for place, said in enumerate(seen.rejected) if said] == rows
    assert set(seen.rejected) == {"", rule}


def test_what_only_warns_rejects_nothing():
    seen = look(columns(nights={"min": 1, "nulls": 0.0, "warn": ("range",)}, room={"type": "long", "warn": ("type",)}))
    assert {(one.rule, one.severity) for one in seen.findings} == {
        ("nights.range", "warning"),
        ("nights.nulls", "error"),
        ("room.type", "warning"),
    }
    assert [place for place, said in enumerate(seen.rejected) if said] == [4]


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        (columns(nights={"nulls": 0.1}), "1 of 8 are null, at most 0.1 of them may be"),
        (columns(nights={"type": "string"}), "it holds long, not string"),
        (columns(price={"type": "double"}), "the column is absent"),
        (CheckSettings(rows=VolumeCheck(min=9)), "8 rows, at least 9 are wanted"),
        (CheckSettings(rows=VolumeCheck(max=7)), "8 rows, at most 7 are wanted"),
        (CheckSettings(rows=VolumeCheck(vs_last=0.5)), "8 rows are 0.40 of the 20 before, 0.5 are wanted"),
        (CheckSettings(fresh=FreshnessCheck(3600.0)), "the newest row is of 2026-01-08T00:00:00Z, 1.0 days ago"),
    ],
)
def test_what_is_wrong_with_all_rows_is_told_and_rejects_none(checks, told):
    seen = look(checks, before=20)
    assert [(one.severity, one.rows, one.detail) for one in seen.findings] == [("error", 0, told)]
    assert seen.errors == seen.findings
    assert not any(seen.rejected)


def test_data_that_hold_break_nothing():
    checks = CheckSettings(
        columns={
            "nights": ColumnCheck("double", min=-1, max=70, nulls=0.2),
            "empty": ColumnCheck("long"),  # a column without a value is of any type
            "stay": ColumnCheck("long"),
        },
        rules={"counted": RowRule("adults + coalesce(children, 0) > 0")},
        rows=VolumeCheck(min=8, max=8, vs_last=0.4),
        fresh=FreshnessCheck(2 * 86400.0),
    )
    assert look(checks, before=20).findings == ()


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("adlts > 0", "checks.rules.kids cannot be asked: .*adlts"),
        ("count(*) > 1", "checks.rules.kids (cannot be asked|is no rule over a row)"),
        ("adults >", "checks.rules.kids cannot be asked: "),
    ],
)
def test_rule_that_cannot_be_asked_is_refused(expression, told, says):
    with pytest.raises(Refused, check=says(told)):
        look(CheckSettings(rules={"kids": RowRule(expression)}))


def test_what_is_inferred_holds_for_what_it_was_inferred_from():
    table = pa.table(
        {
            "at": pa.array([dt.datetime(2026, 1, 1 + place % 28) for place in range(60)], pa.timestamp("us")),
            "stay": list(range(60)),
            "room": ["a", "b", "c"] * 20,
            "guest": [f"guest {place}" for place in range(60)],
            "price": [40.0 + place % 7 for place in range(60)],
            "discount": [None if place % 9 == 0 else 0.1 for place in range(60)],
        }
    )
    data = DataSettings("rows.csv", "price", "at", id_column="stay", personal=("guest",))
    found = infer(table, ModelSettings("rates", "regression", data), age_s=3600.0)
    assert found.columns["stay"].unique
    assert found.columns["room"].values == ("a", "b", "c")
    assert found.columns["guest"] == ColumnCheck("string", nulls=0.0, warn=("range", "values"))
    assert (found.columns["price"].min, found.columns["price"].max) == (37.0, 49.0)
    assert found.columns["discount"].nulls is None
    assert (found.rows, found.fresh) == (
        VolumeCheck(vs_last=0.5, severity="warning"),
        FreshnessCheck(86400.0, "warning"),
    )
    assert look(found, table, before=60, now="2026-01-28T12:00:00Z").findings == ()
