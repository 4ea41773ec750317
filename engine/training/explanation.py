"""Why a version predicts what it predicts: over all, and for single rows.

Works on a version as it is stored, with the rows of its own snapshot. Values of personal columns are never in what is
told: a contribution names the column alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.attribution import Attribution, attribute, linear_parts
from engine.measures.metrics import find, predicted
from engine.model_io.asked import inputs_of
from engine.model_io.load import load_version
from engine.model_io.rows import read_snapshot, zone_of
from engine.serving.contract import InputError, code_rows
from engine.serving.frames import FrameCoder, conform, records
from engine.settings.apply import settings_of
from engine.training.dataset import Dataset, prepare, truth_of
from engine.training.folds import split_holdout
from engine.training.importance import importance
from engine.training.unread import read_by_value
from store.errors import Refused, UnknownName

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from engine.deck import Deck
    from engine.serving.predict import Predictor
    from engine.settings.model import ModelSettings
    from store.rows import Version

TASKS = ("classification", "regression")
BACKGROUND = 100  # rows it was trained on, against which every prediction is explained
ROWS = 800  # of the holdout, for the importance
SAMPLE = 200  # of these, whose attributions are averaged
MOST_ROWS = 20
IMPORTANCE_S = 20.0
PARTS = 8  # words of a text that are told
SEED = 7


@dataclass(frozen=True, slots=True)
class Subject:
    """A version with the rows that explain it: `background` (frame) it was trained on, `holdout` it was proven on."""

    version: Version
    settings: ModelSettings
    predictor: Predictor = field(repr=False)
    background: pd.DataFrame = field(repr=False)
    holdout: Dataset = field(repr=False)
    behind: pa.Table = field(repr=False)  # both again, with every column of the snapshot
    ahead: pa.Table = field(repr=False)

    @property
    def explains(self) -> str:
        """Return the output column that is explained; "score" where it is the score of each row's own label."""
        classes = self.predictor.signature.classes
        if not classes:
            return "value"
        return f"scores.{classes[self.positive]}" if len(classes) == 2 else "score"

    @property
    def positive(self) -> int:
        """Return the place of the explained class of two."""
        classes = self.predictor.signature.classes
        named = self.predictor.decision.get("positive")
        return classes.index(named) if named in classes else 1

    def is_personal(self, column: str) -> bool:
        """Tell whether a column's values are never shown."""
        return column in self.settings.data.personal


def subject_of(deck: Deck, version: Version) -> Subject:
    """Load a version and its rows.

    Raises:
        Refused: its task has no explanation. CorruptArtifact: model or snapshot are missing or damaged.
    """
    settings = settings_of(deck, version.settings_revision).models[version.model]
    if settings.task not in TASKS:
        raise Refused(f"models of the task {settings.task} are not explained", f"explained are {' and '.join(TASKS)}")
    predictor = load_version(deck, version)
    table = read_snapshot(deck, version.snapshot_id)
    dataset = prepare(table, settings, zone_of(deck.database, version.settings_revision))
    split = split_holdout(dataset, settings.train.holdout, settings.train.seed)
    draw = np.random.default_rng(SEED)
    train, holdout = _some(split.train, BACKGROUND, draw), _some(split.holdout, ROWS, draw)
    known = _known(table, settings)
    behind, ahead = known.take(train), known.take(holdout)
    signature = predictor.signature
    proven = replace(dataset.take(holdout), frame=conform(ahead.to_pandas(), signature), signature=signature)
    return Subject(version, settings, predictor, conform(behind.to_pandas(), signature), proven, behind, ahead)


def _known(table: pa.Table, settings: ModelSettings) -> pa.Table:
    """Return the rows that have a truth, which are those of the dataset, in its order."""
    import pyarrow as pa

    _, known = truth_of(table, settings.data.target, settings.task)
    return table.filter(pa.array(known))


def _some(rows: Any, most: int, draw: Any) -> Any:
    return np.sort(draw.permutation(rows)[:most])


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
        raise Refused(f"the rows do not fit {version.model}@{version.number}: {error.message}") from error
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
