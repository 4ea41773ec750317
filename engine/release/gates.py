"""The gates that need no running server: bounds, the champion on rows neither version was trained on, every slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.plans import Check
from engine.release.fairness import fairness_checks
from engine.release.plan import bounded, recorded_metric, running_gates, slices
from engine.settings.model import Limit, ModelSettings
from store.rows import Version

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.measures.metrics import Predicted
    from engine.release.comparison import Compared

LEVEL = 0.025  # chance that a slice which is no worse fails, over all slices together
MIN_ROWS = 50  # fewer rows than this say nothing, of a whole slice of time or of one value in it


def evaluate(deck: Deck, settings: ModelSettings, new: Version, champion: Version | None) -> list[Check]:
    """Ask every gate of the settings that needs no server.

    Without a champion there are only absolute bounds and the Dummy. A comparison without enough rows that are later
    than both trainings is no data, never passed.

    Raises:
        CorruptArtifact: a model or the snapshot does not match its hash.
    """
    fair = [*fairness_checks(settings, new), *behaviour_checks(deck, settings, new)]
    if champion is None:
        return [*absolute(settings, new, None), *fair, better_than_dummy(new)]
    if not _limits(settings) and not slices(settings):
        return fair  # nothing is asked of rows, so no model need be loaded
    from engine.release.comparison import compare

    compared = compare(deck, settings, new, champion)
    return [
        *absolute(settings, new, compared),
        *versus_champion(settings, champion, compared),
        *by_slice(settings, new, champion, compared),
        *fair,
    ]


def behaviour_checks(deck: Deck, settings: ModelSettings, new: Version) -> list[Check]:
    """Run the model's behaviour tests anew, by the settings that the release pins, and keep what they say.

    Raises:
        CorruptArtifact: the model cannot be loaded.
    """
    if not settings.tests:
        return []
    from engine.training.behaviour.running import run_on_artifact
    from store import behaviour

    ran = run_on_artifact(deck, settings, new)
    with deck.database.write() as tx:
        behaviour.record(
            tx,
            model=new.model,
            version=new.number,
            place="promotion",
            tests_hash=ran.tests_hash,
            code_hash=ran.code_hash,
            results=ran.results,
            actor="policy:gates",
        )
    return [
        Check(
            f"test {one.name}",
            "passed" if one.verdict == "passed" else "failed",
            one.seen if one.verdict != "broken" else f"broken: {one.seen}",
            one.expected,
        )
        for one in ran.results
    ]


def better_than_dummy(new: Version) -> Check:
    """Ask whether the recorded holdout evaluation beats the Dummy's on the same rows."""
    from engine.measures.intervals import ratio_of_losses
    from engine.measures.metrics import Measured

    name = str(new.evaluation.get("metric", ""))
    dummy = new.evaluation.get("baseline", {}).get(name) or {}
    usual = dummy.get("value") if isinstance(dummy, dict) else dummy
    value = recorded_metric(new, name)
    required = f"better than Dummy's {usual:.6g}" if usual is not None else "better than Dummy"
    ratio = ratio_of_losses(name, Measured(value), Measured(usual)) if value is not None else None
    if ratio is None or value is None:
        return Check(f"{name} vs Dummy", "no data", "not measured", required)
    return Check(f"{name} vs Dummy", "passed" if ratio < 1.0 else "failed", f"{value:.6g}", required)


def absolute(settings: ModelSettings, new: Version, compared: Compared | None) -> list[Check]:
    """Ask the bounds: of the compared rows where there are enough, else of the recorded holdout."""
    return [
        bounded(name, _value(name, new, compared), limit.min, limit.max)
        for name, limit in _limits(settings)
        if limit.min is not None or limit.max is not None
    ]


def versus_champion(settings: ModelSettings, champion: Version, compared: Compared | None) -> list[Check]:
    """Ask the bounds relative to the champion, both measured on the same rows."""
    from engine.measures.intervals import ratio_of_losses
    from engine.measures.metrics import measure

    checks = []
    for name, limit in _limits(settings):
        if limit.vs_champion is None:
            continue
        title, required = f"{name} vs champion", f"at most {limit.vs_champion:g} x the loss of v{champion.number}"
        if not _enough(compared):
            checks.append(Check(title, "no data", _rows(compared), required))
            continue
        assert compared is not None
        first = measure(name, compared.truth, compared.new)
        second = measure(name, compared.truth, compared.champion)
        ratio = ratio_of_losses(name, first, second)
        if ratio is None:
            checks.append(Check(title, "no data", first.note or second.note or "not defined", required))
            continue
        seen = f"{ratio:.4g} x ({first.value:.6g}, v{champion.number} {second.value:.6g}, {len(compared)} rows)"
        checks.append(Check(title, "passed" if ratio <= limit.vs_champion else "failed", seen, required))
    return checks


