"""Of which personal columns a token says the same as the value: of those that a version knows no value of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from engine.serving.contract import Column, Signature
from engine.serving.features import CategoryFlags, NumberColumns, RareCategories
from engine.training.unread import hidden, read_by_value

FRAME = pd.DataFrame(
    {
        "amount": [float(number) for number in range(40)],
        "country": ["ES", "FR"] * 20,
        "email": [f"u{number}@example.org" for number in range(40)],
        "street": [f"street {number}" for number in range(40)],
    }
)
TYPES = {"amount": "double", "country": "string", "email": "string", "street": "string"}
PERSONAL = ("amount", "country", "email", "street")


def predictor(model: Any) -> Any:
    signature = Signature(tuple(Column(name, kind, True) for name, kind in TYPES.items()), ())
    return SimpleNamespace(model=model, signature=signature)


@pytest.mark.parametrize("categories", [CategoryFlags, RareCategories])
def test_a_column_without_a_known_value_and_one_that_is_dropped_are_not_read_by_value(categories: Any) -> None:
    features = ColumnTransformer(
        [("numbers", NumberColumns(), ["amount"]), ("categories", categories(), ["country", "email"])]
    )
    model = make_pipeline(features, LinearRegression()).fit(FRAME, FRAME["amount"])
    assert read_by_value(predictor(model), PERSONAL) == ["amount", "country"]
    assert read_by_value(predictor(model), ("email", "street")) == []
    tokens = FRAME.assign(email="tok_a", street="tok_b")
    assert model.predict(tokens).tolist() == model.predict(FRAME).tolist()


def test_a_number_that_is_dropped_counts_as_its_token_is_no_number() -> None:
    model = make_pipeline(ColumnTransformer([("categories", CategoryFlags(), ["country"])]), LinearRegression())
    assert read_by_value(predictor(model.fit(FRAME, FRAME["amount"])), PERSONAL) == ["amount", "country"]


@pytest.mark.parametrize(
    "features",
    [
        ColumnTransformer([("numbers", NumberColumns(), ["amount"])], remainder=CategoryFlags()),
        ColumnTransformer([("numbers", NumberColumns(), lambda frame: ["amount"])]),
    ],
)
def test_of_a_pipeline_of_another_make_every_column_counts(features: Any) -> None:
    model = make_pipeline(features, LinearRegression()).fit(FRAME, FRAME["amount"])
    assert read_by_value(predictor(model), PERSONAL) == list(PERSONAL)
    assert read_by_value(predictor(LogisticRegression()), PERSONAL) == list(PERSONAL)


def test_tokens_hide_what_any_of_the_readers_goes_by_and_nothing_where_there_are_none() -> None:
    one, other = (
        predictor(make_pipeline(ColumnTransformer([("some", CategoryFlags(), names)]), LinearRegression()))
        for names in (["email"], ["country", "email"])
    )
    for each in (one, other):
        each.model.fit(FRAME, FRAME["amount"])
    texts = ("country", "email", "street")
    raw, tokens = (pa.table({"key_id": pa.array([None, key], pa.string())}) for key in (None, "k1"))
    assert hidden(raw, texts, one, other) == []
    assert hidden(tokens, texts, one) == []
    assert hidden(tokens, texts, one, other) == ["country"]
    assert hidden(tokens, (), one, other) == []
