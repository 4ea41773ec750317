"""The short way through a pipeline: arrays where the pipeline would make one of a frame first, the same bits out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from engine.serving.compiled.model import QUIET, read
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.direct import _Framed, _Plain, direct
from engine.serving.predict import PredictError, Predictor
from engine.training.compiling.program import program_of

SIGNATURE = Signature(
    (
        Column("price", "double"),
        Column("gap", "double", True),
        Column("nights", "long"),
        Column("age", "long", True),
        Column("segment", "string"),
    ),
    output_columns("regression"),
)
NUMBER = st.floats(-1e12, 1e12) | st.sampled_from([0.0, -0.0, 5e-324, 1e300])
ROW = st.fixed_dictionaries(
    {"price": NUMBER, "nights": st.integers(-(2**63), 2**63 - 1), "segment": st.sampled_from(["a", "b", "new", ""])},
    optional={"gap": st.none() | NUMBER, "age": st.none() | st.integers(-(2**60), 2**60)},
)


def fitted(estimator: Any) -> Predictor:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "price": rng.normal(size=80),
            "gap": np.where(rng.random(80) < 0.2, np.nan, 3.0),
            "nights": rng.integers(0, 9, 80),
            "age": np.where(rng.random(80) < 0.2, np.nan, 40.0),
            "segment": pd.Series(["a", "b"] * 40, dtype=object),
        }
    )
    columns = make_column_transformer(
        (StandardScaler(), ["price", "nights"]),
        (MinMaxScaler(), ["nights"]),
        (make_pipeline(SimpleImputer(strategy="median"), RobustScaler()), ["gap", "age"]),
        (MaxAbsScaler(), ["price"]),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["segment"]),
    )
    model = make_pipeline(columns, estimator).fit(frame, frame["price"] + frame["nights"])
    return Predictor.from_parts(model, SIGNATURE, "regression")


LONG = {"ridge": fitted(Ridge()), "trees": fitted(ExtraTreesRegressor(5, random_state=1))}


@pytest.mark.parametrize("name", LONG)
@given(rows=st.lists(ROW, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_rows_are_answered_to_the_last_bit(name: str, rows: list[dict[str, Any]]) -> None:
    long = LONG[name]
    short = Predictor.from_parts(long.model, SIGNATURE, "regression")
    short._direct = direct(long.model, SIGNATURE)
    try:
        wanted = long.predict(rows)
    except PredictError:
        with pytest.raises(PredictError):
            short.predict(rows)
        return
    assert short.predict(rows) == wanted


def test_only_scalers_and_imputers_over_numbers_get_an_array() -> None:
    made = direct(LONG["ridge"].model, SIGNATURE)
    assert made is not None
    assert [type(part) for part in made._parts] == [_Plain, _Plain, _Plain, _Plain, _Framed]
    kept = LONG["ridge"].model.steps[0][1].transformers_
    assert list(kept[0][1].feature_names_in_) == ["price", "nights"]  # the pipeline itself is as it was


def test_a_hushed_compiled_model_answers_the_same() -> None:
    long = LONG["ridge"]
    content = program_of(long.model, SIGNATURE).content
    rows = [{"price": 1e300, "nights": 3, "segment": "a"}, {"price": 1.0, "nights": 2, "segment": "b"}]
    plain, hushed = (Predictor.from_compiled(read(content), SIGNATURE, "regression") for _ in range(2))
    hushed.hush()
    with np.errstate(**QUIET):
        assert hushed.predict(rows) == plain.predict(rows)
