"""An example on a slice of its time: from `init` to a version that serves and is told what came of its answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import Tiny

pytestmark = pytest.mark.e2e


def lay_out(home: Path, name: str) -> Tiny:
    """Make the example's workspace: each candidate is tried once and no step is held.

    What a busy machine takes longer over is no part of these tests: the budget is ample, latency has a gate of its own
    tests.
    """
    root = home / name
    assert Tiny(home, home, [])("init", str(root), "--example", name).code == 0
    model = root / "models" / f"{name}.toml"
    text = model.read_text()
    for said, instead in (
        (r"\ntrials = \d+", ""),
        (r'time_budget = "\d+s".*', 'time_budget = "60s"\ntrials = 0'),
        (r'hold = "2s"', 'hold = "0s"'),
        (r"latency_p99_ms = .*", "latency_p99_ms = { max = 5000 }"),
    ):
        text = re.sub(said, instead, text)
    model.write_text(text)
    return Tiny(root, home, [])


def train_and_ship(deck: Tiny, name: str, estimator: str, until: str) -> dict[str, Any]:
    """Train on what was there before a day, fit it again to the bit, promote, and return the version."""
    trained = deck("train", name, "--until", until, "--estimator", estimator, "--json", timeout=110)
    number = trained.data["result"]["version"]
    again = deck("reproduce", name, str(number), timeout=110)
    assert "equal bit for bit, the artifact too" in again.out + again.err, again
    promoted = deck("promote", name, str(number), "--yes", timeout=110)
    assert promoted.code == 0, promoted
    version: dict[str, Any] = deck("versions", name, "--json").data[0]
    assert version["number"] == number
    return version


def ask_and_tell(deck: Tiny, name: str, rows: list[dict[str, Any]], values: list[Any]) -> list[dict[str, Any]]:
    """Ask the endpoint, tell it what happened, and return its answers."""
    asked, told = deck.root / "asked.json", deck.root / "told.json"
    asked.write_text(json.dumps(rows))
    answers: list[dict[str, Any]] = deck("predict", name, str(asked), "--json").data
    outcomes = [
        {"prediction_id": answer["prediction_id"], "value": value}
        for answer, value in zip(answers, values, strict=True)
    ]
    told.write_text(json.dumps(outcomes))
    assert sum(batch["rows"] for batch in deck("outcomes", name, str(told), "--json").data) == len(rows)
    return answers


@pytest.mark.timeout(240)
def test_movies_are_recommended_better_than_the_most_popular(tmp_path: Path) -> None:
    name = "movie-recommendations"
    deck = lay_out(tmp_path, name)
    try:
        version = train_and_ship(deck, name, "factors", "2003-01-01")
        gain = version["evaluation"]["against_baseline"]
        assert gain["metric"] == "ndcg_at_10"
        assert gain["low"] > 0
        rows = [{"user_id": 15}, {"user_id": 999_999}]
        known, cold = ask_and_tell(deck, name, rows, [["1", "2"], 31])
        assert len(set(known["items"])) == len(known["scores"]) == 10
        assert known["items"] != cold["items"]
        assert deck("trace", known["prediction_id"], "--json").data["outcome"] == '["1", "2"]'
    finally:
        assert deck("daemon", "stop", "--all").code == 0


@pytest.mark.timeout(240)
def test_departures_are_forecast_better_than_the_week_before_and_priced(tmp_path: Path) -> None:
    name = "departure-demand"
    deck = lay_out(tmp_path, name)
    try:
        version = train_and_ship(deck, name, "boosting", "2013-07-01")
        gain = version["evaluation"]["against_baseline"]
        assert gain["metric"] == "rmse"
        assert gain["low"] > 0
        assert {"temp", "precip"} < {column["name"] for column in version["signature"]["inputs"]}
        busy = {"airport": "JFK", "hour": "2013-07-02T21:00:00Z", "local_hour": 17, "temp": 80.0}
        night = {"airport": "JFK", "hour": "2013-07-03T07:00:00Z", "local_hour": 3}
        answers = ask_and_tell(deck, name, [busy, night], [25, 0])
        assert all(answer["low"] <= answer["value"] <= answer["high"] for answer in answers)
        assert answers[0]["value"] > 10 > 2 > answers[1]["value"]
        assert deck("trace", answers[0]["prediction_id"], "--json").data["outcome"] == 25
        priced = subprocess.run(
            [sys.executable, "surge.py", "20"],
            input=json.dumps(answers),
            cwd=deck.root,
            capture_output=True,
            text=True,
            check=True,
        )
        rush, quiet = priced.stdout.splitlines()
        assert "price x 1.00" not in rush
        assert "price x 1.00 (at most likely x 1.00)" in quiet
    finally:
        assert deck("daemon", "stop", "--all").code == 0


@pytest.mark.timeout(240)
def test_posts_are_reviewed_within_a_budget_and_verdicts_come_back_as_outcomes(tmp_path: Path) -> None:
    name = "post-moderation"
    deck = lay_out(tmp_path, name)
    try:
        version = train_and_ship(deck, name, "auto", "2014-01-01")
        reached, chance = (version["evaluation"][part]["precision_at_5_percent"] for part in ("holdout", "baseline"))
        assert reached["low"] > chance["value"]
        asked = deck.root / "samples" / f"{name}.json"
        answers = {one["prediction_id"]: one for one in deck("predict", name, str(asked), "--json").data}
        queue = deck("data", "review", name, "--budget", "67", "--json").data
        assert (queue["answered"], queue["budget"], queue["reviewed"]) == (3, 2, 0)
        first, second = queue["rows"]
        assert first["score"] >= second["score"]
        assert first["score"] == answers[first["prediction_id"]]["scores.true"]
        assert first["row"]["text"]
        said = deck("data", "verdict", name, first["prediction_id"], "false", "--reason", "a quote", "--json").data
        assert said["already"] is False
        assert deck("data", "verdict", name, first["prediction_id"], "false").out.startswith("already so")
        assert deck("data", "verdict", name, first["prediction_id"], "maybe").code == 2
        assert deck("data", "verdict", name, "0" * 32 + "-0", "true").code == 3
        traced = deck("trace", first["prediction_id"], "--json").data
        assert (traced["outcome"], traced["outcome_by"]) == ("false", said["body"]["by"])
        left = deck("data", "review", name, "--budget", "67", "--json").data
        assert (left["reviewed"], [row["prediction_id"] for row in left["rows"]]) == (1, [second["prediction_id"]])
    finally:
        assert deck("daemon", "stop", "--all").code == 0


def test_the_words_of_a_year_are_told_with_what_came_and_went(tmp_path: Path) -> None:
    root = tmp_path / "posts"
    assert Tiny(tmp_path, tmp_path, [])("init", str(root), "--example", "post-moderation").code == 0
    told = subprocess.run(
        [sys.executable, "vocabulary.py", "8", "--json"], cwd=root, capture_output=True, text=True, check=True
    )
    years = {tuple(one["years"]): one for one in json.loads(told.stdout)}
    assert list(years) == [(year, year + 1) for year in range(2013, 2017)]
    assert all(one["distance"] > one["by_chance"] > 0 for one in years.values())
    assert "crooked" in {row["word"] for row in years[2015, 2016]["came"]}
    assert "ebola" in {row["word"] for row in years[2014, 2015]["went"]}


@pytest.mark.timeout(240)
def test_a_night_is_priced_with_an_interval_and_told_why(tmp_path: Path) -> None:
    name = "nightly-rates"
    deck = lay_out(tmp_path, name)
    try:
        version = train_and_ship(deck, name, "auto", "2016-11-15")
        evaluation = version["evaluation"]
        assert evaluation["against_baseline"]["low"] > 0
        segments = {key for key in evaluation["slices"] if key.startswith("market_segment=")}
        assert len(segments) > 2
        assert all(evaluation["slices"][one]["mae"]["n"] for one in segments)
        sample = deck.root / "samples" / f"{name}.json"
        rows = json.loads(sample.read_text())
        answers = ask_and_tell(deck, name, rows, [100.0] * len(rows))
        assert all(answer["low"] < answer["value"] < answer["high"] for answer in answers)
        told = deck("explain", name, "champion", "--row", str(sample), "--json").data["explained"]
        assert [one["predicted"] for one in told] == pytest.approx([one["value"] for one in answers])
        for one in told:
            assert one["base"] + sum(part["contribution"] for part in one["contributions"]) == pytest.approx(
                one["predicted"], rel=1e-4
            )
    finally:
        assert deck("daemon", "stop", "--all").code == 0
