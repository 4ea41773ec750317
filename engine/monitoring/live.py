"""What one deployment has answered since a moment, cheap enough to be asked once a second while a release runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeGuard

from engine.monitoring.layout import parts
from engine.monitoring.uncollected import uncollected_rows

if TYPE_CHECKING:
    from engine.deck import Deck

LARGEST = 5  # differences that are told
SERVER_FAILED = 500  # below: the caller was refused, which says nothing about the version


def live_stats(deck: Deck, model: str, deployment_id: str, since_us: int, kind: str = "live") -> dict[str, Any]:
    """Return rows, errors, refused, latencies, outputs and answers of a deployment since a time (microseconds).

    `rows` counts answered and failed rows, `errors` the failed ones, `refused` callers' mistakes, `latencies_ms` one
    per request. `outputs` maps each numeric output to {"n", "mean", "std"}, and `label` to its counts. `answers` holds
    the answered rows in order of their ids: `ids`, `requests`, `numbers` by output, and `labels`. `kind` is live, or
    shadow for copies of requests.
    """
    rows, answered = _rows(deck, model, deployment_id, since_us, kind)
    # A failure that the router asked another server about, and got an answer, hurt nobody; a copy is never asked again.
    return _summary([row for row in rows.values() if row["status"] == 200 or row["request_id"] not in answered])


def agreement(deck: Deck, model: str, champion_id: str, shadow_id: str, since_us: int) -> dict[str, Any]:
    """Return how the answers to copies compare with those that callers got: rows of both, how many differ, and how.

    `difference` maps each numeric output to {"mean", "largest"} of shadow minus champion; `largest` holds the rows
    whose first of them is furthest apart: prediction id and both answers.
    """
    live, _ = _rows(deck, model, champion_id, since_us, "live")
    copies, _ = _rows(deck, model, shadow_id, since_us, "shadow")
    pairs = [
        (live[one], row)
        for one, row in copies.items()
        if row["status"] == 200 and one in live and live[one]["status"] == 200
    ]
    names: list[str] = [name for name in ("value", "score", "label") if pairs and name in pairs[0][0]]
    told: dict[str, Any] = {"rows": len(pairs), "differ": sum(_differ(a, b, names) for a, b in pairs), "difference": {}}
    for name in names:
        moved: list[float] = [
            b[name] - a[name] for a, b in pairs if _is_number(a.get(name)) and _is_number(b.get(name))
        ]
        if moved:
            largest = max(moved, key=abs)
            told["difference"][name] = {"mean": math.fsum(moved) / len(moved), "largest": largest}
    told["largest"] = _furthest(pairs, next(iter(told["difference"]), ""))
    return told


def _furthest(pairs: list[tuple[dict[str, Any], dict[str, Any]]], name: str) -> list[dict[str, Any]]:
    both = [(a, b) for a, b in pairs if _is_number(a.get(name)) and _is_number(b.get(name))]
    worst = sorted(both, key=lambda pair: -abs(pair[1][name] - pair[0][name]))[:LARGEST]
    return [{"prediction_id": a["prediction_id"], "champion": a[name], "challenger": b[name]} for a, b in worst]


def _differ(first: dict[str, Any], second: dict[str, Any], names: list[str]) -> bool:
    for name in names:
        a, b = first.get(name), second.get(name)
        same = math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) if _is_number(a) and _is_number(b) else a == b
        if not same:
            return True
    return False


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rows(
    deck: Deck, model: str, deployment_id: str, since_us: int, kind: str
) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """Return a deployment's rows of a kind by prediction id, and the requests of that kind that anyone answered."""
    rows: dict[str, dict[str, Any]] = {}
    answered: set[str] = set()
    for row in uncollected_rows(deck.workspace, model, since_us=since_us):
        if row.get("kind") == kind and row["received_at"] >= since_us:
            if row["status"] == 200:
                answered.add(row["request_id"])
            if row.get("deployment") == deployment_id:
                rows[row["prediction_id"]] = {**row, **(row.get("outputs") or {})}
    for row in _collected(deck, model, deployment_id, since_us, kind):
        rows[row["prediction_id"]] = row
    return rows, answered


def _collected(deck: Deck, model: str, deployment_id: str, since_us: int, kind: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = []
    for paths in parts(deck.workspace, model, since_us, None).values():
        for path in paths:
            try:
                file = pq.ParquetFile(path)
            except FileNotFoundError:
                continue  # merged meanwhile: the next look sees it
            if not _reaches(file, since_us):
                continue
            outputs = {
                name: name.removeprefix("outputs.") for name in file.schema_arrow.names if name.startswith("outputs.")
            }
            wanted = ["prediction_id", "request_id", "deployment", "kind", "received_at", "status", "latency_us"]
            table = file.read([*wanted, *outputs])
            live = pc.and_(pc.equal(table["kind"], kind), pc.equal(table["deployment"], deployment_id))
            table = table.filter(pc.and_(live, pc.greater_equal(table["received_at"], since_us)))
            found += table.rename_columns([outputs.get(name, name) for name in table.column_names]).to_pylist()
    return found


def _reaches(file: Any, since_us: int) -> bool:
    """Say whether a file may hold rows received since then, from its footer alone."""
    number = file.schema_arrow.names.index("received_at")
    for group in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(group).column(number).statistics
        if statistics is None or not statistics.has_min_max or statistics.max >= since_us:
            return True
    return False


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    answered = [row for row in rows if row["status"] == 200]
    failed = [row for row in rows if row["status"] >= SERVER_FAILED]
    requests = {row["request_id"]: row["latency_us"] / 1000 for row in answered + failed if row["latency_us"]}
    latencies = sorted(requests.values())
    return {
        "rows": len(answered) + len(failed),
        "errors": len(failed),
        "refused": len(rows) - len(answered) - len(failed),
        "latencies_ms": latencies,
        "latency_p99_ms": latencies[math.ceil(0.99 * len(latencies)) - 1] if latencies else None,
        "outputs": _outputs(answered),
        "answers": _answers(answered),
    }


def _answers(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in rows[0] if name == "value" or name.startswith("scores.")] if rows else []
    known = [row for row in rows if all(_is_number(row.get(name)) for name in names)]
    known.sort(key=lambda row: str(row["prediction_id"]))
    return {
        "ids": tuple(row["prediction_id"] for row in known),
        "requests": tuple(row["request_id"] for row in known),
        "numbers": {name: tuple(float(row[name]) for row in known) for name in names},
        "labels": tuple(str(row["label"]) for row in known) if known and known[0].get("label") is not None else (),
    }


def _outputs(rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = [name for name in rows[0] if name in ("value", "score") or name.startswith("scores.")] if rows else []
    for name in names:
        values = [row[name] for row in rows if isinstance(row.get(name), int | float)]
        if values:
            mean = math.fsum(values) / len(values)
            spread = math.sqrt(math.fsum((one - mean) ** 2 for one in values) / len(values))
            found[name] = {"n": len(values), "mean": mean, "std": spread}
    labels = [str(row["label"]) for row in rows if row.get("label") is not None]
    if labels:
        found["label"] = {label: labels.count(label) for label in sorted(set(labels))}
    return found
