"""Fitted trees as one TreeEnsemble node of ONNX (ai.onnx.ml 5), in double precision.

Older tree operators keep thresholds and sums in single precision, by which a value beside a threshold goes the other
way. Source: the operator's own text in onnx, ai.onnx.ml, TreeEnsemble-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.training.compiling.refusal import NotCompilable

_LESS_OR_EQUAL = 0  # nodes_modes: BRANCH_LEQ
_SUM = 1  # aggregate_function
_OPSET_ML, _OPSET, _IR = 5, 21, 10


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree by node: column, threshold, children (indices), whether null goes left, and what a leaf adds to which
    target."""

    column: Any = field(repr=False)
    threshold: Any = field(repr=False)
    left: Any = field(repr=False)
    right: Any = field(repr=False)
    null_left: Any = field(repr=False)
    is_leaf: Any = field(repr=False)
    value: Any = field(repr=False)
    target: int = 0


def onnx_of(trees: Sequence[Tree], targets: int, width: int) -> bytes:
    """Return an ONNX model: input `table` (rows, width) double, output `sums` (rows, targets) double.

    Raises:
        NotCompilable: onnx is not installed.
    """
    try:
        from onnx import TensorProto, helper
    except ImportError:
        raise NotCompilable("its trees need onnx, which is not installed: pip install 'modeldeck[compiled]'") from None

    nodes: dict[str, list[Any]] = {
        name: [] for name in ("column", "split", "yes", "yes_leaf", "no", "no_leaf", "null_yes")
    }
    roots: list[int] = []
    leaf_target: list[int] = []
    leaf_value: list[float] = []
    for tree in trees:
        _append(tree, nodes, roots, leaf_target, leaf_value)
    count = len(roots) and len(nodes["column"])
    node = helper.make_node(
        "TreeEnsemble",
        ["table"],
        ["sums"],
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function=_SUM,
        post_transform=0,
        tree_roots=roots,
        nodes_featureids=nodes["column"],
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [count], [_LESS_OR_EQUAL] * count),
        nodes_splits=helper.make_tensor("splits", TensorProto.DOUBLE, [count], nodes["split"]),
        nodes_truenodeids=nodes["yes"],
        nodes_trueleafs=nodes["yes_leaf"],
        nodes_falsenodeids=nodes["no"],
        nodes_falseleafs=nodes["no_leaf"],
        nodes_missing_value_tracks_true=nodes["null_yes"],
        leaf_targetids=leaf_target,
        leaf_weights=helper.make_tensor("weights", TensorProto.DOUBLE, [len(leaf_value)], leaf_value),
    )
    table = helper.make_tensor_value_info("table", TensorProto.DOUBLE, [None, width])
    sums = helper.make_tensor_value_info("sums", TensorProto.DOUBLE, [None, targets])
    opsets = [helper.make_opsetid("ai.onnx.ml", _OPSET_ML), helper.make_opsetid("", _OPSET)]
    made = helper.make_model(helper.make_graph([node], "trees", [table], [sums]), opset_imports=opsets, ir_version=_IR)
    return bytes(made.SerializeToString(deterministic=True))


def _append(
    tree: Tree, nodes: dict[str, list[Any]], roots: list[int], leaf_target: list[int], leaf_value: list[float]
) -> None:
    inner = np.flatnonzero(~tree.is_leaf)
    place = {int(node): len(nodes["column"]) + number for number, node in enumerate(inner)}
    leaves = {int(node): len(leaf_value) + number for number, node in enumerate(np.flatnonzero(tree.is_leaf))}
    leaf_value += [float(tree.value[node]) for node in leaves]
    leaf_target += [tree.target] * len(leaves)
    roots.append(len(nodes["column"]))
    if not place:  # a tree of one leaf is a node whose both sides are that leaf
        leaf = leaves[0]
        for name, value in zip(nodes, (0, 0.0, leaf, 1, leaf, 1, 0), strict=True):
            nodes[name].append(value)
        return
    for node in map(int, inner):
        left, right = int(tree.left[node]), int(tree.right[node])
        nodes["column"].append(int(tree.column[node]))
        nodes["split"].append(float(tree.threshold[node]))
        nodes["yes"].append(leaves[left] if tree.is_leaf[left] else place[left])
        nodes["yes_leaf"].append(int(tree.is_leaf[left]))
        nodes["no"].append(leaves[right] if tree.is_leaf[right] else place[right])
        nodes["no_leaf"].append(int(tree.is_leaf[right]))
        nodes["null_yes"].append(int(tree.null_left[node]))
