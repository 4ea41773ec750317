"""The candidate families: Dummy, linear, boosting, or the estimator that the settings name, each with its features."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.model_io import code
from engine.serving.features import (
    CategoryFlags,
    DateParts,
    DenseArray,
    NumberColumns,
    RareCategories,
    TextColumn,
    TextShape,
)
from engine.training.dataset import Dataset, Kinds
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    import optuna

LINEAR_WORDS = 20_000  # terms a linear model reads of a text
BOOSTED_WORDS = 60  # the commonest terms only, because trees read a dense table
MIN_DOCUMENTS = 5

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of candidate. `features()` makes an unfitted transformer (None: the estimator reads the frame itself).

    `estimator(params)` makes an unfitted estimator; `space(trial)` draws parameters, `defaults` are tried first.
    """

    name: str
    features: Callable[[], Any]
    estimator: Callable[[Params], Any]
    defaults: Params
    space: Callable[[optuna.Trial], Params] | None = None


def families(dataset: Dataset, estimator: str, metric: str, seed: int, bundle: Path) -> list[Family]:
    """Return the families to compare: Dummy always, then linear and boosting for `auto`, else the named one.

    Raises:
        Refused: `estimator` names nothing that can be trained for the task.
        WorkFailed: the user's function raised.
    """
    dummy = _dummy(dataset.task, metric, seed)
    if estimator in ("", "auto"):
        return [dummy, _linear(dataset, seed), _boosting(dataset, metric, seed)]
    if estimator == "dummy":
        return [dummy]
    if estimator.startswith(code.PREFIX):
        return [dummy, _from_function(dataset, estimator, bundle)]
    return [dummy, _named(dataset, estimator, seed)]


def _nothing() -> Any:
    return None


def _dummy(task: str, metric: str, seed: int) -> Family:
    def build(_params: Params) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        if task == "classification":
            return DummyClassifier(strategy="prior", random_state=seed)
        return DummyRegressor(strategy="median" if metric in ("mae", "median_error") else "mean")

    return Family("dummy", _nothing, build, {})


def _linear(dataset: Dataset, seed: int) -> Family:
    def build(params: Params) -> Any:
        from sklearn.linear_model import LogisticRegression, Ridge

        if dataset.task == "classification":
            return LogisticRegression(C=1.0 / params["penalty"], max_iter=300, random_state=seed)
        return Ridge(alpha=params["penalty"], random_state=seed)

    def draw(trial: optuna.Trial) -> Params:
        return {"penalty": trial.suggest_float("linear.penalty", 0.02, 200.0, log=True)}

    return Family("linear", lambda: linear_features(dataset.kinds), build, {"penalty": 1.0}, draw)


def _boosting(dataset: Dataset, metric: str, seed: int) -> Family:
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
        if len(losses) > 1 and dataset.task == "regression":
            params["loss"] = trial.suggest_categorical("boosting.loss", losses)
        return params

    defaults: Params = {
        "learning_rate": 0.08,
        "max_iter": 100,
        "max_leaf_nodes": 16,
        "min_samples_leaf": 20,
        "l2_regularization": 1.0,
    }
    if len(losses) > 1 and dataset.task == "regression":
        defaults["loss"] = "squared_error"
    return Family("boosting", lambda: boosted_features(dataset.kinds), build, defaults, draw)


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


def _named(dataset: Dataset, path: str, seed: int) -> Family:
    kind = _estimator_class(path, dataset.task)
    takes = inspect.signature(kind).parameters
    fixed: Mapping[str, Any] = {name: value for name, value in (("random_state", seed),) if name in takes}
    return Family(
        path.rpartition(".")[2], lambda: _dense_linear_features(dataset.kinds), lambda _params: kind(**fixed), {}
    )


def _dense_linear_features(kinds: Kinds) -> Any:
    from sklearn.pipeline import make_pipeline

    # estimators differ in what they read; a table of numbers without gaps suits them all
    return make_pipeline(linear_features(kinds), DenseArray()) if not kinds.texts else linear_features(kinds)


def _estimator_class(path: str, task: str) -> Any:
    from sklearn.base import is_classifier, is_regressor

    module_name, _, name = path.rpartition(".")
    remedy = 'write "auto", "sklearn.linear_model.Ridge" or "python:module:function"'
    if not module_name.startswith("sklearn"):
        raise Refused(f"estimator {path!r} is not known", remedy)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Refused(f"estimator {path!r} is not known: there is no {module_name}", remedy) from error
    kind = getattr(module, name, None)
    if not inspect.isclass(kind):
        close = difflib.get_close_matches(name, dir(module), n=1)
        raise Refused(
            f"{module_name} has no estimator {name!r}", f"did you mean {module_name}.{close[0]}?" if close else remedy
        )
    _check_task(kind(), task, path, is_classifier, is_regressor)
    return kind


def _check_task(
    made: Any, task: str, named: str, is_classifier: Callable[[Any], bool], is_regressor: Callable[[Any], bool]
) -> None:
    fits = is_classifier(made) and hasattr(made, "predict_proba") if task == "classification" else is_regressor(made)
    if not fits:
        wanted = "a classifier with predict_proba" if task == "classification" else "a regressor"
        raise Refused(f"estimator {named!r} does not fit the task {task}", f"name {wanted}")


def _from_function(dataset: Dataset, reference: str, bundle: Path) -> Family:
    from sklearn.base import is_classifier, is_regressor
    from sklearn.pipeline import Pipeline

    function = code.function(reference, bundle)

    def build(_params: Params) -> Any:
        try:
            return function()
        except (Exception, SystemExit) as error:  # the user's code raises anything, and may try to leave
            raise WorkFailed(f"estimator {reference} raised {code.told(error, bundle)}", "correct it") from error

    made = build({})
    _check_task(made, dataset.task, reference, is_classifier, is_regressor)
    own = isinstance(made, Pipeline)  # a pipeline reads the frame itself; a bare estimator gets our features
    features = _nothing if own else lambda: linear_features(dataset.kinds)
    return Family(reference.rpartition(":")[2], features, build, {})
