"""How a model errs on its holdout: against the Dummy, by score, by class, by size of error, and where most."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.intervals import paired
from store.rows import rfc3339

if TYPE_CHECKING:
    from engine.training.proof import Proof

BINS = 10
ROC_STEPS = 41
MIN_BIN = 5  # rows; fewer bins are made before a bin is smaller
SHOWN_CLASSES = 12
SHOWN_ERRORS = 5
LONGEST_TEXT = 80  # characters of a text value in an example
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def against_baseline(proof: Proof) -> dict[str, Any]:
    """Return the paired interval of how much smaller the loss is than the Dummy's, on the same rows."""
    return paired(proof.metric.name, proof.holdout.truth, proof.guess, proof.baseline, seed=proof.seed)


def calibration(proof: Proof) -> dict[str, Any]:
    """Return what was answered beside what came true, in bins of equal size by the answer.

    `{"bins": [{"said", "seen", "n"}], "error"}`: of a classification the score of the positive class (of more than two
    classes, of the class named) and the share of rows in which it was right; of a regression the means of answer and
    truth. `error` is the mean of |said - seen| weighted by rows, for scores known as expected calibration error.
    """
    guess, truth = proof.guess, proof.holdout.truth
    if guess.values is not None:
        said, seen = guess.values, truth
    elif len(guess.classes) == 2:
        said, seen = guess.scores[:, 1], (truth == guess.classes[1]).astype(np.float64)
    else:
        said = guess.scores.max(axis=1)
        seen = (np.array(guess.classes, dtype=object)[guess.scores.argmax(axis=1)] == truth).astype(np.float64)
    order = np.argsort(said, kind="stable")
    parts = np.array_split(order, max(1, min(BINS, len(order) // MIN_BIN)))
    bins = [{"said": float(said[rows].mean()), "seen": float(seen[rows].mean()), "n": len(rows)} for rows in parts]
    error = sum(abs(one["said"] - one["seen"]) * one["n"] for one in bins) / max(len(order), 1)
    return {"bins": bins, "error": float(error)}


def roc(proof: Proof) -> dict[str, Any] | None:
    """Return the receiver operating characteristic of two classes, None where the holdout has only one of them.

    `{"false_positive_rate", "true_positive_rate", "area", "answered"}`: the second at 41 even steps of the first, read
    off the straight lines between scores; the area under those lines, ties counted half (Fawcett, "An introduction to
    ROC analysis", 2006); and both rates of the labels as they are given.
    """
    guess = proof.guess
    if len(guess.classes) != 2:
        return None
    positive = proof.holdout.truth == guess.classes[1]
    there, absent = int(positive.sum()), int((~positive).sum())
    if not there or not absent:
        return None
    order = np.argsort(-guess.scores[:, 1], kind="stable")
    ends = np.append(np.flatnonzero(np.diff(guess.scores[order, 1])), len(order) - 1)  # the last row of each score
    caught = np.concatenate([[0], np.cumsum(positive[order])[ends]]) / there
    alarmed = np.concatenate([[0], np.cumsum(~positive[order])[ends]]) / absent
    steps, said = np.linspace(0.0, 1.0, ROC_STEPS), guess.labels == guess.classes[1]
    return {
        "false_positive_rate": steps.tolist(),
        "true_positive_rate": np.interp(steps, alarmed, caught).tolist(),
        "area": float(np.sum(np.diff(alarmed) * (caught[1:] + caught[:-1]) / 2)),
        "answered": {
            "false_positive_rate": float((said & ~positive).sum() / absent),
            "true_positive_rate": float((said & positive).sum() / there),
        },
    }


def confusion(proof: Proof) -> dict[str, Any]:
    """Return `{"labels", "counts"}`: rows by true class (down) and by the label given (across).

    Beyond the twelve commonest classes the rest is one, `(other)`.
    """
    truth, said = proof.holdout.truth.astype(str), proof.guess.labels.astype(str)
    names, counts = np.unique(truth, return_counts=True)
    known = [name for _, name in sorted(zip(-counts, names.tolist(), strict=True))]
    classes = [*known, *sorted(set(said.tolist()) - set(known))]
    labels = sorted(classes[:SHOWN_CLASSES])
    if len(classes) > SHOWN_CLASSES:
        labels.append("(other)")
    place = {name: at for at, name in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)), dtype=np.int64)
    last = len(labels) - 1
    for true, label in zip(truth.tolist(), said.tolist(), strict=True):
        table[place.get(true, last), place.get(label, last)] += 1
    return {"labels": labels, "counts": table.tolist()}


def residuals(proof: Proof) -> dict[str, Any]:
    """Return how the answers lie beside the truth (answer - truth): mean, spread, quantiles and a histogram.

    The histogram has ten bins over the middle 98 %; what lies beyond is counted in the outermost.
    """
    off = proof.guess.values - proof.holdout.truth
    found = np.quantile(off, QUANTILES)
    low, high = float(found[0]), float(found[-1])
    edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    counts, _ = np.histogram(np.clip(off, edges[0], edges[-1]), edges)
    return {
        "mean": float(off.mean()),
        "std": float(off.std()),
        "quantiles": {f"{share:g}": float(value) for share, value in zip(QUANTILES, found, strict=True)},
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }


def errors(proof: Proof) -> list[dict[str, Any]]:
    """Return the rows the model errs on most, worst first: `{"row", "at", "truth", "said", "loss", "inputs"}`.

    `row` counts from 0 in the holdout, `at` is its time. Personal columns are left out; long text is cut.
    """
    guess, truth, frame = proof.guess, proof.holdout.truth, proof.holdout.frame
    if guess.values is not None:
        losses = np.abs(guess.values - truth)
        said = guess.values.tolist()
    else:
        place = {name: at for at, name in enumerate(guess.classes)}
        places = np.array([place.get(name, 0) for name in truth.tolist()])
        losses = 1.0 - guess.scores[np.arange(len(truth)), places]
        said = guess.labels.tolist()
    shown = [str(name) for name in frame.columns if proof.is_shown(str(name))]
    worst = np.argsort(-losses, kind="stable")[:SHOWN_ERRORS]
    is_shown = proof.is_shown(proof.settings.data.target)
    return [
        {
            "row": int(row),
            "at": None if proof.holdout.times is None else rfc3339(int(proof.holdout.times[row])),
            "truth": _plain(truth[row]) if is_shown else None,
            "said": _plain(said[row]) if is_shown else None,
            "loss": float(losses[row]),
            "inputs": {name: _plain(frame[name].iloc[row]) for name in shown},
        }
        for row in worst.tolist()
    ]


def _plain(value: Any) -> Any:
    """Return a cell as a JSON value: null for missing, text cut, times as RFC 3339."""
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[: LONGEST_TEXT - 1]}…"
    if hasattr(value, "isoformat"):
        return None if value != value else f"{value.isoformat()}Z"  # noqa: PLR0124  NaT
    if isinstance(value, bool | np.bool_):
        return bool(value)
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
