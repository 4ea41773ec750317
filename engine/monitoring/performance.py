"""How good the answers were, where outcomes have come: metrics with their interval, coverage, and vanished classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_codes import rounded
from engine.measures.drift_places import counted_places
from engine.measures.estimate import Estimate, estimate
from engine.measures.intervals import bootstrap, quick, ratio_of_losses
from engine.measures.metrics import Measured, Predicted, find, measure, names, of_lists
from engine.measures.scored import Scored, ScoreTally
from engine.monitoring.hardness import Past, harder, plain_loss
from engine.monitoring.losses import ANSWER, expected_loss, primary_metric
from store.rows import ESTIMATED, PLAIN

if TYPE_CHECKING:
    from engine.monitoring.reference import Reference
    from engine.monitoring.window_rows import WindowRows
    from engine.settings.model import ModelSettings
    from store.rows import Version

ASSUMED = "CBPE; holds while inputs alone move and what they mean does not"
ASSUMED_OF_LOSS = "loss model; holds while the same inputs go with the same loss"
INTERVAL = ("outputs.low", "outputs.high")
WORSE_BY = 1.1  # ratio of realised loss to the holdout's from which somebody would act
CHANCE = 0.001  # a class is gone when chance alone would hide it less often than this


@dataclass(frozen=True, slots=True)
class Performance:
    """Realised performance of one window.

    `metrics` maps name to {"value", "low", "high", "n", "note"}, values None with a note where a metric is undefined.
    `worse` holds the comparison with the holdout where the primary metric is worse beyond doubt, `vanished` one entry
    per class that training knew and that no outcome bears.
    """

    primary: str
    labels: int = 0
    coverage: float | None = None
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    worse: dict[str, Any] = field(default_factory=dict)
    vanished: tuple[dict[str, Any], ...] = ()

    @property
    def degraded(self) -> bool:
        """Whether a person should look."""
        return bool(self.worse or self.vanished)


def realised(
    table: pa.Table,
    settings: ModelSettings,
    version: Version,
    training_classes: dict[str, float],
    min_rows: int,
    past: Past | None = None,
) -> Performance:
    """Measure answered rows with outcome columns (see `outcomes.join`); fewer labels than `min_rows` judge nothing.

    `past` is what was true of a forecast's series before, see `engine.monitoring.hardness`.
    """
    primary = primary_metric(settings, version)
    classes = tuple(version.signature.get("classes") or ())
    is_text = bool(classes) or settings.task == "ranking"
    truth_column = "outcome.text" if is_text else "outcome.number"
    labelled = table.filter(pc.is_valid(table[truth_column]))
    coverage = rounded(len(labelled) / len(table)) if len(table) else None
    if not len(labelled):
        return Performance(primary, 0, coverage)
    ranks = settings.task == "ranking"
    truth, guess = _lists(labelled) if ranks else (truth_of(labelled, classes), guess_of(labelled, classes))
    measured = names(settings.task, interval=guess.low is not None, asked=(primary, *settings.gates.limits))
    metrics = {name: _entry(measure(name, truth, guess), len(truth)) for name in measured}
    metrics[primary] = {key: _figure(value) for key, value in bootstrap(primary, truth, guess).items()}
    metrics |= plain_loss(settings, primary, labelled, past)
    enough = len(truth) >= min_rows
    return Performance(
        primary,
        len(truth),
        coverage,
        metrics,
        worse_than_holdout(primary, metrics, version) if enough else {},
        _vanished(truth, classes, training_classes) if enough else (),
    )


def estimated(
    window: WindowRows, settings: ModelSettings, version: Version, reference: Reference
) -> dict[str, dict[str, Any]]:
    """Return the primary metric as expected without outcomes, by the name `estimated_…`; empty where that is not meant.

    Classifications are estimated by CBPE, regressions and forecasts by a model of their loss; see
    `engine.measures.estimate` and `engine.measures.expected_loss` for what these take for granted.
    """
    table, classes = window.rows, tuple(version.signature.get("classes") or ())
    if not len(table) or not (classes or settings.task in ("regression", "forecasting")):
        return {}
    primary = primary_metric(settings, version)
    if classes and reference.calibration is not None:
        found, assumed = estimate(primary, _scored(table, classes), reference.calibration), ASSUMED
    elif reference.loss is not None and reference.prediction is not None:
        profiles = {**reference.profiles, ANSWER: reference.prediction}
        found = expected_loss(reference.loss, profiles, window.tallies, table[ANSWER])
        assumed = ASSUMED_OF_LOSS
    else:
        what, why = ("calibration", reference.calibration_note) if classes else ("loss model", reference.loss_note)
        found, assumed = Estimate(None, note=f"no {what}: {why or reference.prediction_note}"), ""
    told = {"value": found.value, "low": found.low, "high": found.high}
    note = found.note or assumed
    return {ESTIMATED + primary: {**{key: _figure(one) for key, one in told.items()}, "n": len(table), "note": note}}


def realised_primary(
    table: pa.Table, settings: ModelSettings, version: Version
) -> tuple[dict[str, dict[str, Any]], float | None]:
    """Return the primary metric of a part of a window's rows, by its name, and the share of them with an outcome."""
    classes = tuple(version.signature.get("classes") or ())
    ranks = settings.task == "ranking"
    truth_column = "outcome.text" if classes or ranks else "outcome.number"
    labelled = table.filter(pc.is_valid(table[truth_column]))
    coverage = rounded(len(labelled) / len(table)) if len(table) else None
    if not len(labelled):
        return {}, coverage
    primary = primary_metric(settings, version)
    truth, guess = _lists(labelled) if ranks else (truth_of(labelled, classes), guess_of(labelled, classes))
    return {primary: {key: _figure(value) for key, value in quick(primary, truth, guess).items()}}, coverage


