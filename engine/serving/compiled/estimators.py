"""What a compiled model does with its table: weighted sums, trees or a constant, calibrated or not, and the link to its
answer.

Trees are one `TreeEnsemble` node of ONNX (ai.onnx.ml 5), the form that keeps thresholds and leaves in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.serving.compiled.blocks import Block, are_finite
from engine.serving.contract import Coded

# what a table may hold beside numbers, as the estimator it was made from says; else that raises, and so does this
TAKES: dict[str, Callable[[Any], bool]] = {
    "anything": lambda matrix: True,
    "nulls": lambda matrix: are_finite(matrix) or not bool(np.isinf(matrix).any()),
    "numbers": are_finite,
}
WIDE = 256  # a block of more columns is scored without being written out, where it can be


def _chance(raw: Any) -> Any:
    """Return 1 / (1 + exp(-raw)) without overflow."""
    small = np.exp(-np.abs(raw))
    return np.where(raw >= 0, 1.0, small) / (1.0 + small)


def _pair(chance: Any) -> Any:
    return np.array((1.0 - chance, chance)).T


def _softmax(raw: Any) -> Any:
    grown = raw - np.maximum.reduce(raw, axis=1, keepdims=True)
    np.exp(grown, out=grown)
    grown /= np.add.reduce(grown, axis=1, keepdims=True)
    return grown


LINKS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda raw: raw[:, 0],
    "log": lambda raw: np.exp(raw[:, 0]),
    "scores": lambda raw: raw,
    "lists": lambda raw: raw,
    "pair": lambda raw: _pair(raw[:, 0]),
    "logistic": lambda raw: _pair(_chance(raw[:, 0])),
    "softmax": _softmax,
}


class Table:
    """The columns that an estimator reads, block by block."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)
        self.width = sum(block.width for block in blocks)

    def matrix(self, coded: Coded, count: int) -> Any:
        """Return (count, width) float64."""
        made = np.empty((count, self.width))
        start = 0
        for block in self.blocks:
            block.fill(coded, made[:, start : start + block.width])
            start += block.width
        return made


class Constant:
    """The same answer for every row."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._values = np.array(body["values"], dtype=np.float64)

    def raw(self, _table: Table, _coded: Coded, count: int) -> Any:
        """Return (count, targets)."""
        return np.repeat(self._values[np.newaxis], count, axis=0)


class Linear:
    """Weighted sums. Columns of words are summed without their zeros."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._factors = np.array(body["factors"], dtype=np.float64)  # (width, targets)
        self._shift = np.array(body["shift"], dtype=np.float64)

    def raw(self, table: Table, coded: Coded, count: int) -> Any:
        """Return (count, targets)."""
        if not any(block.width > WIDE and hasattr(block, "score") for block in table.blocks):
            return self.of_matrix(table.matrix(coded, count))
        made = np.repeat(self._shift[np.newaxis], count, axis=0)
        start = 0
        narrow: list[tuple[Block, int]] = []
        for block in table.blocks:
            score = getattr(block, "score", None)
            if score is not None and block.width > WIDE:
                made += score(coded, self._factors[start : start + block.width])
            else:
                narrow.append((block, start))
            start += block.width
        for block, begin in narrow:
            part = np.empty((count, block.width))
            block.fill(coded, part)
            _check(part, TAKES["numbers"])
            made += part @ self._factors[begin : begin + block.width]
        return made

    def of_matrix(self, matrix: Any) -> Any:
        """Return (rows, targets) of a table that is written out."""
        _check(matrix, TAKES["numbers"])
        return matrix @ self._factors + self._shift


