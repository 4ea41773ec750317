"""Why a version predicts what it predicts: over all, and for single rows.

Works on a version as it is stored, with the rows of its own snapshot. Values of personal columns are never in what is
told: a contribution names the column alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.attribution import Attribution, attribute, linear_parts
from engine.measures.metrics import find, predicted
from engine.model_io.asked import counted_from_one, inputs_of
from engine.serving.contract import InputError, code_rows
from engine.serving.frames import FrameCoder, records
from engine.settings.apply import settings_of
from engine.training.importance import importance
from engine.training.subject import SEED, Subject, subject_of
from engine.training.unread import read_by_value
from store.errors import Refused, UnknownName

if TYPE_CHECKING:
    import pandas as pd

    from engine.deck import Deck
    from store.rows import Version

SAMPLE = 200  # of these, whose attributions are averaged
MOST_ROWS = 20
IMPORTANCE_S = 20.0
PARTS = 8  # words of a text that are told


def attributions(subject: Subject, frame: pd.DataFrame) -> list[tuple[Any, Attribution]]:
    """Return (rows, their attribution) for the rows of a frame: all at once, or class by class of their labels."""
    model, classes = subject.predictor.model, subject.predictor.signature.classes
    if not classes:
        return [(np.arange(len(frame)), attribute(model, frame, subject.background))]
    if len(classes) == 2:
        return [(np.arange(len(frame)), attribute(model, frame, subject.background, place=subject.positive))]
    labels = predicted(subject.predictor.predict_frame(frame), classes).labels
    found = []
    for place, name in enumerate(classes):
        rows = np.flatnonzero(labels == name)
        if len(rows):
            found.append((rows, attribute(model, frame.iloc[rows], subject.background, place=place)))
    return found


def explain(deck: Deck, version: Version) -> dict[str, Any]:
    """Explain a version over all: importance with intervals, mean attributions, partial dependence."""
    from engine.training.dependence import dependence

    subject = subject_of(deck, version)
    metric = find(str(version.evaluation.get("metric")), subject.settings.task)
    ranked = importance(subject.predictor, subject.holdout, metric, seconds=IMPORTANCE_S, seed=SEED)
    sizes, found = mean_sizes(subject, subject.holdout.frame.iloc[:SAMPLE])
    total = sum(sizes.values()) or 1.0
    order = sorted(sizes, key=lambda name: -sizes[name])
    return {
        **told_of(subject, found),
        "metric": metric.name,
        "rows": min(len(subject.holdout), SAMPLE),
        "importance": ranked,
        "attributions": [{"name": name, "value": sizes[name], "share": sizes[name] / total} for name in order],
        "dependence": dependence(subject, order),
    }


def mean_sizes(subject: Subject, frame: pd.DataFrame) -> tuple[dict[str, float], Attribution]:
    """Return the mean size of each column's contribution over rows, and one of the attributions it comes from."""
    matrix, found = contributions(subject, frame)
    return dict(zip(found.columns, np.abs(matrix).mean(axis=0).tolist(), strict=True)), found


def contributions(subject: Subject, frame: pd.DataFrame) -> tuple[Any, Attribution]:
    """Return the contributions (rows, columns) of a frame, in its order."""
    parts = attributions(subject, frame)
    matrix = np.zeros((len(frame), len(parts[0][1].columns)))
    for rows, one in parts:
        matrix[rows] = one.contributions
    return matrix, parts[0][1]


def explain_rows(
    deck: Deck, version: Version, rows: Sequence[Mapping[str, Any]] = (), prediction: str | None = None
) -> dict[str, Any]:
    """Explain the predictions of rows a person gives, or of one that is on the log, as it was kept where it was.

    Raises:
        Refused: there are none or too many, they do not fit the version, or the log does not hold what is needed.
    """
    if prediction is not None and (kept := _kept(deck, version, prediction)) is not None:
        return kept
    subject = subject_of(deck, version)
    if prediction is not None:
        rows = [_logged(deck, subject, prediction)]
    if not 0 < len(rows) <= MOST_ROWS:
        raise Refused(f"{len(rows)} rows cannot be explained at once", f"give 1 to {MOST_ROWS}")
    signature, time_column = subject.predictor.signature, subject.settings.data.time_column
    given, ignored = inputs_of(rows, subject.settings.data.aside)
    try:
        frame = FrameCoder(signature).frame(code_rows(list(given), signature, (time_column,) if time_column else ()))
    except InputError as error:
        raise Refused(
            f"the rows do not fit {version.model}@{version.number}: {counted_from_one(error.message)}"
        ) from error
    answers = subject.predictor.predict_frame(frame)
    shown = records(frame, signature)
    parts = attributions(subject, frame)
    told: list[dict[str, Any]] = [{} for _ in rows]
    for places, found in parts:
        for at, number in enumerate(places):
            told[number] = {
                "row": int(number),
                "prediction_id": prediction,
                "prediction": answers[number],
                "base": found.base,
                "predicted": float(found.predictions[at]),
                "contributions": _contributions(subject, found, at, shown[number]),
                "parts": _parts(subject, found, frame.iloc[[number]]),
            }
    return {**told_of(subject, parts[0][1]), "rows": len(rows), "explained": told, "ignored": list(ignored)}


