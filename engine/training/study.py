"""What Optuna is asked: which parameters to try next, and whether a candidate is worth its further folds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engine.training.family import Family, Params

if TYPE_CHECKING:
    import optuna

STARTUP = 6  # drawn at random before the sampler has something to go by
UNPRUNED = 5  # finished before any is stopped for being worse than the median
EXCESS = "excess"


class Study:
    """Draws candidates of the tunable families by a tree-structured Parzen estimator; smaller loss is better."""

    def __init__(self, families: Sequence[Family], seed: int, workers: int, constrained: bool) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._by_name = {family.name: family for family in families}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # constant liar and constraints are called experimental
            sampler = optuna.samplers.TPESampler(
                seed=seed,
                n_startup_trials=STARTUP,
                constant_liar=workers > 1,
                constraints_func=(lambda trial: trial.user_attrs.get(EXCESS, (0.0,))) if constrained else None,
            )
        pruner = optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED)
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(storage=self._storage, sampler=sampler, pruner=pruner, direction="minimize")
        self._study_id = self._storage.get_study_id_from_name(self._study.study_name)
        self._states = optuna.trial.TrialState

    def draw(self) -> tuple[optuna.Trial, Family, Params]:
        """Return a candidate to try."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ask = self._study.ask()
            family = self._by_name[ask.suggest_categorical("family", sorted(self._by_name))]
            assert family.space is not None
            return ask, family, family.space(ask)

    def retry(self, family: Family, params: Params) -> optuna.Trial | None:
        """Return the question whose answer would have been these parameters; None for a family that is not tuned."""
        if family.name not in self._by_name:
            return None
        named = {f"{family.name}.{name}": value for name, value in params.items()}
        self._study.enqueue_trial({"family": family.name, **named})
        ask, _, _ = self.draw()
        return ask

    def is_hopeless(self, ask: optuna.Trial, place: int, loss: float) -> bool:
        """Keep the loss after a fold (from 0); tell whether the median of others did better by then."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ask.report(loss, place)
            return bool(ask.should_prune())

    def tell(self, ask: optuna.Trial, state: str, loss: float, excess: Mapping[str, float]) -> None:
        """Say how a candidate went: finished, pruned, cut or failed."""
        if excess:
            ask.set_user_attr(EXCESS, tuple(excess.values()))
        id = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, ask.number)
        told = self._storage.get_trial(id)
        values: list[float] | None = None
        if state == "pruned":
            kind = self._states.PRUNED
            seen = told.intermediate_values.get(told.last_step, math.nan)
            values = None if math.isnan(seen) else [float(seen)]
        elif state == "finished" and math.isfinite(loss):
            kind, values = self._states.COMPLETE, [float(loss)]
        else:
            kind = self._states.FAIL
        # what Study.tell does beside this is to copy the trial twice, which takes as long as all the rest of a record
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._study.sampler.after_trial(self._study, told, kind, values)
            finally:
                self._storage.set_trial_state_values(id, kind, values)
