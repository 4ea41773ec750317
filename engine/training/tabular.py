"""The candidates over tables of any columns: Dummy, the linear baseline, boosted trees, each with its features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.serving.features import (
    CategoryFlags,
    DateParts,
    DenseArray,
    NumberColumns,
    RareCategories,
    TextColumn,
    TextShape,
)
from engine.training.dataset import Kinds
from engine.training.family import Family, Params, Terms, nothing

if TYPE_CHECKING:
    import optuna

LINEAR_WORDS = 20_000  # terms a linear model reads of a text
BOOSTED_WORDS = 60  # the commonest terms only, because trees read a dense table
MIN_DOCUMENTS = 5


def dummy(terms: Terms) -> Family:
    """Return the constant answer that every candidate has to beat."""
    task, metric, seed = terms.dataset.task, terms.metric, terms.seed

    def build(_params: Params) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        if task == "classification":
            return DummyClassifier(strategy="prior", random_state=seed)
        return DummyRegressor(strategy="median" if metric in ("mae", "median_error") else "mean")

    return Family("dummy", nothing, build, {})


def linear(terms: Terms) -> Family:
    """Return the linear baseline: ridge or logistic regression."""
    dataset, seed = terms.dataset, terms.seed

    def build(params: Params) -> Any:
        from sklearn.linear_model import LogisticRegression, Ridge

        if dataset.task == "classification":
            return LogisticRegression(C=1.0 / params["penalty"], max_iter=300, random_state=seed)
        return Ridge(alpha=params["penalty"], random_state=seed)

    def draw(trial: optuna.Trial) -> Params:
        return {"penalty": trial.suggest_float("linear.penalty", 0.02, 200.0, log=True)}

    return Family("linear", linear_features, build, {"penalty": 1.0}, draw)


def boosting(terms: Terms) -> Family:
    """Return boosted trees over histograms."""
    dataset, metric, seed = terms.dataset, terms.metric, terms.seed
    losses = ("squared_error", "absolute_error") if metric in ("mae", "median_error") else ("squared_error",)

    def build(params: Params) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        shared = {
            **params,
            "early_stopping": False,
            "random_state": seed,
            "categorical_features": None,  # codes go by frequency; its own encoder cannot be stored without functions
        }
        if dataset.task == "classification":
            return HistGradientBoostingClassifier(**shared)
        return HistGradientBoostingRegressor(**shared)

    def draw(trial: optuna.Trial) -> Params:
        params: Params = {
            "learning_rate": trial.suggest_float("boosting.learning_rate", 0.02, 0.25, log=True),
            "max_iter": trial.suggest_int("boosting.max_iter", 40, 240, step=20),
            "max_leaf_nodes": trial.suggest_int("boosting.max_leaf_nodes", 4, 48, log=True),
            "min_samples_leaf": trial.suggest_int("boosting.min_samples_leaf", 5, 80, log=True),
            "l2_regularization": trial.suggest_float("boosting.l2_regularization", 1e-3, 10.0, log=True),
        }
        if len(losses) > 1 and dataset.task != "classification":
            params["loss"] = trial.suggest_categorical("boosting.loss", losses)
        return params

    defaults: Params = {
        "learning_rate": 0.08,
        "max_iter": 100,
        "max_leaf_nodes": 16,
        "min_samples_leaf": 20,
        "l2_regularization": 1.0,
    }
    if len(losses) > 1 and dataset.task != "classification":
        defaults["loss"] = "squared_error"
    return Family("boosting", boosted_features, build, defaults, draw)


def linear_features(kinds: Kinds) -> Any:
    """Return the unfitted features of a linear model: scaled numbers, 0/1 categories, cyclic dates, weighted words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    parts: list[tuple[str, Any, list[str]]] = []
    if kinds.numbers:
        parts.append(("numbers", NumberColumns(scale=True), list(kinds.numbers)))
    if kinds.categories:
        parts.append(("categories", CategoryFlags(), list(kinds.categories)))
    if kinds.times:
        parts.append(("times", DateParts(cyclic=True), list(kinds.times)))
    if kinds.texts:
        parts.append(("shape", make_pipeline(TextShape(), _scaler()), list(kinds.texts)))
    for name in kinds.texts:
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=MIN_DOCUMENTS, max_features=LINEAR_WORDS, sublinear_tf=True)
        parts.append((f"words.{name}", make_pipeline(TextColumn(), words), [name]))
    return _columns(parts)


def boosted_features(kinds: Kinds) -> Any:
    """Return the unfitted features of boosted trees: plain numbers, category codes, dates, the commonest words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    parts: list[tuple[str, Any, list[str]]] = []
    if kinds.categories:
        parts.append(("categories", RareCategories(), list(kinds.categories)))
    if kinds.numbers:
        parts.append(("numbers", NumberColumns(), list(kinds.numbers)))
    if kinds.times:
        parts.append(("times", DateParts(), list(kinds.times)))
    if kinds.texts:
        parts.append(("shape", TextShape(), list(kinds.texts)))
    for name in kinds.texts:
        words = TfidfVectorizer(min_df=MIN_DOCUMENTS, max_features=BOOSTED_WORDS, sublinear_tf=True)
        parts.append((f"words.{name}", make_pipeline(TextColumn(), words, DenseArray()), [name]))
    return _columns(parts)


def _scaler() -> Any:
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


def _columns(parts: list[tuple[str, Any, list[str]]]) -> Any:
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer(parts, remainder="drop", verbose_feature_names_out=False)
