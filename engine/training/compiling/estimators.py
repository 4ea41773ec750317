"""Fitted estimators as the estimator of a compiled model: linear models, trees of every kind, constants, seasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.serving.forecasting import SeasonalChange, SeasonalNaive
from engine.training.compiling.refusal import NotCompilable
from engine.training.compiling.trees import Tree, onnx_of

_LINEAR = frozenset(
    {"LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "BayesianRidge"}
    | {"HuberRegressor", "SGDRegressor", "Lars", "LassoLars", "TheilSenRegressor", "LinearSVR"}
)
_LOG_LINKED = frozenset({"PoissonRegressor", "GammaRegressor"})


@dataclass(frozen=True, slots=True)
class Compiled:
    """An estimator's JSON, its link, and its trees: ONNX bytes, and the thresholds of each column of the table."""

    body: dict[str, Any]
    link: str
    trees: bytes = field(default=b"", repr=False)
    thresholds: dict[int, Any] = field(default_factory=dict, repr=False)
    parts: Sequence[Tree] = field(default=(), repr=False)


def estimator_of(model: Any) -> Compiled:
    """Return the compiled form of a fitted estimator.

    Raises:
        NotCompilable: it has none.
    """
    if isinstance(model, SeasonalNaive):
        return Compiled({"kind": "season", "mean": model.mean_, "known": [], "change": None}, "identity")
    if isinstance(model, SeasonalChange):
        change = estimator_of(model.change_)
        if change.link != "identity":
            raise NotCompilable(f"a season that {type(model.change_).__name__} changes")
        known = [bool(one) for one in model.known_]
        body = {"kind": "season", "mean": model.usual_.mean_, "known": known, "change": change.body}
        places = np.flatnonzero(model.known_)
        return Compiled(body, "identity", change.trees, {int(places[k]): v for k, v in change.thresholds.items()})
    name, module = type(model).__name__, type(model).__module__
    make = _BY_NAME.get(name)
    if make is None or not module.startswith("sklearn."):
        raise NotCompilable(f"{module.partition('.')[0]}'s {name}")
    return make(model)


def _linear(model: Any) -> Compiled:
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    if len(coefficients) != 1:
        raise NotCompilable(f"{type(model).__name__} with more than one target")
    shift = np.ravel(np.asarray(model.intercept_, dtype=np.float64))
    link = "log" if type(model).__name__ in _LOG_LINKED else "identity"
    return Compiled({"kind": "linear", "factors": coefficients.T.tolist(), "shift": shift.tolist()}, link)


def _logistic(model: Any) -> Compiled:
    link = "logistic" if len(model.classes_) == 2 else "softmax"
    shift = np.ravel(np.asarray(model.intercept_, dtype=np.float64))
    if len(shift) != len(model.coef_):
        shift = np.full(len(model.coef_), float(shift[0]))
    return Compiled({"kind": "linear", "factors": model.coef_.T.tolist(), "shift": shift.tolist()}, link)


def _constant(model: Any) -> Compiled:
    if type(model).__name__ == "DummyRegressor":
        return Compiled({"kind": "constant", "values": np.ravel(model.constant_).tolist()}, "identity")
    if model.strategy != "prior":
        raise NotCompilable(f'DummyClassifier with strategy "{model.strategy}"')
    return Compiled({"kind": "constant", "values": np.ravel(model.class_prior_).tolist()}, "scores")


def _of_trees(
    trees: Sequence[Tree], shift: Sequence[float], width: int, link: str, *, single: bool, takes: str
) -> Compiled:
    body = {"kind": "trees", "shift": [float(one) for one in shift], "single": single, "takes": takes}
    columns = np.concatenate([tree.column[~tree.is_leaf] for tree in trees])
    splits = np.concatenate([tree.threshold[~tree.is_leaf] for tree in trees])
    thresholds = {int(column): np.unique(splits[columns == column]) for column in np.unique(columns)}
    return Compiled(body, link, onnx_of(trees, len(shift), width), thresholds, trees)


def _histograms(model: Any) -> Compiled:
    trees: list[Tree] = []
    for row in model._predictors:
        for target, predictor in enumerate(row):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise NotCompilable(f"{type(model).__name__} with categorical splits")
            trees.append(
                Tree(
                    nodes["feature_idx"],
                    nodes["num_threshold"],
                    nodes["left"],
                    nodes["right"],
                    nodes["missing_go_to_left"],
                    nodes["is_leaf"].astype(bool),
                    nodes["value"],
                    target,
                )
            )
    shift = np.ravel(model._baseline_prediction)
    if hasattr(model, "classes_"):
        link = "logistic" if len(shift) == 1 else "softmax"
    else:
        links = {"IdentityLink": "identity", "LogLink": "log"}
        link = links.get(type(model._loss.link).__name__, "")
        if not link:
            raise NotCompilable(f"{type(model).__name__} of loss {model.loss}")
    return _of_trees(trees, shift.tolist(), model.n_features_in_, link, single=False, takes="anything")


