"""Tables that nobody would hand in on purpose: each is trained on, or refused in one clear line."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from engine.data.canonical import canonical
from engine.data.gathering import select
from engine.data.sources.columns import need_distinct
from engine.data.sources.functions import call
from engine.serving import golden
from engine.serving.predict import Predictor
from engine.training.dataset import prepare
from engine.training.families import families
from engine.training.fitting import fit
from engine.training.folds import check_classes, expanding_folds, split_holdout
from engine.training.leakage import leaks
from store.errors import ModeldeckError

N = 120
DRAW = np.random.default_rng(5)
X = DRAW.normal(0, 1, N)
Y = (3.0 * X + DRAW.normal(0, 1, N) + 20.0).round(3)
AT = [dt.datetime(2026, 1, 1) + dt.timedelta(hours=place) for place in range(N)]
TWO = ["yes" if value > 20 else "no" for value in Y]
MILLION = 1_000_000


@dataclass(frozen=True)
class Hostile:
    """One table: what differs from a plain one, what is set, and the line it is refused with; "" is trained on."""

    name: str
    columns: Any
    told: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    plain: bool = True  # beside the columns at, x, y


CLASSES = {"task": "classification", "target": "label"}
NO_TIME = {"time_column": None}


def each(make: Callable[[int], Any]) -> list[Any]:
    return [make(place) for place in range(N)]


TABLES = [
    Hostile("constant number", {"c": [7.0] * N}),
    Hostile("constant text", {"c": ["same"] * N}),
    Hostile("constant time", {"c": [AT[0]] * N}),
    Hostile("all-null numbers", {"c": pa.nulls(N, pa.float64())}),
    Hostile("all-null text", {"c": pa.nulls(N, pa.string())}),
    Hostile("nulls of no type", {"c": pa.nulls(N)}),
    Hostile("nothing but nulls", {"x": pa.nulls(N)}, "no input column", {"features": ("x",)}),
    Hostile("all numbers not finite", {"c": [float("nan"), float("inf")] * (N // 2)}),
    Hostile("one value, the rest null", {"c": [1.0] + [None] * (N - 1)}),
    Hostile("one class only", {"label": ["yes"] * N}, "holds one class only", CLASSES),
    Hostile("one row of a class", {"label": ["no"] + ["yes"] * (N - 1)}, "no row of class", CLASSES),
    Hostile("classes one after the other", {"label": ["no"] * 60 + ["yes"] * 60}, "no row of class", CLASSES),
    Hostile("a class per row", {"label": each(lambda p: f"class {p}")}, "classes, at most", CLASSES),
    Hostile("classes that are numbers", {"label": each(lambda p: p % 2)}, "", CLASSES),
    Hostile("classes with control characters", {"label": each(lambda p: ["a\x00b", "c\nd"][p % 2])}, "", CLASSES),
    Hostile("classes with nulls", {"label": each(lambda p: [None, "yes", "no"][p % 3])}, "", CLASSES),
    Hostile("classes in two scripts", {"label": each(lambda p: ["sí ✓", "нет"][p % 2])}, "", CLASSES),
    Hostile("two names alike", "twice", "two columns named 'x'"),
    Hostile("names alike but for case", {"X": X, "Y": Y * 0 + X}),
    Hostile("mixed types in one column", "mixed", "column of mixed types"),
    Hostile("bytes and text in one column", "bytes", "column of mixed types|holds binary"),
    Hostile("a row per category", {"c": each(lambda p: f"guest {p}")}),
    Hostile("numbers written as text", {"c": each(lambda p: f"{p},5")}),
    Hostile("ten rows", "ten", "10 rows with a target are too few"),
    Hostile("no rows", "none", "0 rows with a target are too few"),
    Hostile("dates in two formats", {"c": each(lambda p: ["2026-01-31", "31/01/2026"][p % 2])}),
    Hostile(
        "times in two formats", {"at": each(lambda p: ["2026-01-31", "31/01/2026"][p % 2])}, "text that is no time"
    ),
    Hostile(
        "times with and without offset",
        {"at": each(lambda p: ["2026-01-31T00:00:00", "2026-01-31T00:00:00Z"][p % 2])},
        "text that is no time",
    ),
    Hostile("times that are null", {"at": [None, *AT[1:]]}, "the time column holds 1 nulls"),
    Hostile("times that are numbers", {"at": list(range(N))}, "the time column holds int64, not times"),
    Hostile("times all alike", {"at": [AT[0]] * N}, "too few different times"),
    Hostile("times far away", {"c": [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)] * (N // 2)}),
    Hostile("times in a zone", {"c": pa.array(AT, pa.timestamp("us", "Asia/Tokyo"))}),
    Hostile("days", {"c": [moment.date() for moment in AT]}),
    Hostile("times of day", {"c": [moment.time() for moment in AT]}, r"column 'c' holds time64"),
    Hostile("durations", {"c": [dt.timedelta(hours=1)] * N}, "column 'c' holds duration"),
    Hostile("unicode names and values", {"prix €": X, "城市": each(lambda p: "京都🏯"[p % 3])}),
    Hostile("right to left", {"עיר": each(lambda p: ["חיפה", "עכו"][p % 2])}),
    Hostile("control characters in values", {"c": each(lambda p: f"\x1b[31m{p % 3}\x00\r\n\t")}),
    Hostile("control characters in a name", {"a\x1b[2Jb\n": X}),
    Hostile("a name of nothing", {"": X}),
    Hostile("names of spaces and quotes", {" ": X, "a'b\"c;--": X}),
    Hostile("empty texts", {"c": each(lambda p: ["", " ", "a"][p % 3])}),
    Hostile("one very long text", {"c": ["long " * 20_000] + ["short text"] * (N - 1)}),
    Hostile("text of spaces only", {"c": each(lambda p: " " * (p % 50 + 1))}),
    Hostile("target with nulls", {"y": [None if place % 5 == 0 else value for place, value in enumerate(Y)]}),
    Hostile("target all null", {"y": pa.nulls(N, pa.float64())}, "0 rows with a target are too few"),
    Hostile("target not finite in places", {"y": [float("inf") if place % 9 == 0 else v for place, v in enumerate(Y)]}),
    Hostile("target constant", {"y": [5.0] * N}),
    Hostile("target that is text", {"y": TWO}, "regression needs numbers"),
    Hostile("target that is absent", {"yy": Y}, "column 'yield' is not in", {"target": "yield"}),
    Hostile("target that is its feature too", {"copy": Y}),
    Hostile("whole numbers beyond 64 bits", {"c": pa.array([2**63] * N, pa.uint64())}, "beyond 64 bits"),
    Hostile("very large numbers", {"c": X * 1e300}),
    Hostile("very small numbers", {"c": X * 1e-310}),
    Hostile("decimals", {"c": [decimal.Decimal("1.10") * place for place in range(N)]}),
    Hostile("lists", {"c": [[1]] * N}, "column 'c' holds list"),
    Hostile("records", {"c": [{"a": 1}] * N}, "column 'c' holds struct"),
    Hostile("dictionary codes", {"c": pa.array(TWO).dictionary_encode()}),
    Hostile("yes and no with nulls", {"c": each(lambda p: [True, False, None][p % 3])}),
    Hostile("no input column", {"y": Y}, "no input column", NO_TIME, plain=False),
    Hostile("three hundred columns", {f"c{place}": X * place for place in range(300)}),
    Hostile("no times at all", {"x": X, "y": Y}, "", NO_TIME, plain=False),
]


def frame_of(case):
    """Return what a source's function would return."""
    if case == "twice":
        return pd.DataFrame(np.column_stack([X, X, Y]), columns=["x", "x", "y"])
    if case == "mixed":
        return pd.DataFrame({"at": AT, "x": [1, "one"] * (N // 2), "y": Y})
    if case == "bytes":
        return pd.DataFrame({"at": AT, "x": [b"1", "one"] * (N // 2), "y": Y})
    rows = 10 if case == "ten" else 0
    return pd.DataFrame({"at": AT, "x": X, "y": Y}).head(rows)


def trained(table, settings):
    """Take a table the way of a training, a search apart: canonical rows, folds, a fit, golden answers."""
    dataset = prepare(canonical(select(table, settings.data), settings.data.time_column), settings, "UTC")
    split = split_holdout(dataset, 0.2, 7)
    folds = expanding_folds(dataset, split.train, 2, 7)
    check_classes(dataset, split, folds)
    leaks(dataset, split.train, seconds=1.0, seed=7)
    family = families(dataset, settings.train.estimator, "mae", 7, None)[1]
    model = fit(dataset, split.train, family, family.defaults)
    predictor = Predictor.from_parts(model, dataset.signature, dataset.task)
    return json.loads(json.dumps(golden.make(predictor, dataset.take(split.holdout).frame), allow_nan=False))


def check(case, table, settings):
    if case.told:
        with pytest.raises(ModeldeckError) as refused:
            trained(table(), settings)
        line = refused.value.line()
        assert re.search(case.told, line), line
        assert len(line.splitlines()) == 1
        assert refused.value.hint
        return
    made = trained(table(), settings)
    assert len(made["answers"]) == len(made["requests"]) > 0


@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.name)
def test_table_is_trained_on_or_refused_in_one_clear_line(case, rates, tmp_path):
    settings = {"target": "y", **case.settings}
    if settings.get("task") == "classification":
        settings["estimator"] = "sklearn.linear_model.LogisticRegression"

    def table():
        if isinstance(case.columns, str):
            made = call(lambda: frame_of(case.columns), "python:source:load", tmp_path)
            need_distinct(made.column_names, "python:source:load")
            return made
        plain = {"at": AT, "x": X, "y": Y} if case.plain else {}
        return pa.table({**plain, **case.columns})

    check(case, table, rates(**settings))


def test_a_million_categories_are_trained_on(rates):
    table = pa.table({"guest": [f"guest-{place}" for place in range(MILLION)], "y": np.arange(MILLION) % 7 * 1.0})
    dataset = prepare(canonical(table, None), rates(target="y", time_column=None), "UTC")
    assert dataset.kinds.categories == ("guest",)
    family = families(dataset, "sklearn.linear_model.Ridge", "mae", 7, None)[1]
    model = fit(dataset, np.arange(0, MILLION, 20), family, family.defaults)
    assert np.isfinite(model.predict(dataset.frame.iloc[:100])).all()


def test_there_are_fifty_such_tables():
    assert len(TABLES) >= 50
    assert len({case.name for case in TABLES}) == len(TABLES)
