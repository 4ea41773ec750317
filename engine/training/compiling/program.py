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
    from sklearn.pipeline import Pipeline

    if ranks(signature):
        raise NotCompilable("a ranking")
    if type(model) is not Pipeline or len(model.steps) != 2:
        raise NotCompilable(_shape(model))
    features, estimator = model.steps[0][1], model.steps[1][1]
    made: Compiled = estimator_of(estimator)
    blocks = [] if made.body["kind"] == "constant" else blocks_of(features, signature)
    body = {"blocks": blocks, "estimator": made.body, "link": made.link}
    needs = ("onnxruntime",) if made.trees else ()
    return Program(write(body, made.trees), features, estimator, made.thresholds, needs)


def _shape(model: Any) -> str:
    name = f"{type(model).__module__.partition('.')[0]}'s {type(model).__name__}"
    return f"{name} that is no pipeline of features and an estimator"
