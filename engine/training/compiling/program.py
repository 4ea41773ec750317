"""A fitted pipeline as a compiled model: its features as blocks, its estimator beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.serving.compiled.model import write
from engine.serving.contract import Signature, ranks
from engine.training.compiling.estimators import Compiled, estimator_of
from engine.training.compiling.features import blocks_of
from engine.training.compiling.refusal import NotCompilable


@dataclass(frozen=True, slots=True)
class Program:
    """The bytes of a compiled model, and what its equivalence is proven with: the parts it was made from."""

    content: bytes = field(repr=False)
    features: Any = field(repr=False)
    estimator: Any = field(repr=False)
    thresholds: dict[int, Any] = field(repr=False)
    needs: tuple[str, ...] = ()  # the distributions it is run by, beside numpy


def program_of(model: Any, signature: Signature) -> Program:
    """Return the compiled form of a fitted model.

    Raises:
        NotCompilable: some part of it has none; the message names the part.
    """
    if ranks(signature):
        return _ranking(model, signature)
    features, estimator = _parts(model)
    made: Compiled = estimator_of(estimator)
    blocks = [] if made.body["kind"] == "constant" else blocks_of(features, signature)
    body = {"blocks": blocks, "estimator": made.body, "link": made.link}
    needs = ("onnxruntime",) if made.trees else ()
    return Program(write(body, made.trees), features, estimator, made.thresholds, needs)


def _parts(model: Any) -> tuple[Any, Any]:
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.pipeline import Pipeline

    if type(model) in (DummyClassifier, DummyRegressor):
        return None, model  # reads no column
    if type(model) is not Pipeline or len(model.steps) != 2:
        raise NotCompilable(f"{_name(model)} that is no pipeline of features and an estimator")
    return model.steps[0][1], model.steps[1][1]


def _ranking(model: Any, signature: Signature) -> Program:
    """Return a ranker of ours as its arrays."""
    from engine.serving import ranking

    kinds = {ranking.MostPopular: "popular", ranking.ItemNeighbours: "neighbours", ranking.ItemFactors: "factors"}
    scores = kinds.get(type(model))
    if scores is None:
        raise NotCompilable(f"{_name(model)}, a ranker of another kind than ours")
    (column,) = signature.inputs
    if column.type == "datetime":
        raise NotCompilable("users that are times")
    body = {
        "kind": "ranking",
        "scores": scores,
        "column": column.name,
        "double": column.type == "long" and column.nullable,
        "items": list(model.items_),
        "users": list(model.users_),
        "length": model.length,
        "recency": getattr(model, "recency", 0.0),
    }
    own = {"neighbours": ("near_starts", "near_items", "near_values"), "factors": ("vectors",)}.get(scores, ())
    arrays = {name: getattr(model, f"{name}_") for name in ("shares", "taken", "starts", *own)}
    program = {"blocks": [], "estimator": body, "link": "lists"}
    return Program(write(program, arrays=arrays), None, model, {})


def _name(model: Any) -> str:
    return f"{type(model).__module__.partition('.')[0]}'s {type(model).__name__}"
