"""What a deployment's page tells of its costs."""

from __future__ import annotations

from dataclasses import replace

from sample_places import DEPLOYMENTS
from sample_releases import NOW

from console.render import deploys
from console.render.cells import Line, plain
from engine.operations.serving import Cost


def text(lines: list[Line]) -> str:
    return "\n".join(plain(cells) for cells in lines)


def test_a_deployment_tells_what_a_thousand_predictions_cost() -> None:
    detail = DEPLOYMENTS[2]
    told = text(deploys.deploy_page(deploys.deploy_row(detail, None), 79, NOW))
    assert "not told by its servers yet" in told
    one = detail.deployment
    cost = Cost(
        one.id, one.endpoint, 2, "local", "champion", NOW - 7200_000_000, 80, 8000, 12.0, 0.4, 1.5, 0.05, 0.02, "EUR"
    )
    told = text(deploys.deploy_page(deploys.deploy_row(replace(detail, cost=cost), None), 99, NOW))
    assert "1.500 CPU s, 0.050 GB h for 1,000: 0.020 EUR" in told
    assert "8,000 predictions since its servers started 2h ago" in " ".join(told.split())
    idle = replace(cost, predictions=0, cpu_s_per_1000=None, gb_h_per_1000=None, price_per_1000=None, currency="")
    told = text(deploys.deploy_page(deploys.deploy_row(replace(detail, cost=idle), None), 99, NOW))
    assert "12.00 CPU s, 0.400 GB h" in told
