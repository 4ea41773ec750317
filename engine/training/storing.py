"""A fitted model as the bytes that are kept, and whether anybody would load them: asked before the search begins."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.model_io.load import trusted_types
from engine.serving import golden
from engine.serving.artifact import ArtifactError, dump
from engine.serving.features import CodedClasses
from engine.serving.predict import Predictor
from engine.serving.strict_skops import skops_io
from engine.training.apart import Lost, Overdue, Raised, apart
from engine.training.compiling.adopting import compiled
from engine.training.dataset import Dataset
from engine.training.family import Family
from engine.training.fitting import fit
from engine.training.forecasts import remember
from engine.training.search import load_libraries
from engine.training.synthetic import synthesised
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    from engine.settings.model import ModelSettings

_TREES = ("sklearn.ensemble.", "sklearn.tree.")  # compiled to ONNX, other families are not
ROWS = 300  # that a first small fit is made of, to see what it holds
SHARE = 0.05  # of the time there is, for it


@dataclass(frozen=True, slots=True)
class Asked:
    """What a fitted model answers: its golden requests, its compiled form, and what is said of that."""

    golden: dict[str, Any] = field(repr=False)
    compiled: bytes = field(repr=False)
    proof: dict[str, Any]


def load_for_keeping(candidates: Iterable[Family]) -> None:
    """Import what candidates of ours are stored and compiled by, so that a process forked for it finds it loaded."""
    with suppress(ImportError):
        skops_io()
        if any(_is_of_trees(family) for family in candidates):
            import onnx  # noqa: F401
            import onnxruntime  # noqa: F401


def _is_of_trees(family: Family) -> bool:
    with suppress(Exception):  # a trial will tell
        estimator = family.estimator(family.defaults)
        inner = estimator.estimator if isinstance(estimator, CodedClasses) else estimator
        return type(inner).__module__.startswith(_TREES)
    return False


def asked(predictor: Predictor, dataset: Dataset, holdout: Any, settings: ModelSettings, until: float) -> Asked:
    """Return what a model that was fitted before the `holdout` rows answers; a forecast once it remembers these.

    A compiled form that is not proven `until` (of `time.monotonic()`) is none. The model stays as it is.
    """
    if dataset.forecast is not None:
        told = (predictor.signature, predictor.task, predictor.decision, predictor.also)
        predictor = Predictor(remembering(deepcopy(predictor.model), dataset), *told)
    unseen = dataset.take(holdout).frame
    recorded = golden.make(predictor, synthesised(unseen, settings.data.personal, settings.train.seed))
    short, proof = compiled(predictor, unseen, recorded["requests"], until)
    return Asked(recorded, short, proof)


def remembering(model: Any, dataset: Dataset) -> Any:
    """Return the model, which if it is a forecast remembers all rows from now on, as it does when it serves."""
    if dataset.forecast is not None:
        remember(model, dataset)
    return model


def stored(model: Any, modules: Collection[str], stated: Collection[str]) -> bytes:
    """Return the model's bytes, looked through so that what nobody would load is never registered.

    `modules` are those of the code bundle, `stated` the types that the settings trust.

    Raises:
        WorkFailed: it cannot be written, or holds types that nobody trusts.
    """
    try:
        content = dump(model)
        trusted_types(content, modules, stated)
    except ArtifactError as error:
        raise WorkFailed(f"the model cannot be stored: {error.message}", _remedy(error.types, stated)) from error
    except Exception as error:  # skops raises whatever a type's own state raises
        raise WorkFailed(f"the model cannot be stored: {error}", "use a type that skops knows") from error
    return content


def check_storable(
    dataset: Dataset, rows: Any, family: Family, modules: Collection[str], stated: Collection[str], budget: float
) -> None:
    """Refuse a candidate of another library before the search, by a small fit of it on some rows.

    In a process of its own, for 5 % of `budget` (seconds) at most. What a small fit does not tell, the whole one will.

    Raises:
        Refused: it holds types that nobody trusts, each named.
    """

    def work() -> tuple[str, ...]:
        try:
            trusted_types(dump(fit(dataset, some, family, family.defaults)), modules, stated)
        except ArtifactError as error:
            return error.types
        return ()

    load_libraries([family], dataset)
    some = np.sort(np.random.default_rng(0).permutation(rows)[:ROWS])
    try:
        refused = apart(work, time.monotonic() + SHARE * budget)
    except (Overdue, Lost, Raised):
        return
    if refused:
        raise Refused(f"{family.name} holds types nobody trusted: {', '.join(refused)}", _remedy(refused, stated))


def _remedy(refused: Collection[str], stated: Collection[str]) -> str:
    if not refused:
        return "use scikit-learn's classes, or the workspace's own"
    return f"if you trust these classes, say [train] trusted = {json.dumps(sorted({*refused, *stated}))}"
