"""Exact Shapley values of trees over groups of features: the features that one input column is encoded to.

A leaf is reached by a row that takes the columns of a set S from the explained row x and the others from a background
row z exactly when S holds every column of the path that only x passes (N_x) and none that only z passes (N_z). Such a
game has a closed form: a column of N_x gets `value (|N_x|-1)! |N_z|! / (|N_x|+|N_z|)!`, one of N_z the like with a
minus sign. Summed over leaves and averaged over z this is what interventional TreeSHAP computes (Lundberg et al.
2020), with the column instead of the encoded feature as the player.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_ON_A_PATH = 60  # columns of one path fit the bits of an integer


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree as arrays over its nodes; a node whose `left` is below zero is a leaf. A gap (NaN) goes where told."""

    feature: Any
    threshold: Any
    left: Any
    right: Any
    gap_left: Any
    value: Any  # already weighted: the prediction is the sum over trees, plus a constant


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees that are summed. `of_probability`: the sum is a probability, else a value or log-odds.

    `single` says that rows are compared as 32 bit floats, as scikit-learn's own trees do.
    """

    trees: tuple[Tree, ...]
    of_probability: bool
    single: bool


def forest_of(estimator: Any, place: int | None) -> Forest | None:
    """Return scikit-learn's trees, forests and gradient boosting as a forest; None for any other estimator.

    A caller checks the sum against the model: a link other than identity or log-odds shows there.
    """
    kind = f"{type(estimator).__module__}.{type(estimator).__name__}"
    if not kind.startswith("sklearn."):
        return None
    if hasattr(estimator, "_predictors"):  # histogram gradient boosting
        return _boosted(estimator)
    if hasattr(estimator, "tree_"):
        return Forest((_plain(estimator.tree_, place, 1.0),), place is not None, True)
    members = getattr(estimator, "estimators_", None)
    if members is None or not all(hasattr(one, "tree_") for one in np.ravel(np.array(members, dtype=object))):
        return None
    if kind.rpartition(".")[2].startswith("GradientBoosting"):
        if members.shape[1] != 1:
            return None
        rate = estimator.learning_rate
        return Forest(tuple(_plain(one.tree_, None, rate) for one in members[:, 0]), False, True)
    if ".ensemble._forest." not in kind:  # boosting of another kind weighs its trees
        return None
    return Forest(tuple(_plain(one.tree_, place, 1.0 / len(members)) for one in members), place is not None, True)


def _plain(tree: Any, place: int | None, weight: float) -> Tree:
    values = tree.value[:, 0, :]
    value = values[:, 0] if place is None else values[:, place] / values.sum(axis=1)
    gaps = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    return Tree(
        tree.feature, tree.threshold, tree.children_left, tree.children_right, gaps.astype(bool), value * weight
    )


def _boosted(estimator: Any) -> Forest | None:
    rounds = estimator._predictors
    if any(len(one) != 1 for one in rounds) or getattr(estimator, "_preprocessor", None) is not None:
        return None  # more than two classes have no one sum, and categories are split by sets
    trees = []
    for (predictor,) in rounds:
        nodes = predictor.nodes
        if nodes["is_categorical"].any():
            return None
        left = np.where(nodes["is_leaf"].astype(bool), -1, nodes["left"].astype(np.int64))
        trees.append(
            Tree(
                nodes["feature_idx"].astype(np.int64),
                nodes["num_threshold"],
                left,
                nodes["right"].astype(np.int64),
                nodes["missing_go_to_left"].astype(bool),
                nodes["value"],
            )
        )
    return Forest(tuple(trees), False, False)


def shapley(forest: Forest, rows: Any, background: Any, owners: Any, players: int) -> Any:
    """Return (n, players): what each player adds to each of n rows against m background rows, all encoded.

    `owners` (features,) names the player of each feature. Cost: leaves times the different patterns on their paths.
    """
    found = np.zeros((len(rows), players))
    both = np.concatenate([background, rows])
    if forest.single:
        both = both.astype(np.float32)
    for tree in forest.trees:
        _add_tree(found, tree, both, len(background), owners)
    return found


def _add_tree(found: Any, tree: Tree, both: Any, size: int, owners: Any) -> None:
    seen = both[:, np.maximum(tree.feature, 0)]  # (rows, nodes)
    lefts = np.where(np.isnan(seen), tree.gap_left, seen <= tree.threshold)
    waiting: list[tuple[int, dict[int, Any]]] = [(0, {})]
    while waiting:
        node, passes = waiting.pop()
        if tree.left[node] < 0:
            if passes and tree.value[node] != 0.0:
                _add_leaf(found, float(tree.value[node]), passes, size)
            continue
        player = int(owners[tree.feature[node]])
        goes = lefts[:, node]
        for child, chosen in ((tree.left[node], goes), (tree.right[node], ~goes)):
            if player < 0:  # this feature is the same in every row here: all go one way
                if chosen.all():
                    waiting.append((int(child), passes))
                continue
            both_ways = passes[player] & chosen if player in passes else chosen
            if both_ways.any():  # else neither x nor z pass: no mix of them does
                waiting.append((int(child), {**passes, player: both_ways}))


def _add_leaf(found: Any, value: float, passes: dict[int, Any], size: int) -> None:
    """Add one leaf's game. Rows that pass alike are counted together."""
    players = list(passes)
    if len(players) > MOST_ON_A_PATH:
        raise OverflowError(f"a path asks {len(players)} columns")
    bits = np.int64(1) << np.arange(len(players), dtype=np.int64)
    codes = np.column_stack([passes[one] for one in players]) @ bits
    behind, often = np.unique(codes[:size], return_counts=True)
    ahead, which = np.unique(codes[size:], return_inverse=True)
    full = int(bits.sum())
    alive = (ahead[:, None] | behind[None, :]) == full
    if not alive.any():
        return
    only_x, only_z = ahead[:, None] & ~behind[None, :], behind[None, :] & ~ahead[:, None]
    many_x, many_z = np.bitwise_count(only_x), np.bitwise_count(only_z)
    weights = _WEIGHTS[: len(players) + 1, : len(players) + 1]
    share = value * alive * (often / size)[None, :]
    gain, loss = share * weights[many_x, many_z], share * weights[many_z, many_x]
    for bit, player in zip(bits, players, strict=True):
        moved = np.where(only_x & bit, gain, 0.0) - np.where(only_z & bit, loss, 0.0)
        found[:, player] += moved.sum(axis=1)[which]


def _weight(own: int, other: int) -> float:
    """Return (own-1)! other! / (own+other)!, the weight of a player on the side of `own`; 0 where that is empty."""
    if own == 0:
        return 0.0
    return math.exp(math.lgamma(own) + math.lgamma(other + 1) - math.lgamma(own + other + 1))


_WEIGHTS = np.array([[_weight(own, other) for other in range(MOST_ON_A_PATH + 1)] for own in range(MOST_ON_A_PATH + 1)])