def _tree(fitted: Any, values: Any, target: int = 0) -> Tree:
    tree = fitted.tree_
    nulls = tree.missing_go_to_left.astype(bool)
    leaf = tree.children_left == -1
    return Tree(tree.feature, tree.threshold, tree.children_left, tree.children_right, nulls, leaf, values, target)


def _forest(model: Any) -> Compiled:
    """Return the mean over trees; two classes are one sum, of more each has trees of its own."""
    members = getattr(model, "estimators_", None) or [model]
    if model.n_outputs_ != 1:
        raise NotCompilable(f"{type(model).__name__} with more than one target")
    share, width = 1.0 / len(members), model.n_features_in_
    if not hasattr(model, "classes_"):
        if model.criterion == "poisson":
            raise NotCompilable(f"{type(model).__name__} of criterion poisson")
        trees = [_tree(one, one.tree_.value[:, 0, 0] * share) for one in members]
        return _of_trees(trees, [0.0], width, "identity", single=True, takes="nulls")
    count = len(model.classes_)
    wanted = [1] if count == 2 else range(count)
    trees = [_tree(one, one.tree_.value[:, 0, of] * share, to) for one in members for to, of in enumerate(wanted)]
    link = "pair" if count == 2 else "scores"
    return _of_trees(trees, [0.0] * len(wanted), width, link, single=True, takes="nulls")


def _gradient(model: Any) -> Compiled:
    if model.init is not None and model.init != "zero":
        raise NotCompilable(f"{type(model).__name__} that begins from another estimator")
    width = model.n_features_in_
    start = model._raw_predict_init(np.zeros((1, width), dtype=np.float32))[0]
    trees = [
        _tree(one, one.tree_.value[:, 0, 0] * model.learning_rate, target)
        for row in model.estimators_
        for target, one in enumerate(row)
    ]
    link = "identity"
    if hasattr(model, "classes_"):
        if model.loss != "log_loss":
            raise NotCompilable(f"{type(model).__name__} of loss {model.loss}")
        link = "logistic" if len(model.classes_) == 2 else "softmax"
    return _of_trees(trees, start.tolist(), width, link, single=True, takes="numbers")


def _calibrated(model: Any) -> Compiled:
    """Return all members side by side: they read the same table, so that their sums and trees are those of one."""
    members = model.calibrated_classifiers_
    made = [estimator_of(one.estimator) for one in members]
    inner, count = _together([one.estimator for one in members], made), len(model.classes_)
    curves = [[_curve(one) for one in member.calibrators] for member in members]
    if any(len(one) != (1 if count == 2 else count) for one in curves):
        raise NotCompilable("CalibratedClassifierCV of which a member has not seen every class")
    body = {"kind": "calibrated", "inner": inner.body, "members": curves}
    return Compiled(body, "scores", inner.trees, inner.thresholds)


def _curve(calibrator: Any) -> dict[str, Any]:
    name = type(calibrator).__name__
    if name == "_SigmoidCalibration":
        return {"kind": "sigmoid", "slope": float(calibrator.a_), "shift": float(calibrator.b_)}
    if name == "IsotonicRegression":
        places, values = calibrator.X_thresholds_, calibrator.y_thresholds_
        return {"kind": "isotonic", "places": places.astype(float).tolist(), "values": values.astype(float).tolist()}
    raise NotCompilable(f"CalibratedClassifierCV by {name.strip('_')}")


def _together(models: Sequence[Any], made: Sequence[Compiled]) -> Compiled:
    """Return classifiers of one kind as one with the targets of all."""
    first, kind = made[0], made[0].body["kind"]
    if len(made) == 1:
        return first
    if kind == "linear":
        factors = np.hstack([np.array(one.body["factors"]) for one in made]).tolist()
        return Compiled(
            {**first.body, "factors": factors, "shift": [at for one in made for at in one.body["shift"]]}, ""
        )
    if kind == "trees":
        targets = len(first.body["shift"])
        trees = [replace(tree, target=tree.target + place * targets)
                 for place, one in enumerate(made) for tree in one.parts]  # fmt: skip
        return _of_trees(
            trees, [at for one in made for at in one.body["shift"]], models[0].n_features_in_, "",
            single=first.body["single"], takes=first.body["takes"],
        )  # fmt: skip
    raise NotCompilable(f"CalibratedClassifierCV over {type(models[0]).__name__}")


_BY_NAME: dict[str, Callable[[Any], Compiled]] = {
    **dict.fromkeys(_LINEAR | _LOG_LINKED, _linear),
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV"), _logistic),
    "CalibratedClassifierCV": _calibrated,
    **dict.fromkeys(("DummyRegressor", "DummyClassifier"), _constant),
    **dict.fromkeys(("HistGradientBoostingRegressor", "HistGradientBoostingClassifier"), _histograms),
    **dict.fromkeys(("GradientBoostingRegressor", "GradientBoostingClassifier"), _gradient),
    **dict.fromkeys(
        (
            f"{kind}{what}"
            for kind in ("RandomForest", "ExtraTrees", "DecisionTree", "ExtraTree")
            for what in ("Regressor", "Classifier")
        ),
        _forest,
    ),
}