def expected_of(
    table: pa.Table, places: dict[str, Any], settings: ModelSettings, version: Version, reference: Reference
) -> dict[str, dict[str, Any]]:
    """Return the primary metric of a part of a window's rows as expected without outcomes; empty where none can be.

    `places` are its inputs' (knots,) sums, by which a regression's loss is explained.
    """
    classes, primary = tuple(version.signature.get("classes") or ()), primary_metric(settings, version)
    if classes and reference.calibration is not None:
        found, assumed = estimate(primary, _scored(table, classes), reference.calibration), ASSUMED
    elif places and reference.loss is not None and reference.prediction is not None:
        answers = reference.prediction.tally()
        answers.add(table[ANSWER])
        counted = {**places, ANSWER: counted_places(reference.prediction, answers)}
        found, assumed = reference.loss.estimate(counted, len(table)), ASSUMED_OF_LOSS
    else:
        return {}
    told = {"value": found.value, "low": found.low, "high": found.high}
    note = found.note or assumed
    return {ESTIMATED + primary: {**{key: _figure(one) for key, one in told.items()}, "n": len(table), "note": note}}


def realised_against_holdout(primary: str, metrics: Mapping[str, dict[str, Any]], version: Version) -> dict[str, Any]:
    """Compare a window's realised metric with what the holdout promised of rows as hard as these; see `hardness`.

    As `against_promise` does, and `harder`: how many times as hard the rows were, where that is more than once.
    """
    now, times = metrics.get(primary) or {}, harder(primary, metrics.get(PLAIN + primary) or {}, version)
    told = against_promise(primary, now, _promise(primary, version), times)
    return {**told, "harder": rounded(times)} if told and times > 1.0 else told


def against_holdout(primary: str, now: dict[str, Any], version: Version) -> dict[str, Any]:
    """Compare an estimated metric with what the holdout promised; see `against_promise`."""
    return against_promise(primary, now, _promise(primary, version))


def _promise(primary: str, version: Version) -> dict[str, Any]:
    return (version.evaluation.get("holdout") or {}).get(primary) or {}


