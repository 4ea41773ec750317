"""Is the new version hurting anyone? Live rows of both versions over one interval, judged. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.release.answers import Answers
from engine.release.sequential import is_worse, quantile, slower_count

LATENCY_QUANTILE = 0.9  # answers slower than the champion's slowest tenth are counted
LATENCY_FACTOR = 1.5  # a difference an operator would act on
FACTOR_FROM_BEFORE = 3.0  # where the control is of an earlier time: load may have changed since, and with it latency
LATENCY_FLOOR_MS = 5.0  # below this nobody notices
LATENCY_ROWS = 50  # control rows needed before their quantile means something
UNCONTROLLED_ERRORS = 0.5  # without any control rows, only this error rate is harm beyond doubt


@dataclass(frozen=True, slots=True)
class Live:
    """What one deployment did in an interval: rows answered or failed, failures among them, requests refused as the
    caller's mistake (not among the rows), one latency per request, and the answers."""

    rows: int = 0
    errors: int = 0
    latencies_ms: tuple[float, ...] = field(default=(), repr=False)
    refused: int = 0
    answers: Answers = field(default_factory=Answers, repr=False)

    @property
    def asked(self) -> int:
        """Everything that reached the version, refused requests included."""
        return self.rows + self.refused

    def summary(self) -> dict[str, Any]:
        """Return the figures that go on record."""
        p99 = round(quantile(self.latencies_ms, 0.99), 3) if self.latencies_ms else None
        return {"rows": self.rows, "errors": self.errors, "refused": self.refused, "latency_p99_ms": p99}


@dataclass(frozen=True, slots=True)
class Verdict:
    """passed (samples and hold are there, no harm seen), failed (harm seen), waiting, inconclusive (waited enough for a
    difference to become certain or to go away), or no data (waited enough for rows)."""

    verdict: str
    detail: str


@dataclass(frozen=True, slots=True)
class StepNeeds:
    """What a weight step asks before traffic goes on; an answer within `tolerated_ms` is never called slow.

    `concurrent` says that the control's rows are of the same time, which at full weight they cannot be.
    """

    min_samples: int
    hold_s: float
    max_wait_s: float
    tolerated_ms: float = 0.0
    concurrent: bool = True


def judge(new: Live, champion: Live, elapsed_s: float, needs: StepNeeds, *, silence_accepted: bool = False) -> Verdict:
    """Judge one look at a weight step.

    `silence_accepted` says that an approver resumed this release after a step without data: a step in which no live
    row came at all then goes on at its hold. Rows that do come are judged, and harm aborts, whatever was accepted.
    """
    harm = find_harm(new, champion, needs.tolerated_ms, LATENCY_FACTOR if needs.concurrent else FACTOR_FROM_BEFORE)
    if harm:
        return Verdict("failed", harm)
    held = elapsed_s >= needs.hold_s
    if new.rows >= needs.min_samples:
        return Verdict("passed" if held else "waiting", f"{new.rows} live rows, no harm seen")
    if silence_accepted and held and new.asked == 0:
        return Verdict("no data", "no live rows; going on without them was accepted on record")
    if elapsed_s >= max(needs.max_wait_s, needs.hold_s):
        return Verdict("no data", f"{new.rows} of {needs.min_samples} live rows after {elapsed_s:.0f} s")
    return Verdict("waiting", f"{new.rows} of {needs.min_samples} live rows")


def find_harm(new: Live, champion: Live, tolerated_ms: float = 0.0, factor: float = LATENCY_FACTOR) -> str:
    """Return what the new version does worse than the champion over the same interval, or nothing.

    `tolerated_ms` is the latency bound that the settings state: on a busy host answers stall in bursts that fall on
    one server by chance, and what the owner calls quick enough hurts nobody. `factor` is how many times the champion's
    slowest tenth an answer takes that is called slow.
    """
    if is_worse(new.errors, champion.errors, new.rows, champion.rows):
        return f"errors: {_rate(new)} on the new version, {_rate(champion)} on the champion"
    # A caller's mistake falls on both alike; a version that refuses what the champion takes is harm.
    if is_worse(new.refused, champion.refused, new.asked, champion.asked):
        on_champion = f"{champion.refused} of {champion.asked} on the champion"
        return f"refused: {new.refused} of {new.asked} requests on the new version, {on_champion}"
    if champion.rows == 0 and new.rows >= LATENCY_ROWS and new.errors >= UNCONTROLLED_ERRORS * new.rows:
        return f"errors: {_rate(new)} on the new version, and no champion rows to compare with"
    if len(champion.latencies_ms) >= LATENCY_ROWS and new.latencies_ms:
        usual = quantile(champion.latencies_ms, LATENCY_QUANTILE)
        threshold = max(usual * factor, usual + LATENCY_FLOOR_MS, tolerated_ms)
        slow_new = slower_count(new.latencies_ms, threshold)
        slow_champion = slower_count(champion.latencies_ms, threshold)
        if is_worse(slow_new, slow_champion, len(new.latencies_ms), len(champion.latencies_ms)):
            share = f"{slow_new} of {len(new.latencies_ms)} answers slower than {threshold:.1f} ms"
            return f"latency: {share}, {slow_champion} of {len(champion.latencies_ms)} on the champion"
    return ""


def _rate(live: Live) -> str:
    return f"{live.errors} of {live.rows} rows"
