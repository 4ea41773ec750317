"""Whether the reasons of answers moved, by what is kept beside the log."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from looking import MIDNIGHT

from engine.deck import Deck
from engine.monitoring.attribution_drift import FEWEST, moved
from engine.monitoring.attributions import keep
from store.errors import Refused


def kept(deck: Deck, made: Any, size: int, seed: int, *, at: int, lead: float = 2.0, version: int = 1) -> None:
    """Keep explained predictions, ten minutes apart, in which lead_time contributes so much by size."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(size):
        moment = at + number * 600_000_000
        fixed = {
            "prediction_id": f"{made.request_id(moment)}-0", "received_at": moment, "computed_at": moment,
            "explains": "value", "scale": "price", "method": "exact", "background": 100, "base": 90.0,
            "predicted": 95.0, "prediction": "{}",
        }  # fmt: skip
        told = {"contribution.lead_time": draw.normal(0, lead), "contribution.guests": draw.normal(0, 1.0)}
        rows.append({**fixed, **told, "error.lead_time": None, "error.guests": None})
    keep(deck, "rates", version, rows)


def test_reasons_that_stay_are_no_drift(deck: Deck, made: Any):
    kept(deck, made, 800, 1, at=MIDNIGHT)
    found = moved(deck, "rates", None, 200)
    assert [one["drifted"] for one in found] == [False, False]
    assert {(one["n"], one["n_reference"]) for one in found} == {(200, 600)}
    assert found[0]["from_at"] == MIDNIGHT + 600 * 600_000_000


def test_a_column_that_comes_to_decide_more_comes_first(deck: Deck, made: Any):
    kept(deck, made, 600, 1, at=MIDNIGHT)
    kept(deck, made, 200, 2, at=MIDNIGHT + 600 * 600_000_000, lead=9.0)
    first, second = moved(deck, "rates", None, 200)
    assert (first["name"], first["drifted"], second["drifted"]) == ("lead_time", True, False)
    assert first["now"] > 4 * first["before"]
    assert first["effect"] > first["threshold"]


def test_versions_are_compared_with_themselves(deck: Deck, made: Any):
    kept(deck, made, 500, 1, at=MIDNIGHT)
    kept(deck, made, 500, 2, at=MIDNIGHT, lead=9.0, version=2)
    assert {one["version"] for one in moved(deck, "rates", None, 200)} == {2}
    assert not any(one["drifted"] for one in moved(deck, "rates", 1, 200) + moved(deck, "rates", 2, 200))


def test_few_predictions_say_nothing_and_none_are_an_empty_answer(deck: Deck, made: Any):
    assert moved(deck, "rates", None, 200) == []
    kept(deck, made, 200 + FEWEST - 1, 1, at=MIDNIGHT)
    found = moved(deck, "rates", None, 200)
    assert [one["drifted"] for one in found] == [None, None]
    assert "fewer than 100" in found[0]["note"]
    with pytest.raises(Refused, match="too few"):
        moved(deck, "rates", None, 50)
