"""Figures per group: marked where rows are few, and apart only as far as their intervals say."""

from __future__ import annotations

import numpy as np
import pytest

from engine.measures.fairness import MIN_ROWS, MOST_GROUPS, by_group, difference, measures_of
from engine.measures.metrics import Predicted


def prices(sizes: dict[str, int], shift: dict[str, float], seed: int = 1):
    """Truth, predictions that are off by `shift` per group, and the groups."""
    draw = np.random.default_rng(seed)
    groups = np.array([name for name, size in sizes.items() for _ in range(size)], dtype=object)
    truth = draw.normal(100, 20, len(groups))
    off = np.array([shift.get(name, 0.0) for name in groups])
    return truth, Predicted(values=truth + off + draw.normal(0, 5, len(groups))), groups


def decisions(hits: dict[str, tuple[int, int]]):
    """Labels of groups given as (rows that are chosen, rows); every second row is truly positive."""
    groups, labels, truth = [], [], []
    for name, (chosen, rows) in hits.items():
        groups += [name] * rows
        labels += ["yes"] * chosen + ["no"] * (rows - chosen)
        truth += ["yes" if place % 2 else "no" for place in range(rows)]
    scores = np.array([[0.1, 0.9] if label == "yes" else [0.9, 0.1] for label in labels])
    guess = Predicted(labels=np.array(labels, dtype=object), scores=scores, classes=("no", "yes"))
    return np.array(truth, dtype=object), guess, np.array(groups, dtype=object)


def test_each_group_has_its_figure_its_rows_and_its_interval():
    truth, guess, groups = prices({"a": 300, "b": 200}, {"b": 12.0})
    found = by_group(truth, guess, groups, ("mae", "mean_error"))
    a, b = found["groups"]["a"], found["groups"]["b"]
    assert (a["rows"], b["rows"]) == (300, 200)
    assert a["mean_error"]["low"] < a["mean_error"]["value"] < a["mean_error"]["high"]
    assert b["mean_error"]["value"] == pytest.approx(np.mean((guess.values - truth)[groups == "b"]))
    gap = found["gaps"]["mean_error"]
    assert (gap["lowest"], gap["highest"], gap["judged"]) == ("a", "b", 2)
    assert gap["difference"]["low"] < 12 < gap["difference"]["high"]
    assert gap["difference"]["low"] > 8


def test_a_group_of_few_rows_is_shown_and_marked_but_never_judged():
    truth, guess, groups = prices({"a": 300, "b": 200, "tiny": MIN_ROWS - 1}, {"tiny": 500.0})
    found = by_group(truth, guess, groups, ("mae",))
    assert found["groups"]["tiny"]["mae"]["small"] is True
    assert found["groups"]["tiny"]["mae"]["value"] > 400
    assert found["gaps"]["mae"]["judged"] == 2
    assert found["gaps"]["mae"]["difference"]["high"] < 5


def test_one_group_alone_is_no_verdict():
    truth, guess, groups = prices({"a": 300, "tiny": 5}, {})
    gap = by_group(truth, guess, groups, ("mae",))["gaps"]["mae"]
    assert gap["difference"] is gap["ratio"] is None
    assert "nothing is judged" in gap["note"]
    assert difference(truth, guess, groups, "mae") is None


def test_many_alike_groups_do_not_look_unfair():
    wrong = 0
    for seed in range(40):
        truth, guess, groups = prices({f"g{place}": 80 for place in range(8)}, {}, seed)
        gap = by_group(truth, guess, groups, ("mean_error",), seed=seed)["gaps"]["mean_error"]
        assert gap["difference"]["value"] > 0.5  # the point alone always says something
        wrong += gap["difference"]["low"] > 0.0
    assert wrong <= 6  # 5 % of 40 is 2


def test_rates_count_the_rows_of_their_kind():
    truth, guess, groups = decisions({"a": (80, 200), "b": (20, 200)})
    found = by_group(truth, guess, groups, measures_of("classification", "log_loss", ("no", "yes")))
    a = found["groups"]["a"]
    assert a["selection_rate"]["value"] == pytest.approx(0.4)
    assert (a["selection_rate"]["n"], a["true_positive_rate"]["n"], a["false_positive_rate"]["n"]) == (200, 100, 100)
    gap = found["gaps"]["selection_rate"]
    assert gap["ratio"]["value"] == pytest.approx(0.25)
    assert gap["ratio"]["low"] < 0.25 < gap["ratio"]["high"] < 0.6
    assert gap["difference"]["value"] == pytest.approx(0.3) == difference(truth, guess, groups, "selection_rate")


def test_a_group_that_is_never_chosen_is_not_certain_to_be():
    truth, guess, groups = decisions({"a": (30, 100), "none": (0, 60)})
    found = by_group(truth, guess, groups, ("selection_rate",))
    never = found["groups"]["none"]["selection_rate"]
    assert never["value"] == 0.0
    assert 0.03 < never["high"] < 0.12
    assert found["gaps"]["selection_rate"]["ratio"]["value"] == 0.0


def test_truths_of_one_kind_leave_a_rate_undefined():
    truth, guess, groups = decisions({"a": (30, 100), "b": (30, 100)})
    truth[:] = "yes"
    found = by_group(truth, guess, groups, ("false_positive_rate",))
    assert found["groups"]["a"]["false_positive_rate"]["value"] is None
    assert found["groups"]["a"]["false_positive_rate"]["note"] == "no row of its kind"
    assert found["gaps"]["false_positive_rate"]["difference"] is None


def test_only_the_largest_groups_are_told_and_the_others_counted():
    truth, guess, groups = prices({f"g{place}": 60 + place for place in range(MOST_GROUPS + 3)}, {})
    found = by_group(truth, guess, groups, ("mae",))
    assert len(found["groups"]) == MOST_GROUPS
    assert found["left_out"] == 3
    assert "g0" not in found["groups"]


def test_a_mean_error_below_zero_has_no_ratio():
    truth, guess, groups = prices({"a": 300, "b": 200}, {"a": -9.0})
    assert by_group(truth, guess, groups, ("mean_error",))["gaps"]["mean_error"]["ratio"] is None


@pytest.mark.parametrize(
    ("task", "metric", "classes", "wanted"),
    [
        ("regression", "mae", (), ("mae", "mean_error")),
        ("classification", "accuracy", ("a", "b", "c"), ("accuracy",)),
        ("classification", "log_loss", ("a", "b", "c"), ("log_loss", "accuracy")),
    ],
)
def test_what_groups_are_compared_by_follows_the_task(task, metric, classes, wanted):
    assert measures_of(task, metric, classes) == wanted