def _kept(deck: Deck, version: Version, prediction: str) -> dict[str, Any] | None:
    """Return the explanation that was kept of a logged prediction, None where none was: `[log] attributions`."""
    from engine.monitoring import attributions as beside
    from engine.monitoring.find import find_inputs

    found = beside.find(deck, version.model, version.number, prediction)
    if found is None:
        return None
    personal = settings_of(deck, version.settings_revision).models[version.model].data.personal
    logged = find_inputs(deck, version.model, prediction)
    values = {} if logged is None else logged["features"]
    listed = [
        {
            "column": name,
            "value": None if name in personal else values.get(name),
            "personal": name in personal,
            "contribution": value,
            "error": found["errors"].get(name),
        }
        for name, value in found["contributions"].items()
    ]
    told = {"row": 0, "prediction_id": prediction, "parts": []}
    told |= {name: found[name] for name in ("prediction", "base", "predicted")}
    told["contributions"] = sorted(listed, key=lambda one: -abs(one["contribution"]))
    return {
        **{name: found[name] for name in ("explains", "scale", "method", "background")},
        "base": found["base"] if found["explains"] != "score" else None,
        "rows": 1,
        "explained": [told],
        "kept_at": found["computed_at"],
    }


def told_of(subject: Subject, found: Attribution) -> dict[str, Any]:
    """Return how a version is explained: which output, in which unit, by which method, against what."""
    return {
        "explains": subject.explains,
        "scale": found.scale,
        "method": found.method,
        "base": found.base if subject.explains != "score" else None,
        "background": len(subject.background),
    }


def _contributions(subject: Subject, found: Attribution, at: int, shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every column with its value and contribution, the largest first; a personal value is left out."""
    listed = []
    for place, name in enumerate(found.columns):
        personal = subject.is_personal(name)
        listed.append(
            {
                "column": name,
                "value": None if personal else shown.get(name),
                "personal": personal,
                "contribution": float(found.contributions[at, place]),
                "error": None if found.errors is None else float(found.errors[at, place]),
            }
        )
    return sorted(listed, key=lambda one: -abs(one["contribution"]))


def _parts(subject: Subject, found: Attribution, row: pd.DataFrame) -> list[dict[str, Any]]:
    """Return which words of a text moved a linear model, the strongest of each text column."""
    if found.method != "linear":
        return []
    place = subject.positive if subject.predictor.signature.classes else None
    texts = [name for name in subject.holdout.kinds.texts if name in found.columns and not subject.is_personal(name)]
    listed = []
    for name in texts:
        for words in linear_parts(subject.predictor.model, row, subject.background, name, place):
            listed += [{"column": name, "part": part, "contribution": value} for part, value in words[:PARTS]]
    return listed


def _logged(deck: Deck, subject: Subject, prediction: str) -> dict[str, Any]:
    """Return the input columns of a logged prediction of this version.

    Raises:
        UnknownName: the log holds no such prediction.
        Refused: the log keeps tokens of personal columns, or the prediction is another version's or failed.
    """
    from engine.monitoring.find import find_inputs

    version = subject.version
    found = find_inputs(deck, version.model, prediction)
    if found is None:
        raise UnknownName(f"no prediction {prediction!r} of {version.model} is on the log", "modeldeck trace finds it")
    if found["version"] != version.number:
        raise Refused(
            f"prediction {prediction} is of version {found['version']}, not {version.number}",
            f"modeldeck explain {version.model} {found['version']} --prediction {prediction}",
        )
    if found["status"] != 200:
        raise Refused(f"request {prediction} was refused, so nothing was predicted", "modeldeck trace says more")
    names = [column.name for column in subject.predictor.signature.inputs]
    tokens = read_by_value(subject.predictor, subject.settings.data.personal) if found["key_id"] else []
    if tokens:
        raise Refused(
            f"the log keeps only tokens of the personal column {', '.join(tokens)}: the model cannot be asked again",
            "give the row itself: --row FILE",
        )
    return {name: found["features"].get(name) for name in names}
