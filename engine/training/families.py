"""Which candidates compete for a task: the one list of families."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.model_io import code
from engine.training import forecasts, named, rankers, tabular
from engine.training.dataset import Dataset
from engine.training.family import Family, Maker, Terms, require_name


@dataclass(frozen=True, slots=True)
class Field:
    """The makers of a task's candidates. `dummy` is what all must beat, `baseline` the plain model beside them."""

    dummy: Maker
    baseline: Maker
    others: tuple[Maker, ...] = ()


FIELDS: dict[str, Field] = {
    "classification": Field(tabular.dummy, tabular.linear, (tabular.boosting,)),
    "regression": Field(tabular.dummy, tabular.linear, (tabular.boosting,)),
    "forecasting": Field(forecasts.naive, forecasts.linear, (forecasts.boosting,)),
    "ranking": Field(rankers.popular, rankers.factors, (rankers.neighbours,)),
}


def families(dataset: Dataset, estimator: str, metric: str, seed: int, bundle: Path) -> list[Family]:
    """Return the families to compare: Dummy always, then the task's for `auto`, else the named one.

    Raises:
        Refused: `estimator` names nothing that can be trained for the task.
        WorkFailed: the user's function raised.
    """
    require_name(dataset.task, estimator)
    field = FIELDS[dataset.task]
    terms = Terms(dataset, metric, seed)
    dummy = field.dummy(terms)
    if estimator in ("", "auto"):
        return [dummy, *(make(terms) for make in (field.baseline, *field.others))]
    if estimator == dummy.name:
        return [dummy]
    if dataset.task in ("ranking", "forecasting"):
        made = {family.name: family for family in (make(terms) for make in (field.baseline, *field.others))}
        return [dummy, made[estimator]]
    if estimator.startswith(code.PREFIX):
        return [dummy, named.from_function(dataset, estimator, bundle)]
    return [dummy, named.named(dataset, estimator, seed)]
