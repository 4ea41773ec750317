"""One look at a model's traffic: computes the windows that are due, keeps them, and returns a verdict for each.

A window is computed once it is closed, and again when a late row or outcome comes: then what changed is its next
revision, and what did not change leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_codes import rounded
from engine.monitoring import outcomes
from engine.monitoring.features import compare_window
from engine.monitoring.hardness import Past, past_of
from engine.monitoring.inventory import take_inventory
from engine.monitoring.layout import alone, endpoint_folder
from engine.monitoring.losses import primary_metric
from engine.monitoring.performance import Performance, estimated, realised
from engine.monitoring.predictions import By
from engine.monitoring.reference import Reference, reference_of
from engine.monitoring.rules import Facts, read
from engine.monitoring.verdicts import Verdict, called
from engine.monitoring.window_fairness import fairness_of
from engine.monitoring.window_parts import latencies, parts_of
from engine.monitoring.window_quality import quality_of
from engine.monitoring.window_rows import WindowRows, read_windows
from engine.monitoring.windows import SLACK_US, Frame, Key, Seen, due, silent
from engine.settings.alerts import AlertRule, rules_of
from store.errors import Refused, UnknownName
from store.rows import Version, Window

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.database import Fence

SECOND_US = 1_000_000
BACK = 400  # windows by received time that one look goes back, unless outcomes name older ones
SILENT_BACK = 24  # windows without a row that are told
TRACED = 3  # newest answers of a window that a finding names
AT_ONCE = 50  # windows read in one scan
STORED = 4000  # newest windows of which it is known that they were told


def watch(
    deck: Deck,
    settings: ModelSettings,
    revision: int,
    *,
    now_us: int,
    span: tuple[int, int] | None = None,
    fence: Fence | None = None,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
    pace: Callable[[], None] = lambda: None,
) -> list[Verdict]:
    """Compute what is due at `now_us` for every version, and return a verdict per window, oldest first.

    With a `span` (microseconds UTC, half open) it is every window that begins in it and that was closed at the last
    look, whether it was computed before or not; to the next look those are told already. Two looks at one model take
    turns, some windows each; `pace` is called before each turn and may wait.

    `revision` is the settings revision the job pins. The caller touches the monitor when it has acted on the verdicts:
    a look that dies before that is repeated, and tells its news again.

    Raises:
        LeaseLost: a newer attempt of the job runs.
        StorageUnwritable: the registry cannot be written.
        Refused: a span before the first look.
    """
    from store import watching

    look = _Look.begin(deck, settings, now_us, span)
    if span is None:
        computed = {key: one.computed_at for key, one in look.stored.items()}
        counted = {key: one.rows for key, one in look.stored.items()}
        keys = due(look.seen, look.frame, computed, look.last_run_us, counted)
        keys = sorted({*keys, *look.silent_keys()}, key=lambda key: (key[1], key[0]))
    else:
        keys = sorted(look.keys_in(span), key=lambda key: (key[1], key[0]))
    verdicts: list[Verdict] = []
    for start in range(0, len(keys), AT_ONCE):
        batch = keys[start : start + AT_ONCE]
        pace()
        with alone(endpoint_folder(deck.workspace, settings.name), "look.lock"):
            if span is not None and watching.monitor(deck.database, settings.name).last_run_at != look.last_run_us:
                look = _Look.begin(deck, settings, now_us, span)  # another look has seen later rows meanwhile
            rows = _rows(look, batch)
            known = _outcomes(look, rows)
            past = past_of(deck, settings, [one.rows for one in rows.values()])
            for key in batch:
                progress(len(verdicts) / len(keys), f"window {len(verdicts) + 1} of {len(keys)}, version {key[0]}")
                verdict = _compute(look, key, rows.get(key), known, past)
                if verdict is not None:
                    verdicts.append(_keep(look, verdict, fence))
    progress(1.0, f"{len(verdicts) or 'no'} {'window' if len(verdicts) == 1 else 'windows'} computed")
    return look.called(verdicts)


@dataclass(slots=True)
class _Look:
    """What one look knows before it computes anything."""

    deck: Deck
    settings: ModelSettings
    frame: Frame
    seen: dict[Key, Seen]
    stored: dict[Key, Window]
    last_run_us: int | None
    versions: dict[int, Version]
    references: dict[int, Reference]

    @classmethod
    def begin(cls, deck: Deck, settings: ModelSettings, now_us: int, span: tuple[int, int] | None = None) -> _Look:
        from store import models, versions, watching

        model, monitor = settings.name, settings.monitor
        by, length = cast("By", monitor.by), max(1, round(monitor.window_s * SECOND_US))
        last_run = watching.monitor(deck.database, model).last_run_at
        since = 0 if last_run is None else last_run - SLACK_US
        arrived = outcomes.received_since(deck, model, since)
        if span is not None:
            if last_run is None:
                raise Refused(f"nobody has looked at {model} yet", f"modeldeck monitors run {model}")
            now_us, from_us = last_run, span[0] if by == "received" else None
        else:
            ids = arrived["prediction_id"].to_pylist() if by == "received" else []
            from_us = _horizon(ids, now_us - BACK * length) if by == "received" else None
        seen, newest_event, newest_received = take_inventory(deck, model, length, by, from_us=from_us, arrived=arrived)
        lateness = round(monitor.lateness_s * SECOND_US)
        frame = Frame(length, lateness, by, now_us, newest_event, newest_received)
        if from_us is not None:  # of the window it falls in, the horizon leaves only a part
            seen = {key: one for key, one in seen.items() if frame.span(key[1])[0] >= from_us}
        stored = {
            (one.version, one.from_at // length): one
            for one in watching.windows(deck.database, model, limit=STORED)
            if one.to_at - one.from_at == length and one.from_at % length == 0
        }
        champion = models.alias(deck.database, model, "champion")
        met = {key[0] for key in seen} | ({champion.version} if champion is not None else set())
        known = versions.some(deck.database, model, met)
        seen = {key: one for key, one in seen.items() if key[0] in known}
        return cls(deck, settings, frame, seen, stored, last_run, known, {})

    def keys_in(self, span: tuple[int, int]) -> list[Key]:
        """Return the closed windows that begin within a span and have rows."""
        inside = [key for key in self.seen if span[0] <= self.frame.span(key[1])[0] < span[1]]
        return [key for key in inside if self.frame.is_closed(key[1])]

    def silent_keys(self) -> list[Key]:
        """Return windows in which the serving champion should have had traffic and nothing came."""
        from store import deployments, models

        model = self.settings.name
        alias = models.alias(self.deck.database, model, "champion")
        try:
            endpoint = deployments.endpoint(self.deck.database, model)
        except UnknownName:
            return []
        if alias is None or alias.version not in self.versions or endpoint.stopped_at is not None:
            return []
        present = {number for _, number in self.seen}
        numbers = silent(self.frame, alias.moved_at, present, SILENT_BACK)
        return [(alias.version, number) for number in numbers if (alias.version, number) not in self.stored]

    def is_enough(self, key: Key) -> bool:
        """Say whether a window may hold as many answered rows as a comparison asks for."""
        seen = self.seen.get(key, Seen())
        return seen.rows - seen.errors >= self.settings.monitor.min_rows

    def facts(self, version: Version, volumes: dict[int, int] | None = None) -> Facts:
        """Return what the rules read a window of a version against."""
        least = self.settings.monitor.min_rows
        fair = self.settings.gates.fairness
        return Facts(version, primary_metric(self.settings, version), least, volumes or {}, fair)

    def called(self, verdicts: list[Verdict]) -> list[Verdict]:
        """Return the verdicts with what the rules say of them, among all windows that are known."""
        now = {(one.window.version, one.window.from_at // self.frame.length_us): one.window for one in verdicts}
        windows: dict[int, list[Window]] = {}
        volumes: dict[int, int] = {}
        for one in sorted({**self.stored, **now}.values(), key=lambda window: -window.to_at):
            windows.setdefault(one.version, []).append(one)
            volumes[one.from_at] = volumes.get(one.from_at, 0) + one.rows
        facts = {number: self.facts(self.versions[number], volumes) for number in {key[0] for key in now}}
        return called(verdicts, rules_of(self.settings.alerts), windows, facts)

    def reference(self, version: Version) -> Reference:
        """Return the version's reference, made on first need."""
        if version.number not in self.references:
            self.references[version.number] = reference_of(self.deck, self.settings, version)
        return self.references[version.number]