def against_promise(primary: str, now: dict[str, Any], then: dict[str, Any], times: float = 1.0) -> dict[str, Any]:
    """Compare a metric with what was promised, both `{"value", "low", "high", …}`; a loss may be `times` the promised.

    Returns metric, value, low, high, n, holdout, `ratio` (of the loss to what it may be) and `apart` (worse, and the
    intervals do not meet); empty where either has no value.
    """
    if now.get("value") is None or now.get("low") is None or then.get("value") is None:
        return {}
    low, high = then.get("low"), then.get("high")
    better = find(primary).greater_is_better
    apart = (
        now["high"] < (then["value"] if low is None else low)
        if better
        else now["low"] > times * (then["value"] if high is None else high)
    )
    ratio = ratio_of_losses(primary, Measured(now["value"]), Measured(then["value"]))
    if ratio is None:
        return {}
    return {
        "metric": primary,
        "value": now["value"],
        "low": now["low"],
        "high": now["high"],
        "n": now["n"],
        "holdout": {"value": then["value"], "low": low, "high": high},
        "ratio": rounded(ratio / times),
        "apart": apart,
    }


def worse_than_holdout(primary: str, metrics: Mapping[str, dict[str, Any]], version: Version) -> dict[str, Any]:
    """Return the comparison where the intervals do not meet and the loss is a tenth beyond what it may be at least."""
    told = realised_against_holdout(primary, metrics, version)
    if not told or not told.pop("apart") or told["ratio"] < WORSE_BY:
        return {}
    return told


def _vanished(truth: Any, classes: tuple[str, ...], training: dict[str, float]) -> tuple[dict[str, Any], ...]:
    """Return the classes that should have occurred and did not."""
    present = set(truth.tolist()) if classes else set()
    return tuple(
        {"class": name, "labels": len(truth), "training_share": rounded(share)}
        for name, share in sorted(training.items())
        if classes and name not in present and (1 - share) ** len(truth) < CHANCE
    )


def truth_of(labelled: pa.Table, classes: tuple[str, ...]) -> Any:
    if classes:
        return np.array(labelled["outcome.text"].to_pylist(), dtype=object)
    return np.asarray(labelled["outcome.number"].combine_chunks(), dtype=np.float64)


def _lists(labelled: pa.Table) -> tuple[Any, Predicted]:
    """Return what was taken and what was listed."""
    truth = of_lists(json.loads(text) for text in labelled["outcome.text"].to_pylist())
    return truth, Predicted(items=of_lists(labelled["outputs.items"].to_pylist()))


def guess_of(labelled: pa.Table, classes: tuple[str, ...]) -> Predicted:
    if not classes:
        low, high = (_floats(labelled[name]) if name in labelled.column_names else None for name in INTERVAL)
        return Predicted(values=_floats(labelled["outputs.value"]), low=low, high=high)
    scores = np.column_stack([_floats(labelled[f"outputs.scores.{name}"]) for name in classes])
    return Predicted(
        labels=np.array(labelled["outputs.label"].to_pylist(), dtype=object), scores=scores, classes=classes
    )


def _scored(table: pa.Table, classes: tuple[str, ...]) -> Scored:
    if len(classes) != 2:
        return Scored.of_rows(guess_of(table, classes))
    tally = ScoreTally()
    for batch in table.select(["outputs.label", f"outputs.scores.{classes[1]}"]).to_batches():
        is_second = pc.fill_null(pc.equal(batch.column(0), classes[1]), False)
        tally.add(batch.column(1).cast(pa.float64()).to_numpy(zero_copy_only=False), np.asarray(is_second, dtype=bool))
    return tally.scored(classes)


def _floats(column: pa.ChunkedArray) -> Any:
    return np.asarray(column.combine_chunks().cast(pa.float64()), dtype=np.float64)


def _entry(found: Measured, n: int) -> dict[str, Any]:
    return {"value": rounded(found.value), "low": None, "high": None, "n": n, "note": found.note}


def _figure(value: Any) -> Any:
    return rounded(value) if isinstance(value, float) else value