class Trees:
    """A sum or mean of trees, run by onnxruntime on one thread: the server's other work has the rest."""

    def __init__(self, body: Mapping[str, Any], content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._shift = np.array(body["shift"], dtype=np.float64)
        self._bind_one_row(onnxruntime)
        self._takes = TAKES[body["takes"]]
        self._single: bool = body["single"]  # scikit-learn's own trees compare values of single precision

    def raw(self, table: Table, coded: Coded, count: int) -> Any:
        """Return (count, targets)."""
        return self.of_matrix(table.matrix(coded, count))

    def of_matrix(self, matrix: Any) -> Any:
        """Return (rows, targets) of a table that is written out."""
        if self._single:
            matrix = matrix.astype(np.float32).astype(np.float64)
        _check(matrix, self._takes)
        if len(matrix) == 1:
            self._row[:] = matrix
            self._session.run_with_iobinding(self._bound)
            return self._sums + self._shift
        return self._session.run(None, {"table": np.ascontiguousarray(matrix)})[0] + self._shift

    def _bind_one_row(self, onnxruntime: Any) -> None:
        """Keep the memory that one row is asked and answered in, which is most of what onnxruntime does around it."""
        self._row, self._sums = (
            np.zeros((1, end.shape[1])) for end in (self._session.get_inputs()[0], self._session.get_outputs()[0])
        )
        self._bound = self._session.io_binding()
        self._bound.bind_ortvalue_input("table", onnxruntime.OrtValue.ortvalue_from_numpy(self._row))
        self._bound.bind_ortvalue_output("sums", onnxruntime.OrtValue.ortvalue_from_numpy(self._sums))


class Season:
    """The last known season, and where another estimator follows, what that says will be different."""

    def __init__(self, body: Mapping[str, Any], change: Any) -> None:
        self._mean: float = body["mean"]
        self._known = np.array(body["known"], dtype=bool)
        self._change = change

    def raw(self, table: Table, coded: Coded, count: int) -> Any:
        """Return (count, 1)."""
        return self.of_matrix(table.matrix(coded, count))

    def of_matrix(self, matrix: Any) -> Any:
        """Return (rows, 1) of a table that is written out."""
        last = matrix[:, 0]
        usual = np.where(np.isfinite(last), last, self._mean)[:, np.newaxis]
        return usual if self._change is None else usual + self._change.of_matrix(matrix[:, self._known])


class Calibrated:
    """Scores of a classifier, or of several over the same table, each mapped to how often they came true; then the
    mean.

    The estimator within answers all members side by side: their decision values, or where they have none, chances.
    """

    def __init__(self, body: Mapping[str, Any], inner: Any) -> None:
        self._inner = inner
        self._members = [[_curve(curve) for curve in member] for member in body["members"]]

    def raw(self, table: Table, coded: Coded, count: int) -> Any:
        """Return (count, classes)."""
        return self._scores(self._inner.raw(table, coded, count))

    def of_matrix(self, matrix: Any) -> Any:
        """Return (rows, classes) of a table that is written out."""
        return self._scores(self._inner.of_matrix(matrix))

    def _scores(self, raw: Any) -> Any:
        made = 0.0
        start = 0
        for curves in self._members:
            found = np.stack([curve(raw[:, start + of]) for of, curve in enumerate(curves)], axis=1)
            made = made + (_pair(found[:, 0]) if len(curves) == 1 else _shares(found))
            start += len(curves)
        return made / len(self._members)


def _curve(body: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a map of scores: logistic (Platt 1999), or straight between steps (Zadrozny and Elkan 2002)."""
    if body["kind"] == "sigmoid":
        slope, shift = body["slope"], body["shift"]
        return lambda score: _chance(-(slope * score + shift))
    places, values = np.array(body["places"]), np.array(body["values"])
    return lambda score: np.interp(score, places, values)


def _shares(found: Any) -> Any:
    """Return each row's scores as shares of their sum, all alike where that is nothing."""
    total = found.sum(axis=1, keepdims=True)
    return np.divide(found, total, out=np.full_like(found, 1.0 / found.shape[1]), where=total != 0)


def _check(matrix: Any, takes: Callable[[Any], bool]) -> None:
    if not takes(matrix):
        raise ValueError("a row holds null or infinity where the model takes numbers only")


def estimator_of(body: Mapping[str, Any], trees: bytes) -> Any:
    """Return the estimator that JSON describes; `trees` is the ONNX model beside it, if there is one.

    Raises:
        KeyError: a kind that this server does not know.
    """
    kind = body["kind"]
    if kind == "season":
        return Season(body, estimator_of(body["change"], trees) if body["change"] else None)
    if kind == "calibrated":
        return Calibrated(body, estimator_of(body["inner"], trees))
    if kind == "trees":
        return Trees(body, trees)
    return {"constant": Constant, "linear": Linear}[kind](body)