def by_slice(settings: ModelSettings, new: Version, champion: Version, compared: Compared | None) -> list[Check]:
    """Ask of every slice that it is no worse than the champion's by the same ratio.

    A slice with few rows scatters, and of many slices one is bad by chance: a slice fails where its loss exceeds the
    ratio and is worse than the champion's beyond chance. That is, the low end of a paired bootstrap of the ratio is
    above 1, at a level divided by the number of slices (Bonferroni).
    """
    checks = []
    for column in slices(settings):
        for name, allowed in _slice_ratios(settings, new):
            title = f"{name} by {column}"
            required = f"at most {allowed:g} x v{champion.number} in each slice of {MIN_ROWS} rows or more"
            seen = list(_slices(name, column, compared)) if compared is not None else []
            if not seen:
                checks.append(Check(title, "no data", "no slice has enough rows", required))
                continue
            worse = [one for one in seen if one[1] > allowed and one[2] > 1.0]
            group, ratio, _, rows = max(worse or seen, key=lambda one: one[1])
            told = f"{len(seen)} slices, worst {group}: {ratio:.4g} x ({rows} rows)"
            checks.append(Check(title, "failed" if worse else "passed", told, required))
    return checks


def _slices(name: str, column: str, compared: Compared) -> Iterator[tuple[str, float, float, int]]:
    """Yield (value, ratio of losses, low end of the ratio, rows) of every slice with enough rows."""
    from engine.measures.intervals import ratio_of_losses
    from engine.measures.metrics import measure

    groups = compared.groups.get(column)
    if groups is None:
        return
    large = {
        group: rows for group in sorted(set(groups.tolist())) if len(rows := (groups == group).nonzero()[0]) >= MIN_ROWS
    }
    for group, rows in large.items():
        truth, new, champion = compared.truth[rows], compared.new.take(rows), compared.champion.take(rows)
        ratio = ratio_of_losses(name, measure(name, truth, new), measure(name, truth, champion))
        if ratio is not None:
            yield group, ratio, _low_ratio(name, truth, new, champion, LEVEL / len(large)), len(rows)


def _low_ratio(
    name: str, truth: Any, new: Predicted, champion: Predicted, level: float, resamples: int = 1000
) -> float:
    """Return the `level` quantile of the ratio of losses over resampled rows, the same rows for both versions."""
    import numpy as np

    from engine.measures.intervals import ratio_of_losses
    from engine.measures.metrics import measure

    draw = np.random.default_rng(7)
    ratios = []
    for _ in range(resamples):
        rows = draw.integers(0, len(truth), len(truth))
        first, second = measure(name, truth[rows], new.take(rows)), measure(name, truth[rows], champion.take(rows))
        ratio = ratio_of_losses(name, first, second)
        if ratio is not None:
            ratios.append(ratio)
    return float(np.quantile(ratios, level)) if ratios else 0.0


def _slice_ratios(settings: ModelSettings, new: Version) -> list[tuple[str, float]]:
    """Return the metrics that slices are compared by, each with its largest ratio."""
    stated = [(name, limit.vs_champion) for name, limit in _limits(settings) if limit.vs_champion is not None]
    return stated or [(str(new.evaluation.get("metric", "")), 1.0)]


def _limits(settings: ModelSettings) -> list[tuple[str, Limit]]:
    running = running_gates(settings)
    return [(name, limit) for name, limit in settings.gates.limits.items() if name not in running]


def _value(name: str, new: Version, compared: Compared | None) -> float | None:
    if compared is None or not _enough(compared):
        return recorded_metric(new, name)
    from engine.measures.metrics import measure

    return measure(name, compared.truth, compared.new).value


def _enough(compared: Compared | None) -> bool:
    return compared is not None and len(compared) >= MIN_ROWS


def _rows(compared: Compared | None) -> str:
    return f"{len(compared) if compared is not None else 0} rows later than both trainings"
