"""What a regression is expected to be off by, without outcomes, is what outcomes then show, while inputs alone move."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from engine.measures import drift
from engine.measures.drift_places import counted_places, row_places
from engine.measures.expected_loss import LossModel, fit_loss, loss_rows
from engine.measures.metrics import Predicted, measure

SEASONS = np.array(["autumn", "spring", "summer", "winter"], dtype=object)


def rooms(n: int, seed: int, *, stay: float = 0.0) -> tuple[dict[str, pa.Array], Any, Predicted]:
    """Return columns, truth and predictions; two columns say how far off they are, and `stay` moves one of them."""
    draw = np.random.default_rng(seed)
    nights, lead, season = draw.normal(stay, 1.0, n), draw.normal(0.0, 1.0, n), draw.integers(0, 4, n)
    value = 2 * nights + lead + season
    truth = value + draw.normal(0.3, 1.0, n) * np.exp(0.5 * nights) * (0.5 + 0.3 * season)
    columns = {"nights": pa.array(nights), "lead": pa.array(lead), "season": pa.array(SEASONS[season].tolist())}
    return {**columns, "answer": pa.array(value)}, truth, Predicted(values=value)


def fitted(name: str, rows: tuple[dict[str, pa.Array], Any, Predicted]) -> tuple[LossModel, dict[str, drift.Profile]]:
    columns, truth, guess = rows
    profiles = {column: drift.profile(column, values) for column, values in columns.items()}
    made = fit_loss(name, loss_rows(name, truth, guess), {c: row_places(profiles[c], v) for c, v in columns.items()})
    assert isinstance(made, LossModel)
    return made, profiles


def counted(profiles: dict[str, drift.Profile], columns: dict[str, pa.Array]) -> dict[str, Any]:
    found = {}
    for name, values in columns.items():
        tally = profiles[name].tally()
        for start in range(0, len(values), 1000):
            tally.add(values[start : start + 1000])
        found[name] = counted_places(profiles[name], tally)
    return found


@pytest.mark.parametrize("name", ["mae", "rmse"])
@pytest.mark.parametrize("stay", [0.0, 1.0])
def test_it_is_what_outcomes_show(name: str, stay: float) -> None:
    model, profiles = fitted(name, rooms(5_000, 1))
    columns, truth, guess = rooms(50_000, 2, stay=stay)
    found, shown = model.estimate(counted(profiles, columns), len(truth)), measure(name, truth, guess).value
    assert found.value == pytest.approx(shown, rel=0.1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < (shown or 0) < found.high
    if stay and name == "mae":  # that it stayed as it was would have been far off
        assert abs(model.base - (shown or 0)) > 3 * abs((found.value or 0) - (shown or 0))


@pytest.mark.parametrize("stay", [0.0, 0.7])
def test_the_interval_holds_what_is_realised_as_often_as_it_says(stay: float) -> None:
    inside = 0
    for seed in range(60):
        model, profiles = fitted("mae", rooms(2_000, seed))
        columns, truth, guess = rooms(400, 1_000 + seed, stay=stay)
        found, shown = model.estimate(counted(profiles, columns), 400), measure("mae", truth, guess).value
        inside += (found.low or 0) <= (shown or 0) <= (found.high or 0)
    assert 53 <= inside <= 60


def test_a_loss_that_depends_on_nothing_is_expected_to_stay() -> None:
    draw = np.random.default_rng(5)
    columns, _, _ = rooms(2_000, 6)
    profiles = {name: drift.profile(name, values) for name, values in columns.items()}
    losses = draw.exponential(2.0, 2_000)
    model = fit_loss("mae", losses, {name: row_places(profiles[name], values) for name, values in columns.items()})
    assert isinstance(model, LossModel)
    moved, _, _ = rooms(5_000, 7, stay=1.0)
    assert model.estimate(counted(profiles, moved), 5_000).value == pytest.approx(model.base, rel=0.1)


def test_a_column_that_was_not_counted_stays_as_it_was() -> None:
    model, profiles = fitted("mae", rooms(2_000, 1))
    columns, _, _ = rooms(2_000, 1, stay=1.0)
    counts = counted(profiles, columns)
    same = {name: 0 * each for name, each in counts.items()}
    assert model.estimate(same, 2_000).value == pytest.approx(model.base)
    assert model.estimate({}, 2_000).value == pytest.approx(model.base)
    assert model.estimate({"nights": counts["nights"]}, 2_000).value > model.base * 1.2


def test_it_is_kept_as_plain_data() -> None:
    model, profiles = fitted("rmse", rooms(500, 3))
    counts = counted(profiles, rooms(300, 4)[0])
    again = LossModel.from_state(json.loads(json.dumps(model.to_state())))
    assert again.estimate(counts, 300) == model.estimate(counts, 300)


@pytest.mark.parametrize("rows", [0, 1, 199])
def test_few_rows_tell_nothing(rows: int) -> None:
    told = fit_loss("mae", np.ones(rows), {"x": np.ones((rows, 2))})
    assert told == f"{rows} later rows with an outcome: too few to tell what the loss depends on, 200 are needed"


def test_rows_without_an_outcome_are_left_out() -> None:
    columns, truth, guess = rooms(1_000, 3)
    truth[::3] = np.nan
    profiles = {name: drift.profile(name, values) for name, values in columns.items()}
    places = {name: row_places(profiles[name], values) for name, values in columns.items()}
    model = fit_loss("mae", loss_rows("mae", truth, guess), places)
    assert isinstance(model, LossModel)
    assert model.base == pytest.approx(float(np.nanmean(np.abs(guess.values - truth))))


@pytest.mark.parametrize("name", ["median_error", "r2", "interval_coverage", "accuracy"])
def test_what_is_no_mean_of_rows_is_not_modelled(name: str) -> None:
    _, truth, guess = rooms(10, 1)
    assert loss_rows(name, truth, guess) is None


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.0, None, float("nan"), 4.0] * 50),
        pa.array([7] * 200),
        pa.array([None] * 200, pa.float64()),
        pa.array([float("inf"), 1.0, -float("inf"), 3.0] * 50),
        pa.array(["a", "b", None, "c"] * 50),
        pa.array([f"c{number % 40}" for number in range(400)]),
        pa.array([True, False, None, True] * 50),
    ],
)
def test_places_add_up_and_sums_over_counts_are_sums_over_rows(values: pa.Array) -> None:
    profile = drift.profile("x", values)
    rows = row_places(profile, values)
    tally = profile.tally()
    tally.add(values)
    assert np.allclose(rows.sum(axis=1), 1.0)
    assert (rows >= 0).all()
    assert np.allclose(rows.sum(axis=0), counted_places(profile, tally))


def test_values_never_seen_have_a_place() -> None:
    numbers = drift.profile("x", pa.array(np.linspace(0, 1, 500)))
    words = drift.profile("x", pa.array(["a", "b"] * 100))
    assert np.allclose(row_places(numbers, pa.array([-9.0, 9.0, None])).sum(axis=1), 1.0)
    assert np.allclose(row_places(words, pa.array(["never", None])).sum(axis=1), 1.0)


def test_text_has_no_place() -> None:
    texts = pa.array([f"a sentence of some words, number {number}" for number in range(50)])
    profile = drift.profile("x", texts, "text")
    assert row_places(profile, texts) is None
    assert counted_places(profile, profile.tally()) is None
