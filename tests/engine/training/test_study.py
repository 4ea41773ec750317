"""What Optuna is asked and told: the same candidates as a plain study of the same sampler draws."""

from __future__ import annotations

import warnings

import optuna
import pytest

from engine.training.family import Family, nothing
from engine.training.study import EXCESS, STARTUP, UNPRUNED, Study

SEED = 11


def space(trial):
    return {"x": trial.suggest_float("curve.x", 0.0, 1.0), "n": trial.suggest_int("curve.n", 1, 9)}


def went(number, x, n):
    """Return how a trial goes: its state, its losses after each of two folds, and by how much it is beyond."""
    losses = [(x - 0.3) ** 2 + abs(n - 4), (x - 0.3) ** 2 + abs(n - 4) + 0.1]
    if number % 7 == 3:
        return "failed", losses[:0], 0.0
    if number % 11 == 5:
        return "finished", [float("inf")] * 2, 0.0
    return "finished", losses, x - 0.8


def plain(workers, constrained):
    """Return the study that Optuna's own documentation would make of it."""
    sampler = optuna.samplers.TPESampler(
        seed=SEED,
        n_startup_trials=STARTUP,
        constant_liar=workers > 1,
        constraints_func=(lambda trial: trial.user_attrs.get(EXCESS, (0.0,))) if constrained else None,
    )
    pruner = optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED)
    return optuna.create_study(sampler=sampler, pruner=pruner)


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("workers", [1, 3])
def test_candidates_are_those_that_a_plain_study_draws_whatever_became_of_the_others(workers, constrained):
    ours = Study([Family("curve", nothing, lambda _params: None, {}, space)], SEED, workers, constrained)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = plain(workers, constrained)
        states, running = set(), []
        for number in range(60):
            ask, _, params = ours.draw()
            twin = theirs.ask()
            twin.suggest_categorical("family", ["curve"])
            assert params == space(twin)
            running.append((number, ask, twin, params))
            if len(running) < workers:
                continue
            first, ask, twin, params = running.pop(0)
            state, losses, beyond = went(first, **params)
            for place, loss in enumerate(losses[:-1]):
                is_hopeless = ours.is_hopeless(ask, place, loss)
                twin.report(loss, place)
                assert is_hopeless == twin.should_prune()
                state = "pruned" if is_hopeless else state
            states.add(state)
            excess = {"size": beyond} if constrained and state == "finished" else {}
            ours.tell(ask, state, losses[-1] if losses else float("inf"), excess)
            if excess:
                twin.set_user_attr(EXCESS, tuple(excess.values()))
            if state == "finished" and losses[-1] != float("inf"):
                theirs.tell(twin, losses[-1])
            else:
                kinds = {"pruned": optuna.trial.TrialState.PRUNED}
                theirs.tell(twin, state=kinds.get(state, optuna.trial.TrialState.FAIL))
    assert states == {"finished", "pruned", "failed"}
