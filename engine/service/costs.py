"""What predictions cost, from what each server says that it has used since it started. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.operations.serving import Cost
from store.rows import Deployment, Replica

_PER = 1000


def cost_of(deployment: Deployment, replicas: Sequence[Replica], prices: Mapping[str, Any]) -> Cost | None:
    """Return what a deployment's servers have used, None where none of them has said so yet.

    `prices` is `[cost]` of the deck's settings: `cpu_hour`, `gb_hour` and `currency`.
    """
    told = [(one, one.proof["used"]) for one in replicas if one.deployment_id == deployment.id and "used" in one.proof]
    if not told:
        return None
    requests, predictions = (sum(int(used.get(name, 0)) for _, used in told) for name in ("requests", "predictions"))
    cpu_s, gb_h = (sum(float(used.get(name, 0.0)) for _, used in told) for name in ("cpu_s", "gb_h"))
    thousands = predictions / _PER
    price = None
    if prices and thousands:
        price = (cpu_s / 3600.0 * prices["cpu_hour"] + gb_h * prices["gb_hour"]) / thousands
    return Cost(
        deployment=deployment.id,
        model=deployment.endpoint,
        version=deployment.version,
        host=deployment.host,
        role=deployment.role,
        since=min(one.started_at for one, _ in told),
        requests=requests,
        predictions=predictions,
        cpu_s=cpu_s,
        gb_h=gb_h,
        cpu_s_per_1000=cpu_s / thousands if thousands else None,
        gb_h_per_1000=gb_h / thousands if thousands else None,
        price_per_1000=price,
        currency=str(prices.get("currency", "")) if price is not None else "",
    )
