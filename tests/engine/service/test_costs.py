"""What predictions cost, from what servers say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from engine.service.costs import cost_of
from store.rows import Deployment, Replica

DEPLOYMENT = Deployment("d", "rates", "local", 2, None, "champion", "serving", 100, 2, 1, 3, None, 5, None)
PRICES = {"cpu_hour": 0.36, "gb_hour": 0.5, "currency": "EUR"}


def replica(number: int, used: dict[str, Any] | None, of: str = "d") -> Replica:
    proof = {"golden": "as recorded", **({"used": used} if used is not None else {})}
    return Replica(f"{of}-{number}", of, number, "ready", 1, "b:1", 2, "", proof, 1000 * number, 9)


USED = {"requests": 400, "predictions": 4000, "cpu_s": 5.0, "gb_h": 0.2, "up_s": 60.0}


def test_the_servers_of_a_deployment_are_added_up() -> None:
    servers = [replica(1, USED), replica(2, {**USED, "cpu_s": 7.0}), replica(3, None), replica(4, USED, of="other")]
    found = cost_of(DEPLOYMENT, servers, PRICES)
    assert found is not None
    assert (found.model, found.version, found.since, found.requests, found.predictions) == ("rates", 2, 1000, 800, 8000)
    assert (found.cpu_s, found.gb_h) == (12.0, 0.4)
    assert (found.cpu_s_per_1000, found.gb_h_per_1000) == (1.5, 0.05)
    assert found.price_per_1000 == pytest.approx(1.5 / 3600 * 0.36 + 0.05 * 0.5)
    assert found.currency == "EUR"


def test_without_prices_there_is_no_price_and_without_predictions_no_share() -> None:
    found = cost_of(DEPLOYMENT, [replica(1, USED)], {})
    assert found is not None
    assert (found.price_per_1000, found.currency, found.cpu_s_per_1000) == (None, "", 1.25)
    idle = cost_of(DEPLOYMENT, [replica(1, {**USED, "predictions": 0})], PRICES)
    assert idle is not None
    assert (idle.price_per_1000, idle.cpu_s_per_1000, idle.gb_h_per_1000, idle.gb_h) == (None, None, None, 0.2)
    assert cost_of(DEPLOYMENT, [replica(1, None)], PRICES) is None
