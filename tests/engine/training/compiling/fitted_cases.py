"""A table with every kind of column, and pipelines of every family fitted on it once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from engine.serving import golden
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.predict import Predictor
from engine.training.compiling.program import Program, program_of
from engine.training.compiling.proof import Equivalence, prove
from engine.training.dataset import Kinds
from engine.training.tabular import boosted_features, linear_features

ROWS = 600
WORDS = ["alpha", "beta", "gamma", "wall", "china", "trade", "great", "again", "the", "of"]
INPUTS = (
    Column("price", "double"),
    Column("gap", "double", True),
    Column("nights", "long"),
    Column("segment", "string", True),
    Column("member", "boolean"),
    Column("note", "string"),
    Column("at", "datetime"),
)
KINDS = Kinds(numbers=("price", "gap", "nights"), categories=("segment", "member"), texts=("note",), times=("at",))


@cache
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "price": rng.normal(100.0, 30.0, ROWS),
            "gap": np.where(rng.random(ROWS) < 0.15, np.nan, rng.normal(size=ROWS)),
            "nights": rng.integers(1, 9, ROWS),
            "segment": pd.Series(rng.choice(["online", "groups", "direct"], ROWS), dtype=object),
            "member": rng.random(ROWS) < 0.4,
            "note": pd.Series([" ".join(rng.choice(WORDS, 6)) for _ in range(ROWS)], dtype=object),
            "at": np.datetime64("2024-01-01", "us") + rng.integers(0, 10**8, ROWS).astype("timedelta64[s]"),
        }
    )
    frame.loc[::9, "segment"] = np.nan
    return frame


@cache
def truths() -> dict[str, Any]:
    frame = table()
    value = frame.price / 10 + np.nan_to_num(frame.gap) + 3.0 * (frame.segment == "online") + frame.nights
    return {
        "number": value.to_numpy(),
        "two": np.where(value > value.median(), "yes", "no"),
        "three": np.array(["low", "middle", "high"])[np.digitize(value, value.quantile([0.3, 0.7]))],
    }


def of_scikit_learn(_kinds: Kinds) -> Any:
    return ColumnTransformer(
        [
            ("gaps", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["price", "gap"]),
            ("robust", make_pipeline(RobustScaler(), MinMaxScaler()), ["nights"]),
            ("as they are", "passthrough", ["price"]),
            (
                "segment",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
                ["segment"],
            ),
            ("member", OneHotEncoder(handle_unknown="ignore"), ["member"]),
            ("words", CountVectorizer(stop_words="english", binary=True, ngram_range=(1, 3)), "note"),
        ]
    )


def dense(kinds: Kinds) -> Any:
    return of_scikit_learn(kinds).set_params(sparse_threshold=0.0)


def ordinals(_kinds: Kinds) -> Any:
    """Encoders of each way to take what is null or new; the last refuses what is new."""
    new = {"handle_unknown": "use_encoded_value"}
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder(**new, unknown_value=np.nan))
    return ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="mean"), ["price", "gap", "nights"]),
            ("filled", make_pipeline(filled, SimpleImputer()), ["segment"]),
            ("null", OrdinalEncoder(**new, unknown_value=-1, encoded_missing_value=-2), ["segment"]),
            ("member", OrdinalEncoder(), ["member"]),
        ]
    )


def refusing(_kinds: Kinds) -> Any:
    """Encoders that refuse a category they have not seen."""
    strict = OrdinalEncoder(encoded_missing_value=-1)
    return ColumnTransformer([("strict", strict, ["segment", "member"]), ("nights", "passthrough", ["nights"])])


CASES: dict[str, tuple[Any, Any, str]] = {
    "ridge": (linear_features, Ridge(), "number"),
    "elastic net": (of_scikit_learn, ElasticNet(alpha=0.1), "number"),
    "poisson": (linear_features, PoissonRegressor(max_iter=500), "number"),
    "logistic, two": (linear_features, LogisticRegression(max_iter=500), "two"),
    "logistic, three": (of_scikit_learn, LogisticRegression(max_iter=2000), "three"),
    "histograms": (boosted_features, HistGradientBoostingRegressor(max_iter=25), "number"),
    "histograms of counts": (boosted_features, HistGradientBoostingRegressor(max_iter=15, loss="poisson"), "number"),
    "scaled histograms": (dense, HistGradientBoostingRegressor(max_iter=15), "number"),
    "histograms, two": (boosted_features, HistGradientBoostingClassifier(max_iter=25), "two"),
    "histograms, three": (boosted_features, HistGradientBoostingClassifier(max_iter=10), "three"),
    "forest": (boosted_features, RandomForestRegressor(8, random_state=1), "number"),
    "forest, two": (boosted_features, RandomForestClassifier(8, random_state=1), "two"),
    "forest, three": (of_scikit_learn, RandomForestClassifier(8, random_state=1), "three"),
    "extra trees": (boosted_features, ExtraTreesRegressor(8, random_state=1), "number"),
    "extra trees, three": (boosted_features, ExtraTreesClassifier(8, random_state=1), "three"),
    "tree": (boosted_features, DecisionTreeRegressor(random_state=1), "number"),
    "tree, two": (boosted_features, DecisionTreeClassifier(random_state=1), "two"),
    "gradient": (linear_features, GradientBoostingRegressor(n_estimators=20, random_state=1), "number"),
    "gradient, two": (linear_features, GradientBoostingClassifier(n_estimators=20, random_state=1), "two"),
    "gradient, three": (linear_features, GradientBoostingClassifier(n_estimators=6, random_state=1), "three"),
    "calibrated, two": (linear_features, CalibratedClassifierCV(LogisticRegression(max_iter=500), cv=3), "two"),
    "calibrated histograms, two": (
        boosted_features,
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=8), method="isotonic", cv=2),
        "two",
    ),
    "calibrated histograms, three": (
        boosted_features,
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=5), cv=2),
        "three",
    ),
    "calibrated forest, two": (
        ordinals,
        CalibratedClassifierCV(RandomForestClassifier(5, random_state=1), cv=2),
        "two",
    ),
    "calibrated once, three": (
        ordinals,
        CalibratedClassifierCV(
            GradientBoostingClassifier(n_estimators=4, random_state=1), method="isotonic", ensemble=False, cv=2
        ),
        "three",
    ),
    "ordinals": (ordinals, HistGradientBoostingRegressor(max_iter=15), "number"),
    "ordinals that refuse": (refusing, Ridge(), "number"),
    "constant": (linear_features, DummyRegressor(), "number"),
    "constant, three": (linear_features, DummyClassifier(), "three"),
}


@dataclass(frozen=True)
class Case:
    predictor: Predictor
    program: Program
    asked: dict[str, Any]

    def prove(self, program: Program | None = None) -> Equivalence:
        until = time.monotonic() + 60
        return prove(program or self.program, self.predictor, table().iloc[::2], self.asked["requests"], until)


def fitted(name: str) -> Predictor:
    make, estimator, kind = CASES[name]
    truth = truths()[kind]
    model = Pipeline([("features", make(KINDS)), ("estimator", estimator)]).fit(table(), truth)
    classes = tuple(map(str, model.classes_)) if kind != "number" else ()
    task = "classification" if classes else "regression"
    return Predictor.from_parts(model, Signature(INPUTS, output_columns(task, classes), classes), task)


@cache
def case(name: str) -> Case:
    predictor = fitted(name)
    program = program_of(predictor.model, predictor.signature)
    return Case(predictor, program, golden.make(predictor, table()))
