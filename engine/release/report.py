"""The two arms of an A/B beside each other: rows, errors, latency, answers and metric, each with its difference. Pure.

Intervals are of 95 % and hold for the planned end of the A/B: who stops it early because of one is deceived more often.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.release.realised import difference, loss_of
from engine.release.sequential import quantile

if TYPE_CHECKING:
    from engine.release.judge import Live
    from engine.release.realised import Labelled

Z = 1.959964
CLASSES = 5  # labels whose shares are told, the most frequent ones
Figures = dict[str, Any]


def report(new: Live, champion: Live, outcomes: tuple[Labelled | None, Labelled | None], metric: str) -> Figures:
    """Return {"new", "champion", "difference"} of what both arms did.

    A difference is {"difference", "low", "high"}, new minus champion, by name: errors, each output's mean, each
    class's share, and the metric where outcomes have come. `outcomes` are the rows of both whose outcome is known.
    """
    arms = (_arm(new), _arm(champion))
    apart: dict[str, Figures] = {}
    if new.rows and champion.rows:
        apart["errors"] = _of_shares(new.errors, new.rows, champion.errors, champion.rows)
    for name in arms[0]["numbers"].keys() & arms[1]["numbers"].keys():
        apart[name] = _of_means(arms[0]["numbers"][name], arms[1]["numbers"][name])
    first, second = Counter(new.answers.labels), Counter(champion.answers.labels)
    for label in list(dict((first + second).most_common(CLASSES))) if first and second else []:
        apart[f"share of {label}"] = _of_shares(first[label], first.total(), second[label], second.total())
    for arm, labelled in zip(arms, outcomes, strict=True):
        if labelled is not None and len(labelled) and metric:
            arm["metric"] = {"name": metric, "value": loss_of(metric, labelled).value, "labels": len(labelled)}
    if metric and outcomes[0] is not None and outcomes[1] is not None and len(outcomes[0]) and len(outcomes[1]):
        found = difference(metric, outcomes[0], outcomes[1])
        if found:
            apart[metric] = found
    return {"new": arms[0], "champion": arms[1], "difference": apart}


def says(told: Figures, version: int, metric: str, *, better_is_more: bool) -> str:
    """Return the report in one line: what differs beyond chance, and which arm the metric speaks for."""
    rows = f"{told['new']['rows']:,} rows against {told['champion']['rows']:,}"
    found = told["difference"].get(metric)
    if found is None:
        return f"{rows}; no outcomes have come: {metric or 'the metric'} says nothing"
    span = f"{found['difference']:+.4g} ({found['low']:.4g} to {found['high']:.4g})"
    if found["low"] <= 0.0 <= found["high"]:
        return f"{rows}; {metric} {span}: no difference beyond chance"
    is_better = (found["difference"] > 0.0) == better_is_more
    return f"{rows}; {metric} {span}: v{version} is {'better' if is_better else 'worse'}"


def _arm(live: Live) -> Figures:
    numbers = {name: _spread(values, live.answers.requests) for name, values in live.answers.numbers.items() if values}
    return {
        "rows": live.rows,
        "errors": live.errors,
        "refused": live.refused,
        "latency_p50_ms": round(quantile(live.latencies_ms, 0.5), 3) if live.latencies_ms else None,
        "latency_p99_ms": round(quantile(live.latencies_ms, 0.99), 3) if live.latencies_ms else None,
        "numbers": numbers,
        "labels": dict(Counter(live.answers.labels).most_common(CLASSES)),
    }


def _spread(values: tuple[float, ...], requests: tuple[str, ...]) -> Figures:
    """Return the distribution of one output; `independent` rows are fewer where several are of one request."""
    from engine.measures.shift import effective

    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in values) / len(values))
    at = {f"p{share}": quantile(values, share / 100) for share in (10, 50, 90)}
    return {"mean": mean, "std": deviation, **at, "independent": effective(requests)}


def _of_means(new: Figures, champion: Figures) -> Figures:
    error = math.sqrt(new["std"] ** 2 / new["independent"] + champion["std"] ** 2 / champion["independent"])
    middle = new["mean"] - champion["mean"]
    return {"difference": middle, "low": middle - Z * error, "high": middle + Z * error}


def _of_shares(hits: int, of: int, other_hits: int, other_of: int) -> Figures:
    """Return the difference of two shares (R. Newcombe, 1998: Wilson's intervals put together)."""
    from engine.measures.intervals import wilson

    first, second = hits / of, other_hits / other_of
    (low, high), (other_low, other_high) = wilson(hits, of), wilson(other_hits, other_of)
    middle = first - second
    return {
        "difference": middle,
        "low": middle - math.hypot(first - low, other_high - second),
        "high": middle + math.hypot(high - first, second - other_low),
    }