def _horizon(prediction_ids: list[str], usual_us: int) -> int | None:
    """Return from when on to read: far enough back for every prediction whose outcome has come."""
    from engine.monitoring.layout import days_of

    if not prediction_ids:
        return usual_us
    span = days_of(prediction_ids)
    return None if span is None else min(usual_us, span[0] - 2 * 86_400 * SECOND_US)


def _rows(look: _Look, keys: list[Key]) -> dict[Key, WindowRows]:
    """Return the answered rows of each window, from one scan over the span of them all."""
    wanted = {key: look.reference(look.versions[key[0]]) if look.is_enough(key) else None for key in keys}
    return read_windows(look.deck, look.settings.name, cast("By", look.frame.by), look.frame.length_us, wanted)


def _outcomes(look: _Look, windows: dict[Key, WindowRows]) -> pa.Table:
    """Return the outcomes of the rows of some windows, read once for them all."""
    spans = [pc.min_max(one.rows["prediction_id"]).as_py() for one in windows.values() if len(one.rows)]
    if not spans:
        return outcomes.SCHEMA.empty_table()
    span = (min(one["min"] for one in spans), max(one["max"] for one in spans))
    return outcomes.between(look.deck, look.settings.name, span)


def _compute(look: _Look, key: Key, found: WindowRows | None, known: pa.Table, past: Past | None) -> Verdict | None:
    version, monitor = look.versions[key[0]], look.settings.monitor
    seen = look.seen.get(key, Seen())
    from_at, to_at = look.frame.span(key[1])
    rows = None if found is None else found.rows
    answered = 0 if rows is None else len(rows)
    enough = answered >= monitor.min_rows and look.is_enough(key)  # rows that came since are looked at next time
    performance = Performance(primary_metric(look.settings, version))
    features: list[dict[str, Any]] = []
    with_outcomes: pa.Table | None = None
    if found is not None and rows is not None:
        classes = look.reference(version).classes if enough else {}
        with_outcomes = outcomes.join(rows, known)
        performance = realised(with_outcomes, look.settings, version, classes, monitor.min_rows, past)
        features = compare_window(found, look.reference(version), version, monitor) if enough else []
    expected = estimated(found, look.settings, version, look.reference(version)) if enough and found else {}
    drifted = tuple(one for one in features if one["drifted"] and one["matters"])
    fast = latencies(rows)
    window = Window(
        id="",
        monitor=look.settings.name,
        model=look.settings.name,
        version=version.number,
        from_at=from_at,
        to_at=to_at,
        revision=0,
        verdict=_verdict(enough, performance, drifted),
        rows=answered + seen.errors,
        errors=seen.errors,
        latency_p50_ms=fast[0],
        latency_p99_ms=fast[1],
        coverage=performance.coverage,
        metrics={**_metrics(performance, seen), **expected},
        features=tuple(features),
        computed_at=look.frame.now_us,
        quality=quality_of(found, version) if enough else {},
    )
    reference = look.reference(version) if enough else None
    if reference is not None and with_outcomes is not None:
        fair = fairness_of(with_outcomes, look.settings, version, reference)
        window = replace(window, metrics={**window.metrics, **fair})
    parts = parts_of(found, with_outcomes, seen, look.settings, version, reference)
    newest = () if rows is None else tuple(rows["prediction_id"].slice(max(0, answered - TRACED)).to_pylist())
    return Verdict(replace(window, notes=_notes(look, window, version)), performance, True, newest, parts=parts)


