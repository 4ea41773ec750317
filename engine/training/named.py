"""The estimator that the settings name, by dotted name or as a function of the workspace, as a candidate."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.model_io import code
from engine.serving.features import CodedClasses, DenseArray
from engine.training.dataset import Dataset, Kinds
from engine.training.family import Family, Params, is_ours, nothing
from engine.training.tabular import linear_features
from engine.training.trial import THREADS
from store.errors import Refused, WorkFailed

OWN_FUNCTION = "let a function of the workspace return it: python:module:function"


def named(dataset: Dataset, path: str, seed: int) -> Family:
    """Return the family of an estimator given by dotted name.

    Raises:
        Refused: there is none of that name, or it does not fit the task.
    """
    kind = estimator_class(path, dataset.task)
    takes = kind().get_params()
    fixed: dict[str, Any] = {"random_state": seed} if "random_state" in takes else {}
    if not is_ours(path) and "n_jobs" in takes:
        fixed["n_jobs"] = THREADS  # some add up in the order in which threads end

    def build(_params: Params) -> Any:
        made = kind(**fixed)
        return CodedClasses(made) if dataset.task == "classification" and not is_ours(path) else made

    return Family(path.rpartition(".")[2], _dense_linear_features, build, {})


def _dense_linear_features(kinds: Kinds) -> Any:
    from sklearn.pipeline import make_pipeline

    # estimators differ in what they read; a table of numbers without gaps suits them all
    return make_pipeline(linear_features(kinds), DenseArray()) if not kinds.texts else linear_features(kinds)


def estimator_class(path: str, task: str) -> Any:
    """Return the class of a dotted name.

    Raises:
        Refused: there is none of that name, it cannot be made without arguments, or it does not fit the task.
    """
    from sklearn.base import is_classifier, is_regressor

    module_name, _, name = path.rpartition(".")
    remedy = 'write "auto", "sklearn.linear_model.Ridge", "lightgbm.LGBMRegressor" or "python:module:function"'
    if not module_name:
        raise Refused(f"estimator {path!r} is not known", remedy)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        told = f"estimator {path!r} is not known: there is no {module_name}"
        top = module_name.partition(".")[0]
        raise Refused(told, remedy if is_ours(path) else f"install {top} beside modeldeck, or {remedy}") from error
    except Exception as error:  # a library that its own parts are missing of raises anything
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise Refused(f"estimator {path!r} cannot be used: {module_name} failed on import: {said}", remedy) from error
    kind = getattr(module, name, None)
    if not inspect.isclass(kind):
        close = difflib.get_close_matches(name, dir(module), n=1)
        raise Refused(
            f"{module_name} has no estimator {name!r}", f"did you mean {module_name}.{close[0]}?" if close else remedy
        )
    try:
        made = kind()
    except Exception as error:  # some cannot be made of nothing
        raise Refused(f"estimator {path!r} cannot be made without arguments", OWN_FUNCTION) from error
    if not hasattr(made, "get_params"):
        raise Refused(f"{path} is no scikit-learn compatible estimator", OWN_FUNCTION)
    _check_task(made, task, path, is_classifier, is_regressor)
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
