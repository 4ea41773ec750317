"""The candidates of a ranking: what most take (the baseline), items like those taken, factors of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.serving.ranking import ItemFactors, ItemNeighbours, MostPopular
from engine.training.family import Family, Params, Terms, nothing

if TYPE_CHECKING:
    import optuna


def popular(_terms: Terms) -> Family:
    """Return what most users took: every ranker has to beat it."""
    return Family("dummy", nothing, lambda _params: MostPopular(), {})


def factors(_terms: Terms) -> Family:
    """Return a truncated decomposition of users by items."""

    def draw(trial: optuna.Trial) -> Params:
        return {
            "factors": trial.suggest_int("factors.factors", 8, 96, step=8),
            "recency": trial.suggest_float("factors.recency", 3.0, 100.0, log=True),
        }

    defaults: Params = {"factors": 32, "recency": 10.0}
    return Family("factors", nothing, lambda params: ItemFactors(**params), defaults, draw)


def neighbours(_terms: Terms) -> Family:
    """Return items like those a user took."""

    def draw(trial: optuna.Trial) -> Params:
        return {
            "neighbours": trial.suggest_int("neighbours.neighbours", 20, 120, step=20),
            "shrink": trial.suggest_float("neighbours.shrink", 2.0, 100.0, log=True),
            "recency": trial.suggest_float("neighbours.recency", 3.0, 100.0, log=True),
        }

    defaults: Params = {"neighbours": 60, "shrink": 20.0, "recency": 10.0}
    return Family("neighbours", nothing, lambda params: ItemNeighbours(**params), defaults, draw)
