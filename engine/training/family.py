"""What a candidate family is, and what its maker is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from store.errors import Refused

if TYPE_CHECKING:
    import optuna

    from engine.training.dataset import Dataset, Kinds

Params = dict[str, Any]
ANY_TASK = ("", "auto", "dummy")
FAMILIES = {"forecasting": ("linear", "boosting"), "ranking": ("factors", "neighbours")}  # tables' are named by class


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of candidate. `features(kinds)` makes an unfitted transformer of those columns.

    None: the estimator reads the frame itself. `estimator(params)` makes an unfitted estimator. `defaults` are tried
    first; `space(trial)` draws other parameters and names each of them `<family>.<parameter>` to Optuna, so that a
    search taken up again can tell it what was tried.
    """

    name: str
    features: Callable[[Kinds], Any]
    estimator: Callable[[Params], Any]
    defaults: Params
    space: Callable[[optuna.Trial], Params] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a maker of a family is told: the data, the metric's name and the seed."""

    dataset: Dataset
    metric: str
    seed: int


Maker = Callable[[Terms], Family]


def nothing(_kinds: Kinds) -> Any:
    """Make no features: the estimator reads the frame itself."""
    return None


def is_ours(estimator: str) -> bool:
    """Tell whether an estimator is named as a family or scikit-learn's: for no other is anything else imported."""
    return estimator.startswith("sklearn.") or not ("." in estimator or ":" in estimator)


def require_name(task: str, estimator: str) -> None:
    """Look that a task may have an estimator of this name. Whether there is such a class or function is not looked at.

    Raises:
        Refused: it may not; the line says which it may have.
    """
    known = FAMILIES.get(task)
    if estimator in ANY_TASK or (("." in estimator or ":" in estimator) if known is None else estimator in known):
        return
    example = "LogisticRegression" if task == "classification" else "Ridge"
    others = f'a class such as "sklearn.linear_model.{example}"' if known is None else f"one of {', '.join(known)}"
    is_word = known is None and not any(estimator in names for names in FAMILIES.values())
    why = "is not known" if is_word else f"does not fit the task {task}"
    raise Refused(f"estimator {estimator!r} {why}", f'write "auto", "dummy" or {others}')


def sole(candidates: Sequence[Family]) -> Family | None:
    """Return the candidate that competes with the Dummy, the first of them, alone and untuned; None if others do."""
    return candidates[1] if len(candidates) == 2 and candidates[1].space is None else None
