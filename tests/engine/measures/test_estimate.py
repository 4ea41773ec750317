"""What is estimated without outcomes is what outcomes then show, while inputs alone have moved."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from engine.measures.estimate import Calibration, Estimate, calibrate, estimate, estimates
from engine.measures.metrics import METRICS, Predicted, measure
from engine.measures.scored import Scored, ScoreTally

NAMES = [one.name for one in METRICS.values() if one.task == "classification"]
HONEST = (tuple(np.linspace(0, 1, 50).tolist()),) * 2  # a score is the chance itself


def rows(n: int, classes: tuple[str, ...], seed: int, *, lean: float = 0.0) -> tuple[Any, Predicted]:
    """Return truth and calibrated predictions of n rows; `lean` moves where the rows lie."""
    draw = np.random.default_rng(seed)
    height = np.column_stack([draw.normal(lean * place, 1.6, n) for place in range(len(classes))])
    scores = np.exp(height) / np.exp(height).sum(axis=1, keepdims=True)
    truth = np.array(classes, dtype=object)[(draw.random((n, 1)) > np.cumsum(scores, axis=1)).sum(axis=1)]
    return truth, Predicted(labels=labels_of(scores, classes), scores=scores, classes=classes)


def labels_of(scores: Any, classes: tuple[str, ...]) -> Any:
    return np.array(classes, dtype=object)[scores.argmax(axis=1)]


@pytest.mark.parametrize("classes", [("no", "yes"), ("high", "low", "middle")])
@pytest.mark.parametrize("lean", [0.0, 1.2])
@pytest.mark.parametrize("name", NAMES)
def test_estimates_are_what_outcomes_show(name: str, lean: float, classes: tuple[str, ...]) -> None:
    truth, guess = rows(40_000, classes, 3, lean=lean)
    found = estimate(name, Scored.of_rows(guess), Calibration(classes, dict.fromkeys(classes, HONEST)))
    shown = measure(name, truth, guess).value
    assert found.value == pytest.approx(shown, abs=0.02)
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.high - found.low < 0.05


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "f1", "log_loss"])
def test_the_interval_holds_what_is_realised_as_often_as_it_says(name: str) -> None:
    classes = ("no", "yes")
    honest = Calibration(classes, dict.fromkeys(classes, HONEST))
    inside = 0
    for seed in range(100):
        truth, guess = rows(300, classes, seed, lean=0.5)
        found, shown = estimate(name, Scored.of_rows(guess), honest), measure(name, truth, guess).value
        assert shown is not None
        inside += (found.low or 0) <= shown <= (found.high or 0)
    assert 88 <= inside <= 100


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "recall"])
def test_so_it_does_where_thousands_of_rows_have_one_score(name: str) -> None:
    classes = ("no", "yes")
    honest = Calibration(classes, dict.fromkeys(classes, HONEST))
    inside, missed = 0, []
    for seed in range(100):
        draw = np.random.default_rng(seed)
        second = np.round(draw.beta(2.0, 2.0, 60_000) * 20) / 20
        scores = np.column_stack([1 - second, second])
        truth = np.where(draw.random(len(second)) < second, "yes", "no").astype(object)
        guess = Predicted(labels=labels_of(scores, classes), scores=scores, classes=classes)
        found, shown = estimate(name, Scored.of_rows(guess), honest), measure(name, truth, guess).value
        assert None not in (found.value, found.low, found.high, shown)
        inside += found.low <= shown <= found.high  # type: ignore[operator]
        missed.append((shown - found.value) / (found.high - found.low))  # type: ignore[operator]
    assert 88 <= inside <= 100
    assert np.std(missed) == pytest.approx(0.255, abs=0.06)  # a spread in 3.92 of them


@pytest.mark.parametrize("classes", [("no", "yes"), ("high", "low", "middle")])
def test_several_metrics_of_the_same_rows_are_each_what_they_are_by_themselves(classes: tuple[str, ...]) -> None:
    known = calibrate(*rows(600, classes, 11))
    assert isinstance(known, Calibration)
    scored = Scored.of_rows(rows(8_000, classes, 12)[1])
    together = estimates([*NAMES, "mae", "precision_at_5_percent"], scored, known)
    assert {name: one for name, one in together.items() if name in NAMES} == {
        name: estimate(name, scored, known) for name in NAMES
    }
    assert all(one.low is not None for name, one in together.items() if name in NAMES)
    assert together["mae"] == Estimate(None, note="mae cannot be estimated without outcomes")
    assert (together["precision_at_5_percent"].value is None) == (len(classes) > 2)


def test_a_model_too_sure_of_itself_is_seen_through() -> None:
    classes = ("no", "yes")
    truth, guess = rows(20_000, classes, 4)
    sharp = guess.scores**3 / (guess.scores**3).sum(axis=1, keepdims=True)
    boast = Predicted(labels=guess.labels, scores=sharp, classes=classes)
    # what the sharpened score stands for
    at = np.linspace(0, 1, 200)
    line = (tuple((at**3 / (at**3 + (1 - at) ** 3)).tolist()), tuple(at.tolist()))
    found = estimate("log_loss", Scored.of_rows(boast), Calibration(classes, dict.fromkeys(classes, line)))
    believed = estimate("log_loss", Scored.of_rows(boast), Calibration(classes, dict.fromkeys(classes, HONEST)))
    shown = measure("log_loss", truth, boast).value
    assert found.value == pytest.approx(shown, abs=0.01)
    assert believed.value is not None
    assert believed.value < 0.5 * (shown or 0)


def test_a_calibration_of_few_rows_is_known_to_be_unsure() -> None:
    classes = ("no", "yes")
    inside: Counter[str] = Counter()
    widths: dict[str, list[float]] = {"log_loss": [], "roc_auc": [], "accuracy": []}
    for seed in range(60):
        known = calibrate(*rows(400, classes, 5_000 + seed))
        assert isinstance(known, Calibration)
        truth, guess = rows(2_000, classes, 7_000 + seed, lean=0.8)
        for name, seen in widths.items():
            found, shown = estimate(name, Scored.of_rows(guess), known), measure(name, truth, guess).value
            assert None not in (shown, found.low, found.high)
            inside[name] += found.low <= shown <= found.high  # type: ignore[operator]
            seen.append(found.high - found.low)  # type: ignore[operator]
    assert min(inside.values()) >= 53, inside
    honest = Calibration(classes, dict.fromkeys(classes, HONEST))
    for name, seen in widths.items():
        sure = estimate(name, Scored.of_rows(guess), honest)
        assert np.median(seen) > 1.2 * (sure.high - sure.low), name  # type: ignore[operator]


def test_a_class_that_hardly_occurs_is_not_calibrated() -> None:
    truth, guess = rows(500, ("no", "yes"), 8)
    truth[:] = "no"
    truth[:19] = "yes"
    assert calibrate(truth, guess) == "class 'no' is borne by 481 of 500 later rows: too one-sided to calibrate"


def test_an_interval_ends_where_the_metric_does() -> None:
    classes = ("no", "yes")
    scores = np.column_stack([np.linspace(0.999, 0.001, 60), np.linspace(0.001, 0.999, 60)])
    guess = Predicted(labels=labels_of(scores, classes), scores=scores, classes=classes)
    sure = (tuple(np.linspace(0, 1, 101).tolist()), tuple((np.linspace(0, 1, 101) > 0.5).astype(float) * 0.98 + 0.01))
    found = estimate("roc_auc", Scored.of_rows(guess), Calibration(classes, dict.fromkeys(classes, sure)))
    assert found.value == pytest.approx(0.99, abs=0.01)
    assert found.high == 1.0


def test_equal_scores_are_one_step() -> None:
    classes = ("no", "yes")
    scores = np.column_stack([np.full(1_000, 0.7), np.full(1_000, 0.3)])
    guess = Predicted(labels=labels_of(scores, classes), scores=scores, classes=classes)
    honest = Calibration(classes, dict.fromkeys(classes, HONEST))
    assert estimate("roc_auc", Scored.of_rows(guess), honest).value == pytest.approx(0.5)
    assert estimate("average_precision", Scored.of_rows(guess), honest).value == pytest.approx(0.3)


def test_what_cannot_be_estimated_says_so() -> None:
    classes = ("no", "yes")
    _, guess = rows(100, classes, 1)
    honest = Calibration(classes, dict.fromkeys(classes, HONEST))
    assert estimate("mae", Scored.of_rows(guess), honest) == Estimate(
        None, note="mae cannot be estimated without outcomes"
    )
    assert estimate("accuracy", Scored.of_rows(guess.take(slice(0, 0))), honest).note == "no rows"


def test_scores_that_calibrate_to_nothing_are_every_class_alike() -> None:
    classes = ("a", "b", "c")
    nothing = Calibration(classes, dict.fromkeys(classes, ((0.0, 1.0), (0.0, 0.0))))
    assert nothing.probabilities(np.array([[0.2, 0.3, 0.5]])).tolist() == [[1 / 3] * 3]


def test_a_kept_calibration_is_the_calibration() -> None:
    made = calibrate(*rows(500, ("no", "yes"), 9))
    assert isinstance(made, Calibration)
    assert Calibration.from_state(json.loads(json.dumps(made.to_state()))) == made


@pytest.mark.parametrize("share", [5, 20])
def test_a_precision_at_a_budget_is_estimated_too(share: int) -> None:
    name, classes = f"precision_at_{share}_percent", ("no", "yes")
    truth, guess = rows(20_000, classes, 8)
    found = estimate(name, Scored.of_rows(guess), Calibration(classes, dict.fromkeys(classes, HONEST)))
    shown = measure(name, truth, guess).value
    assert found.value == pytest.approx(shown, abs=0.03)
    assert (found.low or 0) <= (shown or 0) <= (found.high or 0)


def test_rows_of_two_classes_are_counted_and_those_without_a_score_left_out() -> None:
    classes = ("no", "yes")
    _, guess = rows(5_000, classes, 9)
    counted = Scored.of_two(classes, np.append(guess.scores[:, 1], np.nan), np.append(guess.labels == "yes", True))
    assert counted.rows == 5_000
    assert len(counted.weights) < 2_000
    assert counted.weights @ counted.scores[:, 1] == pytest.approx(guess.scores[:, 1].sum())
    assert counted.weights @ counted.said[:, 1] == (guess.labels == "yes").sum()


def test_rows_counted_as_they_come_are_those_counted_at_once() -> None:
    draw = np.random.default_rng(7)
    second = draw.beta(0.4, 0.6, 200_000)
    second[::1_000] = np.nan
    second[1::1_000], second[2::1_000], second[3::1_000] = 0.0, 1.0, 0.5
    is_second = second > 0.3
    tally = ScoreTally()
    for start, end in itertools.pairwise((0, 0, 1, 70_000, 70_001, 200_000)):
        tally.add(second[start:end], is_second[start:end])
    found, whole = tally.scored(("no", "yes")), Scored.of_two(("no", "yes"), second, is_second)
    assert found.rows == whole.rows == 199_800
    for one, other in ((found.weights, whole.weights), (found.said, whole.said)):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(found.scores, whole.scores, rtol=1e-9)
    assert found.scores[:, 1] @ found.weights == pytest.approx(np.nansum(second))


@pytest.mark.parametrize("knots", [(0.1, 0.5, 0.9), (0.1, 0.4, 0.9)], ids=["the same", "others"])
def test_chances_by_several_curves_are_those_of_each_by_itself(knots: tuple[float, ...]) -> None:
    """Whether or not the curves have their knots in the same places, and beyond the last ones."""
    curves = [((0.1, 0.5, 0.9), (0.0, 0.2, 1.0)), (knots, (0.3, 0.4, 0.7))]
    made = Calibration(("no", "yes"), {"yes": curves[0]}, tuple({"yes": one} for one in curves))
    second = np.array([0.0, 0.1, 0.3, 0.5, 0.77, 0.9, 1.0])
    told = made.resampled(np.column_stack([1 - second, second]), range(3))
    for number, one in enumerate(told):
        assert one[:, 1].tolist() == pytest.approx(np.interp(second, *curves[number % 2]).tolist(), abs=1e-15)
        assert one.sum(axis=1).tolist() == pytest.approx([1.0] * len(second))
