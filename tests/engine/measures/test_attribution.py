"""Attributions against the definition of the Shapley value, enumerated over every set of columns."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from engine.measures.attribution import attribute, linear_parts, sampled
from engine.training.dataset import Kinds
from engine.training.tabular import boosted_features, linear_features

KINDS = Kinds(numbers=("nights", "gap"), categories=("segment",), times=("at",), texts=("note",))
WITHOUT_TEXT = Kinds(numbers=("nights", "gap"), categories=("segment",), times=("at",))
WORDS = ("sea", "view", "late", "dog", "quiet", "please")
ROWS, BEHIND = 3, 9


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module", name="frame")
def mixed_columns() -> pd.DataFrame:
    draw = np.random.default_rng(3)
    count = 240
    gaps = draw.normal(0, 1, count)
    gaps[::7] = np.nan
    notes = [" ".join(draw.choice(WORDS, 4)) for _ in range(count)]
    return pd.DataFrame(
        {
            "nights": draw.integers(1, 8, count).astype(float),
            "gap": gaps,
            "segment": pd.Series(draw.choice(["online", "groups", "direct"], count), dtype=object),
            "at": pd.to_datetime("2026-01-01") + pd.to_timedelta(draw.integers(0, 400, count), unit="D"),
            "note": pd.Series(notes, dtype=object),
        }
    )


def target_of(frame: pd.DataFrame) -> Any:
    online = (frame["segment"] == "online").to_numpy()
    sea = frame["note"].str.contains("sea").to_numpy()
    return 10.0 * frame["nights"].to_numpy() * (1 + online) + 5.0 * np.nan_to_num(frame["gap"]) + 20.0 * sea


def fitted(frame: pd.DataFrame, features: Any, estimator: Any, classes: int = 0) -> Any:
    truth = target_of(frame)
    if classes:
        truth = np.digitize(truth, np.quantile(truth, np.linspace(0, 1, classes + 1)[1:-1])).astype(str)
    return make_pipeline(features, estimator).fit(frame, truth)


def enumerated(answer: Any, rows: pd.DataFrame, background: pd.DataFrame) -> Any:
    """The Shapley value by its definition: every set of columns, every background row."""
    count, size = len(rows.columns), len(background)
    sets = np.array(list(itertools.product([False, True], repeat=count)))
    both = pd.concat([background, rows], ignore_index=True)
    found = np.zeros((len(rows), count))
    for number in range(len(rows)):
        source = np.where(np.repeat(sets, size, axis=0), size + number, np.tile(np.arange(size), len(sets))[:, None])
        mixed = pd.DataFrame({name: both[name].take(source[:, at]).array for at, name in enumerate(both.columns)})
        means = answer(mixed).reshape(len(sets), size).mean(axis=1)
        worth = {tuple(chosen): mean for chosen, mean in zip(sets.tolist(), means, strict=True)}
        for at in range(count):
            for chosen, value in worth.items():
                if not chosen[at]:
                    with_it = (*chosen[:at], True, *chosen[at + 1 :])
                    weight = math.factorial(sum(chosen)) * math.factorial(count - sum(chosen) - 1)
                    found[number, at] += weight / math.factorial(count) * (worth[with_it] - value)
    return found


def log_odds(model: Any, place: int = 1) -> Any:
    def answer(frame: pd.DataFrame) -> Any:
        scores = model.predict_proba(frame)[:, place]
        return np.log(scores / (1 - scores))

    return answer


REGRESSORS = {
    "ridge": (linear_features(KINDS), Ridge(), "linear"),
    "elastic net": (linear_features(KINDS), ElasticNet(alpha=0.01), "linear"),
    "boosting": (
        boosted_features(KINDS),
        HistGradientBoostingRegressor(max_iter=15, categorical_features=None),
        "trees",
    ),
    "one tree": (boosted_features(KINDS), DecisionTreeRegressor(max_depth=5), "trees"),
    "forest": (boosted_features(KINDS), RandomForestRegressor(12, random_state=1), "trees"),
    "gradient boosting": (linear_features(KINDS), GradientBoostingRegressor(n_estimators=15, random_state=1), "trees"),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_exact_attributions_are_the_shapley_values_of_the_input_columns(frame, name):
    features, estimator, method = REGRESSORS[name]
    model = fitted(frame, features, estimator)
    rows, background = frame.iloc[:ROWS], frame.iloc[50 : 50 + BEHIND]
    found = attribute(model, rows, background)
    assert (found.method, found.scale, found.columns) == (method, "value", tuple(frame.columns))
    assert found.contributions == pytest.approx(enumerated(model.predict, rows, background), abs=1e-8)
    assert found.base + found.contributions.sum(axis=1) == pytest.approx(model.predict(rows))
    assert found.base == pytest.approx(model.predict(background).mean())
    assert found.errors is None


@pytest.mark.parametrize(
    ("estimator", "linear"),
    [
        (LogisticRegression(), True),
        (HistGradientBoostingClassifier(max_iter=15, categorical_features=None), False),
        (GradientBoostingClassifier(n_estimators=15, random_state=1), False),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_two_classes_are_explained_in_log_odds(frame, estimator, linear, place):
    gapless = not isinstance(estimator, HistGradientBoostingClassifier)
    model = fitted(frame, linear_features(KINDS) if gapless else boosted_features(KINDS), estimator, classes=2)
    rows, background = frame.iloc[:ROWS], frame.iloc[50 : 50 + BEHIND]
    found = attribute(model, rows, background, place=place)
    assert found.scale == "log-odds"
    assert found.method == ("linear" if linear else "trees")
    assert found.contributions == pytest.approx(enumerated(log_odds(model, place), rows, background), abs=1e-6)
    assert 1 / (1 + np.exp(-found.predictions)) == pytest.approx(model.predict_proba(rows)[:, place])


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_forests_are_explained_in_probability_for_any_class(frame, kind):
    model = fitted(frame, boosted_features(KINDS), kind(10, random_state=1), classes=3)
    rows, background = frame.iloc[:ROWS], frame.iloc[50 : 50 + BEHIND]
    for place in range(3):
        found = attribute(model, rows, background, place=place)
        assert (found.method, found.scale) == ("trees", "probability")
        wanted = enumerated(lambda mixed, at=place: model.predict_proba(mixed)[:, at], rows, background)
        assert found.contributions == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize(
    ("estimator", "classes"),
    [
        (KNeighborsRegressor(), 0),
        (KNeighborsClassifier(), 2),
        (PoissonRegressor(), 0),  # has coefficients, but is no sum
        (HistGradientBoostingRegressor(loss="poisson", max_iter=10), 0),
        (LogisticRegression(), 3),
        (HistGradientBoostingClassifier(max_iter=5), 3),
        (DummyRegressor(), 0),
    ],
)
def test_what_is_no_sum_is_sampled_and_still_adds_up(frame, estimator, classes):
    model = fitted(frame, linear_features(WITHOUT_TEXT), estimator, classes)
    rows, background = frame.iloc[:2], frame.iloc[50 : 50 + BEHIND]
    place = 1 if classes else None
    found = attribute(model, rows, background, place=place)
    answer = (lambda mixed: model.predict_proba(mixed)[:, 1]) if classes else model.predict
    assert (found.method, found.scale) == ("sampled", "probability" if classes else "value")
    assert found.base + found.contributions.sum(axis=1) == pytest.approx(answer(rows))
    assert found.errors.shape == found.contributions.shape


def test_a_sampled_attribution_is_near_the_exact_one_as_its_errors_say(frame):
    model = fitted(
        frame, boosted_features(KINDS), HistGradientBoostingRegressor(max_iter=15, categorical_features=None)
    )
    rows, background = frame.iloc[:3], frame.iloc[50:80]
    exact = attribute(model, rows, background)
    near = sampled(model, rows, background, rounds=6)
    assert exact.method == "trees"
    assert (np.abs(near.contributions - exact.contributions) <= 4 * near.errors + 1e-9).all()
    assert near.errors.max() < 0.2 * np.abs(exact.contributions).max()


def test_features_that_read_two_columns_at_once_are_sampled(frame):
    def both(rows: pd.DataFrame) -> Any:
        return np.column_stack([rows["nights"] * (rows["segment"] == "online"), rows["nights"]])

    model = fitted(frame, FunctionTransformer(both), Ridge())
    found = attribute(model, frame.iloc[:2], frame.iloc[50:59])
    assert found.method == "sampled"
    assert found.base + found.contributions.sum(axis=1) == pytest.approx(model.predict(frame.iloc[:2]))


def test_a_column_the_model_never_reads_gets_nothing(frame):
    features = ColumnTransformer([("numbers", "passthrough", ["nights"])])
    for estimator in (Ridge(), DecisionTreeRegressor(max_depth=3), KNeighborsRegressor()):
        found = attribute(fitted(frame, features, estimator), frame.iloc[:3], frame.iloc[50:70])
        assert np.abs(np.delete(found.contributions, 0, axis=1)).max() == 0.0


def test_an_estimator_that_reads_the_frame_itself_is_explained(frame):
    numbers = frame[["nights"]].assign(more=np.arange(len(frame), dtype=float))
    model = Ridge().fit(numbers, target_of(frame))
    found = attribute(model, numbers.iloc[:3], numbers.iloc[20:40])
    assert found.method == "linear"
    assert found.base + found.contributions.sum(axis=1) == pytest.approx(model.predict(numbers.iloc[:3]))


def test_a_linear_models_text_is_divided_among_its_words(frame):
    model = fitted(frame, linear_features(KINDS), Ridge())
    rows, background = frame.iloc[:2], frame.iloc[50:90]
    whole = attribute(model, rows, background)
    parts = linear_parts(model, rows, background, "note", None)
    at = frame.columns.get_loc("note")
    assert [sum(value for _, value in row) for row in parts] == pytest.approx(whole.contributions[:, at])
    assert "sea" in {name for name, _ in parts[0][:4]} | {name for name, _ in parts[1][:4]}
    trees = fitted(frame, boosted_features(KINDS), DecisionTreeRegressor(max_depth=3))
    assert linear_parts(trees, rows, background, "note", None) == []
