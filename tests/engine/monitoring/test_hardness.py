"""A loss is held against the promise of rows as hard: what the plainest answer would have cost on them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from looking import MIDNIGHT, look, of_kind, outcomes

from engine.deck import Deck
from engine.monitoring.hardness import harder
from engine.monitoring.verdicts import findings
from engine.settings.forecasting import ForecastSettings
from store.rows import Window

HOUR_US = 3_600_000_000


@pytest.fixture
def second(deck: Deck, serving: Any, made: Any) -> Any:
    """Settings of `rates`, whose version 2 knows what the Dummy's loss was on its holdout."""
    settings = serving()
    evaluation = {**made.evaluation, "baseline": {"mae": {"value": 10.0}}}
    made.register(deck, "rates", made.snapshot_of(made.rates_rows(3000)), made.rates, evaluation=evaluation)
    return settings


def one_window(deck: Deck, settings: Any, traffic: Any, rows: list[dict[str, Any]]) -> tuple[Window, list[Any]]:
    outcomes(traffic.send(rows, at=MIDNIGHT, error=14.0, every_s=10, version=2), rows, deck)
    verdicts = look(deck, settings)
    (window,) = [one.window for one in verdicts if one.window.version == 2]
    return window, of_kind(findings(verdicts), "performance")


def test_a_loss_that_grew_as_the_spread_of_the_truth_did_is_a_note(deck: Deck, second: Any, traffic: Any, made: Any):
    rows = [{**row, "y": 100.0 + 2.0 * (row["y"] - 100.0)} for row in made.rates_rows(400)]
    window, found = one_window(deck, second, traffic, rows)
    truth = np.array([row["y"] for row in rows])
    plain = min(float(np.abs(truth - centre).mean()) for centre in (np.median(truth), truth.mean()))
    assert window.metrics["plain_mae"] == {
        "value": pytest.approx(plain, rel=1e-4),
        "low": None,
        "high": None,
        "n": 400,
        "note": "the best constant",
    }
    assert (window.verdict, found) == ("ok", [])
    (note,) = [one for one in window.notes if one["rule"] == "performance"]
    assert note["title"] == "performance is worse than promised"
    assert note["why"].startswith("mae 14")
    assert note["why"].endswith(
        f"promised 10, but the best constant would have lost {plain / 10.0:.2g} times what it did in the holdout"
    )


def test_a_loss_that_grew_alone_is_an_alert(deck: Deck, second: Any, traffic: Any, made: Any):
    window, found = one_window(deck, second, traffic, made.rates_rows(400))
    assert window.verdict == "degraded"
    assert len(found) == 1
    assert found[0].evidence["ratio"] == pytest.approx(1.4, abs=0.1)


def test_a_level_that_shifted_makes_no_row_harder(deck: Deck, second: Any, traffic: Any, made: Any):
    rows = [{**row, "y": row["y"] + 300.0} for row in made.rates_rows(400)]
    window, found = one_window(deck, second, traffic, rows)
    assert window.metrics["plain_mae"]["value"] == pytest.approx(10.0, abs=1.0)
    assert (window.verdict, len(found)) == ("degraded", 1)


def test_the_plain_answer_of_a_forecast_is_the_value_of_its_series_one_season_before(
    deck: Deck, second: Any, traffic: Any, made: Any
):
    forecast = ForecastSettings(series=("segment",), season_s=86_400.0)
    settings = replace(second, task="forecasting", forecast=forecast)
    rows, draw = [], np.random.default_rng(3)
    for hour in range(48):
        for place, row in enumerate(made.rates_rows(3, seed=hour)):
            at = np.datetime64((MIDNIGHT + hour * HOUR_US) // 1_000_000, "s").astype(str)
            segment = ("web", "group", "direct")[place]
            truth = 100.0 * place + 10.0 * math.sin(hour) + float(draw.normal(0, 5))
            rows.append({**row, "segment": segment, "arrival": f"{at}Z", "y": truth})
    outcomes(traffic.send(rows, at=MIDNIGHT, every_s=1200, version=2), rows, deck)
    verdicts = look(deck, settings, day=4)
    first, second_day = sorted((one.window for one in verdicts if one.window.rows), key=lambda one: one.from_at)
    assert "plain_mae" not in first.metrics  # nobody knows the day before it
    truth = np.array([row["y"] for row in rows]).reshape(2, 72)
    assert second_day.metrics["plain_mae"]["value"] == pytest.approx(np.abs(truth[1] - truth[0]).mean(), rel=1e-4)
    assert second_day.metrics["plain_mae"]["note"] == "the value one season before"


def test_easier_rows_and_versions_without_a_dummy_leave_the_promise_as_it_is(deck: Deck, second: Any, made: Any):
    from store import versions

    first, with_dummy = (versions.version(deck.database, "rates", number) for number in (1, 2))
    assert harder("mae", {"value": 5.0}, with_dummy) == 1.0
    assert harder("mae", {"value": 25.0}, with_dummy) == 2.5
    assert harder("mae", {"value": 25.0}, first) == 1.0
    assert harder("mae", {}, with_dummy) == 1.0
