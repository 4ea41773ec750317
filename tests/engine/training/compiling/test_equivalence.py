"""A compiled model answers as its pipeline does, and the proof finds one that does not."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fitted_cases import CASES, INPUTS, KINDS, Case, case, table, truths
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from engine.serving.compiled.blocks import are_finite
from engine.serving.compiled.model import read, write
from engine.serving.contract import Column, OneRow, Signature, output_columns
from engine.serving.features import NumberColumns
from engine.serving.forecasting import SeasonalChange, SeasonalNaive, SeriesHistory
from engine.serving.lags import DAY_US
from engine.serving.predict import PredictError, Predictor
from engine.training.compiling.adopting import compiled
from engine.training.compiling.program import program_of
from engine.training.compiling.proof import TOLERANCE
from engine.training.compiling.refusal import NotCompilable

ROW = st.fixed_dictionaries(
    {
        "price": st.floats(allow_nan=False, allow_infinity=False),
        "nights": st.integers(-(2**63), 2**63 - 1),
        "member": st.booleans(),
        "note": st.text(max_size=60) | st.lists(st.sampled_from(["alpha", "Beta", "the", "wall"])).map(" ".join),
        "at": st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(datetime.isoformat),
    },
    optional={
        "gap": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "segment": st.none() | st.sampled_from(["online", "groups", "direct"]) | st.text(max_size=10),
    },
)


def test_every_family_is_proven(every_case: Case) -> None:
    found = every_case.prove()
    assert found.rows == 300 + 20
    assert found.edges > 50
    assert found.worst <= TOLERANCE
    assert (found.thresholds > 0) == bool(every_case.program.thresholds)


@pytest.mark.parametrize("name", CASES)
@given(rows=st.lists(ROW, min_size=1, max_size=4))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_any_rows_are_answered_the_same(name: str, rows: list[dict[str, Any]]) -> None:
    one = case(name)
    told = (one.predictor.signature, one.predictor.task)
    short = Predictor.from_compiled(read(one.program.content), *told)
    try:
        with np.errstate(all="ignore"):
            wanted = one.predictor.predict(rows)
    except PredictError:
        with pytest.raises(PredictError):
            short.predict(rows)
        return
    for answer, other in zip(short.predict(rows), wanted, strict=True):
        assert answer.get("label") == other.get("label")
        numbers = [key for key, value in other.items() if isinstance(value, float)]
        assert [answer[key] for key in numbers] == pytest.approx([other[key] for key in numbers], rel=1e-9, abs=1e-9)


PLAIN = st.fixed_dictionaries(
    {
        "price": st.floats(-1e30, 1e30),  # a forest refuses what single precision cannot hold
        "nights": st.integers(-(2**63), 2**63 - 1),
        "member": st.booleans(),
        "segment": st.sampled_from(["online", "groups", "direct"]) | st.text(max_size=10),
    }
)


def _of_plain_columns(estimator: Any, kind: str) -> Predictor:
    inputs = tuple(column for column in INPUTS if column.name in ("price", "nights", "member", "segment"))
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["price", "nights"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["member", "segment"]),
        ],
        sparse_threshold=0.0,
    )
    model = Pipeline([("features", columns), ("estimator", estimator)]).fit(table(), truths()[kind])
    classes = tuple(map(str, model.classes_)) if kind != "number" else ()
    task = "classification" if classes else "regression"
    return Predictor.from_parts(model, Signature(inputs, output_columns(task, classes), classes), task)


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (Ridge(), "number"),
        (HistGradientBoostingClassifier(max_iter=8), "three"),
        (RandomForestClassifier(5, random_state=1), "two"),
    ],
    ids=["sums", "boosted", "forest"],
)
def test_a_row_alone_is_answered_as_among_others(estimator: Any, kind: str) -> None:
    predictor = _of_plain_columns(estimator, kind)
    program = program_of(predictor.model, predictor.signature)
    short = Predictor.from_compiled(read(program.content), predictor.signature, predictor.task)

    @given(rows=st.lists(PLAIN, min_size=2, max_size=5))
    @settings(max_examples=30, deadline=None, derandomize=True)
    def ask(rows: list[dict[str, Any]]) -> None:
        assert all(type(short.rows.code([row])) is OneRow for row in rows)
        for row, among in zip(rows, short.predict(rows), strict=True):
            (alone,) = short.predict([row])
            (wanted,) = predictor.predict([row])
            assert alone.get("label") == among.get("label") == wanted.get("label")
            numbers = [key for key, value in wanted.items() if isinstance(value, float)]
            for found in (alone, among):
                told = [found[key] for key in numbers]
                assert told == pytest.approx([wanted[key] for key in numbers], rel=1e-9, abs=1e-9)

    ask()


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize(
    ("value", "finite"), [(1.0, True), (1e300, True), (-0.0, True), (np.nan, False), (np.inf, False), (-np.inf, False)]
)
def test_a_table_of_numbers_only_is_told_from_any_other(size: int, value: float, finite: bool) -> None:
    whole = np.ones((size, 12))
    part = whole[:, 3:9]  # a block's own columns lie apart from each other
    part[size // 2, 2] = value
    with np.errstate(over="ignore"):
        assert are_finite(part) is finite
    part[0, 0] = -value  # beside infinity of the other sign, the sum is no number either
    with np.errstate(over="ignore", invalid="ignore"):
        assert are_finite(part) is finite


@cache
def forecast(what: str, clock: str) -> tuple[Predictor, pd.DataFrame]:
    """Return a predictor of a forecast, and rows it was fitted on; steps are in `clock`'s time where it names one."""
    rng = np.random.default_rng(3)
    at = pd.date_range("2026-09-01", periods=24 * 70, freq="h").to_numpy(dtype="datetime64[us]")
    frame = pd.DataFrame(
        {
            "place": pd.Series(np.repeat(["jfk", "lga"], len(at)), dtype=object),
            "at": np.tile(at, 2),
            "wind": rng.normal(size=2 * len(at)),
        }
    )
    truth = np.tile(np.arange(len(at)) % 24, 2) + frame.wind.to_numpy() + rng.normal(size=len(frame))
    inputs = (Column("place", "string"), Column("at", "datetime"), Column("wind", "double", True))
    history = SeriesHistory("at", ("place",), 7 * DAY_US, 2 * DAY_US, clock)
    steps = {
        "naive": (history, SeasonalNaive()),
        "linear": (make_pipeline(history, SimpleImputer(keep_empty_features=True), StandardScaler()), Ridge()),
        "boosting": (history, SeasonalChange(HistGradientBoostingRegressor(max_iter=15))),
    }
    first, estimator = steps[what]
    others = [("wind", NumberColumns(scale=True), ["wind"])] if what != "naive" else []
    features = ColumnTransformer([("history", first, ["place", "at"]), *others])
    fitted = Pipeline([("features", features), ("estimator", estimator)]).fit(frame.iloc[::3], truth[::3])
    predictor = Predictor.from_parts(fitted, Signature(inputs, output_columns("regression")), "forecasting")
    return predictor, frame


