"""The estimator that the settings name, by dotted name or as a function of the workspace, as a candidate."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.model_io import code
from engine.serving.features import DenseArray
from engine.training.dataset import Dataset, Kinds
from engine.training.family import Family, Params, nothing
from engine.training.tabular import linear_features
from store.errors import Refused, WorkFailed


def named(dataset: Dataset, path: str, seed: int) -> Family:
    """Return the family of an estimator given by dotted name.

    Raises:
        Refused: there is none of that name, or it does not fit the task.
    """
    kind = _estimator_class(path, dataset.task)
    takes = inspect.signature(kind).parameters
    fixed: Mapping[str, Any] = {name: value for name, value in (("random_state", seed),) if name in takes}
    return Family(path.rpartition(".")[2], _dense_linear_features, lambda _params: kind(**fixed), {})


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


def from_function(dataset: Dataset, reference: str, bundle: Path) -> Family:
    """Return the family of the estimator, or whole pipeline, that a function of the workspace makes.

    Raises:
        Refused: there is no such function, or what it makes does not fit the task.
        WorkFailed: it raised.
    """
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
    features = nothing if own else linear_features
    return Family(reference.rpartition(":")[2], features, build, {})