def _keep(look: _Look, verdict: Verdict, fence: Fence | None) -> Verdict:
    from store import watching

    window = verdict.window
    before = look.stored.get((window.version, window.from_at // look.frame.length_us))
    with look.deck.database.write(fence) as tx:
        kept = watching.put_window(tx, window, verdict.parts)
    last = look.last_run_us
    untold = before is None or last is None or before.computed_at > last
    is_news = untold or (before is not None and before.verdict != kept.verdict)
    return replace(verdict, window=kept, is_news=is_news)


def _notes(look: _Look, window: Window, version: Version) -> tuple[dict[str, Any], ...]:
    """Return what a rule saw in a window and did not hold for an alert, and why."""
    facts, found = look.facts(version, {window.from_at: window.rows}), []
    for name, rule in rules_of(look.settings.alerts).items():
        signal = read(rule, window, facts)
        if rule.feature and window.features and all(one["name"] != rule.feature for one in window.features):
            told = f"v{version.number} has no input of that name"
            found.append({"rule": name, "title": f"drift of {rule.feature} is not looked at", "why": told})
        if signal.note:
            found.append({"rule": name, "title": _noted(rule, window), "why": signal.note})
    return tuple(found)


def _noted(rule: AlertRule, window: Window) -> str:
    if rule.on == "performance":
        return "performance is worse than promised"
    moved = [str(one["name"]) for one in window.features if one["drifted"] and rule.feature in ("", one["name"])]
    return f"drift in {', '.join(moved)}"


def _verdict(enough: bool, performance: Performance, drifted: tuple[dict[str, Any], ...]) -> str:
    if not enough:
        return "no data"
    if performance.degraded:
        return "degraded"
    return "drift" if drifted else "ok"


def _metrics(performance: Performance, seen: Seen) -> dict[str, dict[str, Any]]:
    if not seen.refused:
        return performance.metrics
    asked = seen.rows + seen.refused
    share = {"value": rounded(seen.refused / asked), "low": None, "high": None, "n": asked, "note": "share of requests"}
    return {**performance.metrics, "refused": share}