@pytest.mark.parametrize("clock", ["", "America/New_York"])
@pytest.mark.parametrize("what", ["naive", "linear", "boosting"])
def test_a_forecast_is_proven_with_its_memory(what: str, clock: str) -> None:
    predictor, frame = forecast(what, clock)
    content, told = compiled(predictor, frame.iloc[-200:], [], float("inf"))
    assert told["worst"] <= 1e-12, told
    short = Predictor.from_compiled(read(content), predictor.signature, "forecasting")
    ahead = [{"place": place, "at": f"2026-11-{day:02}T06:00:00"} for place in ("jfk", "ewr") for day in (9, 12, 30)]
    wanted = [one["value"] for one in predictor.predict(ahead)]
    assert [one["value"] for one in short.predict(ahead)] == pytest.approx(wanted, rel=1e-12)


MOMENT = st.fixed_dictionaries(
    {
        "place": st.sampled_from(["jfk", "lga", "ewr"]) | st.text(max_size=5),
        "at": st.datetimes(datetime(2026, 8, 1), datetime(2027, 3, 1)).map(datetime.isoformat),
        "wind": st.none() | st.floats(-1e6, 1e6),
    }
)


@pytest.mark.parametrize("clock", ["", "America/New_York"])
@pytest.mark.parametrize("what", ["naive", "linear", "boosting"])
@given(rows=st.lists(MOMENT, min_size=1, max_size=5))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_moment_of_a_forecast_is_answered_the_same(what: str, clock: str, rows: list[dict[str, Any]]) -> None:
    predictor, _ = forecast(what, clock)
    program = program_of(predictor.model, predictor.signature)
    short = Predictor.from_compiled(read(program.content), predictor.signature, "forecasting")
    wanted = [one["value"] for one in predictor.predict(rows)]
    assert [one["value"] for one in short.predict(rows)] == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_the_baseline_alone_is_proven_too() -> None:
    frame = table()
    predictor = Predictor.from_parts(
        DummyRegressor().fit(frame, truths()["number"]), Signature(INPUTS, output_columns("regression")), "regression"
    )
    content, told = compiled(predictor, frame, [], float("inf"))
    assert (told["rows"], told["worst"]) == (len(frame), 0.0)
    assert read(content).predict({"price": [1.0, 2.0]}).tolist() == pytest.approx([truths()["number"].mean()] * 2)


def test_the_same_model_is_the_same_bytes(every_case: Case) -> None:
    again = program_of(every_case.predictor.model, every_case.predictor.signature)
    assert again.content == every_case.program.content


def _changed(content: bytes, change: Any) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        program = json.loads(source.read("program.json"))
        trees = source.read("trees.onnx") if "trees.onnx" in source.namelist() else b""
    trees = change(program, trees) or trees
    del program["form"]
    return write(program, trees)


