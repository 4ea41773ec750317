"""An example on a slice of its time: from `init` to a version that serves and is told what came of its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import Tiny

pytestmark = pytest.mark.e2e


def lay_out(home: Path, name: str) -> Tiny:
    """Make the example's workspace: each candidate is tried once, however busy the machine, and no step is held."""
    root = home / name
    assert Tiny(home, home, [])("init", str(root), "--example", name).code == 0
    model = root / "models" / f"{name}.toml"
    text = model.read_text().replace('time_budget = "15s"', 'time_budget = "60s"\ntrials = 0')
    model.write_text(text.replace('hold = "2s"', 'hold = "0s"'))
    return Tiny(root, home, [])


def train_and_ship(deck: Tiny, name: str, estimator: str, until: str) -> dict[str, Any]:
    """Train on what was there before a day, promote, and return the version."""
    trained = deck("train", name, "--until", until, "--estimator", estimator, "--json", timeout=110)
    number = trained.data["result"]["version"]
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
