"""Warm start: the fit on all rows begins at the champion's fitted estimator instead of at nothing.

Only estimators that go on towards the optimum of the rows they are given may: linear models and neural networks of
scikit-learn that know `warm_start`. Trees would keep those of the old rows and grow with each training. Folds begin
from nothing: what they measure, and what is decided on them, never saw a row that they are tested on. The holdout is
later than every row that the champion was fitted on, or the fit begins from nothing, too.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from store.errors import ModeldeckError, Refused

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.training.dataset import Dataset
    from engine.training.family import Family
    from store.rows import Version

GOES_ON = ("sklearn.linear_model.", "sklearn.neural_network.")


@dataclass(frozen=True, slots=True)
class Base:
    """A fitted model to begin from: of which version, and its artifact's hash."""

    version: int
    artifact: str
    model: Any = field(repr=False)
    cutoff_at: int | None = None  # the newest row it was fitted on
    classes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what a version keeps of it, to be reproduced from."""
        return {"from": self.version, "artifact": self.artifact}


def require_warm(candidates: Sequence[Family]) -> None:
    """Look that every candidate but the Dummy may begin from a fitted one.

    Raises:
        Refused: one may not; the line names it and says why.
    """
    for family in candidates[1:] or candidates:
        estimator = family.estimator(family.defaults)
        where = f"{type(estimator).__module__}."
        if not where.startswith(GOES_ON) or "warm_start" not in estimator.get_params():
            why = (
                "would keep what it learned of the old rows and add to it"
                if "warm_start" in estimator.get_params()
                else "has no warm_start"
            )
            raise Refused(
                f"[train] warm_start: {family.name} {why}",
                'take warm_start away, or name one that goes on, such as "sklearn.linear_model.SGDRegressor"',
            )


def champion_base(deck: Deck, model: str) -> Base | str:
    """Return the champion as a base, or why there is none."""
    from store import versions

    champion = versions.named(deck.database, model, "champion")
    return "nothing serves yet" if champion is None else base_of(deck, champion)


def base_of(deck: Deck, version: Version) -> Base | str:
    """Return a version as a base, or why it cannot be loaded."""
    from engine.model_io.load import load_version

    try:
        predictor = load_version(deck, version)
    except ModeldeckError as error:
        return f"version {version.number} cannot be loaded: {error.message}"
    return Base(
        version.number, version.artifact_hash, predictor.model, version.cutoff_at, tuple(predictor.signature.classes)
    )


def fitting_base(base: Base | str, dataset: Dataset, holdout: Any, family: Family, params: Any) -> Base | str:
    """Return the base if the fit of a candidate may begin there, else why it begins from nothing."""
    if isinstance(base, str):
        return base
    if dataset.times is None or base.cutoff_at is None:
        return "without times the holdout may hold rows that the champion was fitted on"
    if base.cutoff_at >= int(dataset.times[holdout].min()):
        return f"v{base.version} was fitted on rows of this holdout"
    fitted, mine = _end(base.model), family.estimator(params)
    if type(fitted) is not type(mine) or fitted.get_params() != mine.get_params():
        return f"v{base.version} is another estimator, or has other parameters"
    if base.classes != tuple(dataset.signature.classes):
        return f"v{base.version} knows other classes"
    if family.features(dataset.kinds) is not None and names_of(base.model) is None:
        return f"the features of v{base.version} do not name what they make"
    return base


def go_on(estimator: Any, base: Base, names: list[str] | None, table: Any, truth: Any, told: dict[str, Any]) -> Any:
    """Return an estimator fitted on a table, begun where the base's ended; `names` are those of the table's columns.

    What the base knows of a column goes with it, wherever that stands now; a column that it did not know begins at
    zero, and one that is gone is forgotten. The parameters are those of an estimator that began from nothing.
    """
    begun = copy.deepcopy(_end(base.model))
    known = names_of(base.model)
    if names is not None and known is not None and names != known:
        _arrange(begun, known, names)
    begun.set_params(warm_start=True)
    begun.fit(table, truth, **told)
    return begun.set_params(warm_start=estimator.get_params()["warm_start"])


def names_of(model: Any) -> list[str] | None:
    """Return the names of what a fitted model's features make; None where they do not say, or there are none."""
    return names_made(model.steps[0][1]) if hasattr(model, "steps") and len(model.steps) > 1 else None


def names_made(features: Any) -> list[str] | None:
    """Return the names of what fitted features make, each with the part it comes from; None where one does not say."""
    for _, step in getattr(features, "steps", ()):
        if hasattr(step, "transformers_"):
            features = step
    if not hasattr(features, "transformers_"):
        return None
    found: list[str] = []
    for part, transformer, _ in features.transformers_:
        if isinstance(transformer, str):  # what is dropped or passed on as it is
            continue
        for one in (transformer, *(step for _, step in reversed(getattr(transformer, "steps", ())))):
            try:
                found += [f"{part}\x1f{name}" for name in one.get_feature_names_out()]
            except (AttributeError, ValueError, TypeError):  # a step that does not name what it makes
                continue
            break
        else:
            return None
    return found


def _end(model: Any) -> Any:
    return model.steps[-1][1] if hasattr(model, "steps") else model


def _arrange(estimator: Any, known: list[str], names: list[str]) -> None:
    """Put weights in the order of other columns."""
    place = {name: at for at, name in enumerate(known)}
    taken = np.array([place.get(name, -1) for name in names])

    def moved(weights: Any, axis: int) -> Any:
        arranged = np.take(weights, np.maximum(taken, 0), axis=axis)
        np.moveaxis(arranged, axis, 0)[taken < 0] = 0.0  # a view: what it did not know begins at zero
        return arranged

    for attribute in ("coef_", "standard_coef_", "average_coef_", "_average_coef", "_standard_coef"):
        weights = vars(estimator).get(attribute)
        if weights is not None:
            setattr(estimator, attribute, moved(np.asarray(weights), -1))
    if vars(estimator).get("coefs_"):  # of a network: the first layer reads the columns
        estimator.coefs_[0] = moved(estimator.coefs_[0], 0)
    estimator.n_features_in_ = len(names)
    vars(estimator).pop("feature_names_in_", None)