def _a_factor(program: Any, _trees: bytes) -> None:
    program["estimator"]["factors"][0][0] *= 1 + 1e-6


def _a_word(program: Any, _trees: bytes) -> None:
    words = next(block for block in program["blocks"] if block["kind"] == "words")
    words["vocabulary"][0], words["vocabulary"][1] = words["vocabulary"][1], words["vocabulary"][0]


def _a_null(program: Any, _trees: bytes) -> None:
    next(block for block in program["blocks"] if block.get("then"))["then"][0]["fill"][1] += 0.1


def _a_threshold(_program: Any, trees: bytes) -> bytes:
    import onnx

    model = onnx.load_from_string(trees)
    splits = next(one for one in model.graph.node[0].attribute if one.name == "nodes_splits").t
    places = [place for place, value in enumerate(splits.double_data) if np.isfinite(value)]
    splits.double_data[places[0]] = np.nextafter(splits.double_data[places[0]], np.inf)
    return bytes(model.SerializeToString())


def _single_precision(_program: Any, trees: bytes) -> bytes:
    import onnx

    model = onnx.load_from_string(trees)
    splits = next(one for one in model.graph.node[0].attribute if one.name == "nodes_splits").t
    splits.double_data[:] = [float(np.float32(value)) for value in splits.double_data]
    return bytes(model.SerializeToString())


def _a_slope(program: Any, _trees: bytes) -> None:
    program["estimator"]["members"][1][0]["slope"] *= 1 + 1e-6


def _a_step(program: Any, _trees: bytes) -> None:
    values = program["estimator"]["members"][0][0]["values"]
    values[:] = [value + 1e-6 for value in values]


def _a_code(program: Any, _trees: bytes) -> None:
    next(block for block in program["blocks"] if block["kind"] == "ordinal")["unknown"][0] = 1.0


def _takes_anything(program: Any, _trees: bytes) -> None:
    program["estimator"]["takes"] = "anything"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ridge", _a_factor),
        ("ridge", _a_word),
        ("ridge", _a_null),
        ("histograms", _a_threshold),
        ("histograms, two", _single_precision),
        ("gradient", _takes_anything),
        ("calibrated, two", _a_slope),
        ("calibrated histograms, two", _a_step),
        ("ordinals that refuse", _a_code),
    ],
)
def test_a_compiled_model_that_differs_is_found(name: str, change: Any) -> None:
    one = case(name)
    wrong = replace(one.program, content=_changed(one.program.content, change))
    assert wrong.content != one.program.content
    with pytest.raises(NotCompilable, match=r"differs|raises"):
        one.prove(wrong)


def _pipeline(features: Any, estimator: Any) -> Predictor:
    model = Pipeline([("features", features), ("estimator", estimator)]).fit(table(), truths()["number"])
    return Predictor.from_parts(model, Signature(INPUTS, output_columns("regression")), "regression")


@pytest.mark.parametrize(
    ("features", "estimator", "why"),
    [
        (CASES["ridge"][0](KINDS), AdaBoostRegressor(n_estimators=3), "sklearn's AdaBoostRegressor"),
        (
            ColumnTransformer([("own", FunctionTransformer(np.log1p), ["nights"])]),
            Ridge(),
            "sklearn's FunctionTransformer",
        ),
        (
            ColumnTransformer([("words", TfidfVectorizer(analyzer="char"), "note")]),
            Ridge(),
            "TfidfVectorizer with an analyzer of its own",
        ),
        (
            ColumnTransformer([("segment", OneHotEncoder(handle_unknown="error"), ["segment"])]),
            Ridge(),
            'OneHotEncoder with handle_unknown "error"',
        ),
        (
            ColumnTransformer([("segment", OrdinalEncoder(min_frequency=3, encoded_missing_value=-1), ["segment"])]),
            Ridge(),
            "OrdinalEncoder that joins categories",
        ),
        (ColumnTransformer([("at place", "passthrough", [0])]), Ridge(), "columns chosen by another way than by name"),
    ],
    ids=["estimator", "transformer", "analyzer", "unknown values", "joined", "places"],
)
def test_what_has_no_compiled_form_is_named(features: Any, estimator: Any, why: str) -> None:
    content, told = compiled(_pipeline(features, estimator), table(), [], float("inf"))
    assert (content, told) == (b"", {"why": why})


def test_a_calibration_that_is_not_known_is_named() -> None:
    calibrated = CalibratedClassifierCV(LogisticRegression(max_iter=500), method="temperature", cv=2)
    model = Pipeline([("features", CASES["ridge"][0](KINDS)), ("estimator", calibrated)]).fit(table(), truths()["two"])
    with pytest.raises(NotCompilable, match="CalibratedClassifierCV by TemperatureScaling"):
        program_of(model, case("calibrated, two").predictor.signature)


def test_what_is_not_proven_in_time_is_not_served() -> None:
    one = case("ridge")
    assert compiled(one.predictor, table(), one.asked["requests"], 0.0) == (
        b"",
        {"why": "no time was left to prove it"},
    )
