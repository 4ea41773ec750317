"""Metrics against scikit-learn's own values, and an answer where a metric is not defined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from engine.measures.metrics import (
    METRICS,
    Predicted,
    as_loss,
    average_precision,
    default_metric,
    find,
    measure,
    names,
    of_lists,
    predicted,
    roc_auc,
)
from engine.measures.named import NEEDS, needs
from engine.measures.ranking import ndcg_rows
from store.errors import Refused

TWO = ("no", "yes")
THREE = ("bus", "car", "train")
REFERENCE_NUMBERS = {
    "mae": reference.mean_absolute_error,
    "rmse": reference.root_mean_squared_error,
    "median_error": reference.median_absolute_error,
    "r2": reference.r2_score,
}


def guess_of(classes, rows=300, seed=5, decimals=16):
    """Truth and predictions that are better than chance; fewer `decimals` make scores tie."""
    draw = np.random.default_rng(seed)
    places = draw.integers(0, len(classes), rows)
    odds = draw.random((rows, len(classes))) + 0.7 * np.eye(len(classes))[places]
    scores = odds / odds.sum(axis=1, keepdims=True)
    if len(classes) == 2:
        positive = np.round(scores[:, 1], decimals)
        scores = np.column_stack([1 - positive, positive])
    texts = np.array(classes, dtype=object)
    return texts[places], Predicted(labels=texts[scores.argmax(axis=1)], scores=scores, classes=classes)


def numbers(rows=200, seed=4):
    draw = np.random.default_rng(seed)
    truth = draw.normal(100, 20, rows)
    return truth, Predicted(values=truth + draw.normal(1, 8, rows))


def value(name, truth, guess):
    return measure(name, truth, guess).value


@pytest.mark.parametrize("name", REFERENCE_NUMBERS)
def test_regression_metric_is_as_scikit_learn_has_it(name):
    truth, guess = numbers()
    assert value(name, truth, guess) == pytest.approx(REFERENCE_NUMBERS[name](truth, guess.values))


@pytest.mark.parametrize("decimals", [16, 1])
def test_two_class_scores_are_measured_as_scikit_learn_does(decimals):
    truth, guess = guess_of(TWO, decimals=decimals)
    positive, is_true = guess.scores[:, 1], truth == "yes"
    assert value("log_loss", truth, guess) == pytest.approx(reference.log_loss(is_true, positive))
    assert value("brier", truth, guess) == pytest.approx(reference.brier_score_loss(is_true, positive))
    assert value("roc_auc", truth, guess) == pytest.approx(reference.roc_auc_score(is_true, positive))
    assert value("average_precision", truth, guess) == pytest.approx(
        reference.average_precision_score(is_true, positive)
    )


@pytest.mark.parametrize("classes", [TWO, THREE])
def test_labels_are_measured_as_scikit_learn_does(classes):
    truth, guess = guess_of(classes)
    how = {"average": "binary", "pos_label": "yes"} if classes is TWO else {"average": "macro"}
    assert value("accuracy", truth, guess) == pytest.approx(reference.accuracy_score(truth, guess.labels))
    assert value("balanced_accuracy", truth, guess) == pytest.approx(
        reference.balanced_accuracy_score(truth, guess.labels)
    )
    for name, own in (
        ("f1", reference.f1_score),
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
    ):
        assert value(name, truth, guess) == pytest.approx(own(truth, guess.labels, **how))


def test_scores_of_more_classes_are_measured_as_scikit_learn_does():
    truth, guess = guess_of(THREE)
    wanted = truth[:, None] == np.array(THREE, dtype=object)
    assert value("log_loss", truth, guess) == pytest.approx(reference.log_loss(truth, guess.scores, labels=THREE))
    assert value("roc_auc", truth, guess) == pytest.approx(
        reference.roc_auc_score(truth, guess.scores, multi_class="ovr", labels=THREE)
    )
    assert value("average_precision", truth, guess) == pytest.approx(
        reference.average_precision_score(wanted, guess.scores, average="macro")
    )
    assert value("brier", truth, guess) == pytest.approx(float(((guess.scores - wanted) ** 2).sum(axis=1).mean()))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "balanced_accuracy"])
def test_metric_that_needs_two_classes_says_that_there_is_one(name):
    _, guess = guess_of(TWO, rows=3)
    seen = measure(name, np.array(["no"] * 3, dtype=object), guess)
    assert seen.value is None
    assert seen.note == f"only one class (no) among 3 rows: {name} is not defined"


@pytest.mark.parametrize("name", [name for name in names("classification") if not METRICS[name].both_classes])
def test_metric_that_needs_no_second_class_is_measured_on_one(name):
    _, guess = guess_of(TWO, rows=30)
    assert measure(name, np.array(["yes"] * 30, dtype=object), guess).value is not None


@pytest.mark.parametrize("name", METRICS)
def test_no_rows_measure_nothing(name):
    guess = Predicted(values=np.empty(0), labels=np.empty(0, dtype=object), scores=np.empty((0, 2)), classes=TWO)
    seen = measure(name, np.empty(0), guess)
    assert (seen.value, seen.note) == (None, "no rows")


def test_constant_truth_leaves_r2_undefined():
    seen = measure("r2", np.full(9, 3.0), Predicted(values=np.arange(9.0)))
    assert (seen.value, seen.note) == (None, "not a finite number")


def test_score_of_zero_for_the_truth_is_a_large_loss_and_a_finite_one():
    guess = Predicted(labels=np.array(["no"], dtype=object), scores=np.array([[1.0, 0.0]]), classes=TWO)
    assert value("log_loss", np.array(["yes"], dtype=object), guess) == pytest.approx(-np.log(1e-15))


def test_class_the_model_never_saw_counts_as_wrong():
    _, guess = guess_of(TWO, rows=2)
    truth = np.array(["maybe", "maybe"], dtype=object)
    assert value("accuracy", truth, guess) == 0.0
    assert value("log_loss", truth, guess) == pytest.approx(-np.log(1e-15))
    assert value("brier", truth, guess) == pytest.approx(float((guess.scores**2).sum(axis=1).mean() / 2))


def test_classes_of_which_none_is_known_leave_ranking_undefined():
    _, guess = guess_of(THREE, rows=2)
    assert value("roc_auc", np.array(["boat", "plane"], dtype=object), guess) is None


def test_one_class_has_no_ranking():
    assert np.isnan(roc_auc(np.array([True, True]), np.array([0.1, 0.2])))
    assert np.isnan(average_precision(np.array([False, False]), np.array([0.1, 0.2])))


def lists(rows=40, seed=5):
    """What was taken and what was listed: one to five of twenty items, and ten of them."""
    draw = np.random.default_rng(seed)
    names = [f"item {number}" for number in range(20)]
    truth = of_lists(draw.permutation(names)[: draw.integers(1, 6)] for _ in range(rows))
    return truth, Predicted(items=of_lists(draw.permutation(names)[:10] for _ in range(rows)))


@pytest.mark.parametrize("k", [10, 3])
def test_gain_of_a_list_is_scikit_learns(k):
    truth, guess = lists()
    every = sorted({item for listed in truth for item in listed} | {item for listed in guess.items for item in listed})
    relevance = np.array([[item in taken for item in every] for taken in truth], dtype=float)
    scores = np.array([[len(listed) - listed.index(i) if i in listed else 0 for i in every] for listed in guess.items])
    expected = reference.ndcg_score(relevance, scores.astype(float), k=k)
    assert float(ndcg_rows(truth, guess.items, k).mean()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.per_row])
def test_metric_that_averages_is_the_mean_of_its_rows(name):
    made = {"regression": numbers, "ranking": lists}.get(METRICS[name].task, lambda: guess_of(THREE))
    truth, guess = made()
    if METRICS[name].needs == "interval":
        guess = Predicted(values=guess.values, low=guess.values - 10.0, high=guess.values + 5.0)
    assert value(name, truth, guess) == pytest.approx(float(METRICS[name].per_row(truth, guess).mean()))


def test_better_value_is_the_smaller_loss():
    assert as_loss(find("mae"), 2.0) < as_loss(find("mae"), 3.0)
    assert as_loss(find("roc_auc"), 0.9) < as_loss(find("roc_auc"), 0.8)


def test_unknown_metric_is_refused_with_the_closest_name():
    with pytest.raises(Refused) as raised:
        find("roc_acu")
    assert raised.value.line() == "there is no metric 'roc_acu': did you mean 'roc_auc'?"


def test_metric_of_another_task_is_refused_with_those_of_the_task():
    with pytest.raises(Refused) as raised:
        find("log_loss", "regression")
    assert raised.value.line() == (
        "there is no regression metric 'log_loss': "
        "known are mae, rmse, median_error, r2, interval_coverage, interval_width"
    )


def test_default_metric_is_one_of_the_task():
    for task in ("regression", "classification"):
        assert default_metric(task) in names(task)


def test_records_become_arrays():
    assert predicted([{"value": 1}, {"value": 2.5}]).values.tolist() == [1.0, 2.5]
    record = {"label": "yes", "score": 0.75, "scores.no": 0.25, "scores.yes": 0.75}
    guess = predicted([record, record], TWO)
    assert (guess.labels.tolist(), guess.scores.tolist(), len(guess)) == (["yes"] * 2, [[0.25, 0.75]] * 2, 2)
    assert predicted([], TWO).scores.shape == (0, 2)


def test_some_rows_are_taken_by_mask_or_place():
    _, guess = guess_of(THREE, rows=5)
    some = guess.take(np.array([True, False, False, False, True]))
    assert some.labels.tolist() == guess.take([0, 4]).labels.tolist()
    assert (some.scores.shape, some.classes, some.values) == ((2, 3), THREE, None)


@pytest.mark.parametrize("percent", [1, 5, 20, 99])
def test_precision_at_a_budget_is_that_of_the_rows_reviewers_see(percent):
    truth, guess = guess_of(TWO)
    first = np.argsort(-guess.scores[:, 1])[: max(1, round(percent / 100 * len(truth)))]
    assert measure(f"precision_at_{percent}_percent", truth, guess).value == pytest.approx(
        (truth[first] == "yes").mean()
    )


def test_rows_that_tie_at_the_end_of_a_budget_count_by_chance():
    scores = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    truth = np.array(["no", "yes", "no", "no", *["no"] * 6], dtype=object)
    guess = Predicted(labels=truth, scores=np.column_stack([1 - scores, scores]), classes=TWO)
    assert measure("precision_at_20_percent", truth, guess).value == pytest.approx((0 + 1 / 3) / 2)


def test_a_budget_is_measured_only_where_it_is_asked_for():
    assert "precision_at_5_percent" not in names("classification")
    asked = ["latency_p99_ms", "precision_at_5_percent", "precision_at_5_percent", "recall"]
    assert names("classification", asked=asked) == [*names("classification"), "precision_at_5_percent"]
    assert names("regression", asked=asked) == names("regression")


@pytest.mark.parametrize("name", ["precision_at_0_percent", "precision_at_100_percent", "precision_at_5"])
def test_a_budget_of_nothing_or_all_is_no_metric(name):
    with pytest.raises(Refused, match="there is no"):
        find(name)


def test_a_budget_of_three_classes_is_undefined():
    truth, guess = guess_of(THREE)
    assert measure("precision_at_5_percent", truth, guess).value is None


def test_every_metric_is_named_once_with_what_it_is_computed_of_and_found_by_its_name_alone() -> None:
    assert {name: metric.needs for name, metric in METRICS.items()} == NEEDS
    assert list(METRICS) == list(NEEDS)
    for name in (*NEEDS, "precision_at_5_percent"):
        metric = find(name)
        assert metric.needs == needs(name, metric.task)
