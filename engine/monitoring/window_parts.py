"""One window host by host and slice by slice: how much, how fast, how good, and how far its answers have moved.

A part of fewer rows than the monitor's `min_rows` is shown and marked, and never judged. A slice is judged by what the
version promised of that slice on its holdout, and only else by what it promised of all rows: some are always harder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures import drift
from engine.measures.drift_codes import rounded
from engine.measures.intervals import wilson
from engine.monitoring.performance import WORSE_BY, against_promise, expected_of, realised_primary
from engine.monitoring.watched import best_items, prediction_column, ranks
from engine.monitoring.window_rows import SLICE
from store.rows import ESTIMATED, WindowPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.monitoring.reference import Reference
    from engine.monitoring.window_rows import WindowRows
    from engine.monitoring.windows import Seen
    from engine.settings.model import ModelSettings
    from store.rows import Version

MOST_HOSTS = 50  # that one window tells apart, the busiest ones
UNNAMED = "-"  # a host that a row does not name


@dataclass(frozen=True, slots=True)
class _Terms:
    """What parts are measured by."""

    settings: ModelSettings
    version: Version
    reference: Reference | None


def parts_of(
    found: WindowRows | None,
    with_outcomes: pa.Table | None,
    seen: Seen,
    settings: ModelSettings,
    version: Version,
    reference: Reference | None,
) -> tuple[WindowPart, ...]:
    """Return the parts of a window, hosts before slices, of each kind the worst first.

    `with_outcomes` are the answered rows of `found`, joined with what has come; `reference` is None where the window
    holds too few rows to be compared, which then has no slices.
    """
    terms = _Terms(settings, version, reference)
    hosts = list(_hosts(found, with_outcomes, seen, terms))
    slices = list(_slices(found, with_outcomes, terms))
    return (*sorted(hosts, key=_badness), *sorted(slices, key=_badness))


def latencies(rows: pa.Table | None) -> tuple[float | None, float | None]:
    """Return the median and 99th percentile in ms over requests, each counted once however many rows it had."""
    if rows is None or not len(rows):
        return None, None
    per_request = rows.group_by("request_id").aggregate([("latency_us", "max")])["latency_us_max"]
    values = np.asarray(per_request.drop_null().combine_chunks(), dtype=np.float64) / 1000
    if not len(values):
        return None, None
    return rounded(float(np.quantile(values, 0.5))), rounded(float(np.quantile(values, 0.99, method="higher")))


def _badness(part: WindowPart) -> tuple[Any, ...]:
    """Return what parts are ordered by: those that are judged worse first, small ones last."""
    failed = wilson(part.errors, part.rows)[0] if part.errors else 0.0
    moved = part.answers.get("effect") or 0.0
    return (part.is_small, part.is_worse is not True, -failed, -(part.ratio or 0.0), -moved, -part.rows, part.value)


def _hosts(
    found: WindowRows | None,
    with_outcomes: pa.Table | None,
    seen: Seen,
    terms: _Terms,
) -> Iterator[WindowPart]:
    errors = {name or UNNAMED: count for name, count in seen.errors_of}
    answered: dict[str, Any] = {}
    if found is not None and with_outcomes is not None and len(with_outcomes):
        coded = pc.fill_null(with_outcomes["host"], UNNAMED).combine_chunks().dictionary_encode()
        codes = np.asarray(coded.indices, dtype=np.int64)
        answered = {name: codes == place for place, name in enumerate(coded.dictionary.to_pylist())}
    names = sorted({*answered, *errors}, key=lambda name: -int(answered[name].sum()) if name in answered else 0)
    for name in names[:MOST_HOSTS]:
        chosen = answered.get(name)
        rows = None if chosen is None or with_outcomes is None else with_outcomes.filter(pa.array(chosen))
        # A regression's estimate comes of where its inputs lie, which is summed for slices and not for hosts.
        metrics, coverage = _measured(rows, {}, terms)
        about = {"kind": "host", "name": "", "value": name, "answers": {}}
        yield _part(about, rows, errors.get(name, 0), metrics, coverage, terms)


def _slices(
    found: WindowRows | None,
    with_outcomes: pa.Table | None,
    terms: _Terms,
) -> Iterator[WindowPart]:
    reference = terms.reference
    if found is None or with_outcomes is None or reference is None:
        return
    for column, slicing in reference.slicings.items():
        if SLICE + column not in found.rows.column_names:
            continue
        known = pc.fill_null(found.rows[SLICE + column].cast(pa.int64()), -1)
        codes = np.asarray(known.combine_chunks(), dtype=np.int64)
        for code, label in enumerate(slicing.groups):
            chosen = pa.array(codes == code)
            rows = with_outcomes.filter(chosen)
            if not len(rows):
                continue
            places = {name: summed[code] for name, summed in found.places.get(column, {}).items()}
            metrics, coverage = _measured(rows, places, terms)
            answers = _answers(rows, reference, terms, column, label)
            about = {"kind": "slice", "name": column, "value": label, "answers": answers}
            yield _part(about, rows, 0, metrics, coverage, terms)


def _measured(
    rows: pa.Table | None, places: dict[str, Any], terms: _Terms
) -> tuple[dict[str, dict[str, Any]], float | None]:
    """Return the primary metric, realised and estimated, and the share of rows with an outcome."""
    if rows is None:
        return {}, None
    metrics, coverage = realised_primary(rows, terms.settings, terms.version)
    if terms.reference is not None:
        metrics |= expected_of(rows, places, terms.settings, terms.version, terms.reference)
    return metrics, coverage


def _part(
    about: dict[str, Any],
    rows: pa.Table | None,
    errors: int,
    metrics: dict[str, dict[str, Any]],
    coverage: float | None,
    terms: _Terms,
) -> WindowPart:
    answered, least = 0 if rows is None else len(rows), terms.settings.monitor.min_rows
    ratio, worse = _judged(metrics, _promise(terms.version, about["name"], about["value"]), least)
    fast = latencies(rows)
    return WindowPart(
        **about,
        rows=answered + errors,
        errors=errors,
        latency_p50_ms=fast[0],
        latency_p99_ms=fast[1],
        coverage=coverage,
        metrics=metrics,
        ratio=ratio,
        is_worse=worse if answered >= least else None,
        is_small=answered + errors < least,
    )


def _promise(version: Version, column: str, value: str) -> dict[str, Any]:
    """Return what the holdout promised of a slice, else of all rows."""
    own = (version.evaluation.get("slices") or {}).get(f"{column}={value}") or {}
    return own or version.evaluation.get("holdout") or {}


def _judged(
    metrics: dict[str, dict[str, Any]], promise: dict[str, Any], least: int
) -> tuple[float | None, bool | None]:
    """Return loss in times the promised one, realised where enough outcomes came, else estimated; and whether it is
    worse beyond doubt, None where nothing says."""
    ordered = sorted(metrics.items(), key=lambda one: one[0].startswith(ESTIMATED))
    for name, now in ordered:
        if (now.get("n") or 0) < least:
            continue
        primary = name.removeprefix(ESTIMATED)
        told = against_promise(primary, now, promise.get(primary) or {})
        if told:
            return told["ratio"], bool(told["apart"] and told["ratio"] >= WORSE_BY)
    return None, None


def _answers(rows: pa.Table, reference: Reference, terms: _Terms, column: str, label: str) -> dict[str, Any]:
    """Return how far the answers of a slice have moved against those the version gave that slice before."""
    profile, output = reference.slice_answers.get(column, {}).get(label), prediction_column(terms.version)
    if profile is None or output not in rows.column_names:
        return {"effect": None, "note": "too few answers of it are known from before"}
    told = profile.compare(best_items(rows[output]) if ranks(terms.version) else rows[output])
    watch = terms.settings.monitor
    (judged,) = drift.judge([told], watch.min_effect, watch.fdr)
    return {name: judged[name] for name in ("effect", "threshold", "p_value", "drifted", "n", "n_reference")}
