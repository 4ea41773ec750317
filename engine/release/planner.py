"""How many rows a weight step must see before a harm of a stated size would have shown, and how long that takes. Pure.

The test is `engine.release.sequential`'s: an e-value that must reach 1/alpha. Per row of the new version, events (here
errors) arrive there at rate p1 and on the champion at p0 (1 - s) / s, where s is the new version's share of rows. The
log of the likelihood ratio then climbs as a random walk of drift and variance

    mu = p1 log(q / s) + p0 (1 - s) / s log((1 - q) / (1 - s)),  q = p1 / (p1 + p0 (1 - s) / s)
    var = p1 log(q / s)^2 + p0 (1 - s) / s log((1 - q) / (1 - s))^2

so that after n rows it has passed b = log(1 / alpha) + log(GRID) (a mixture is at least 1/GRID of its best part) with
probability `POWER` where n mu - z sqrt(n var) >= b. Sources: A. Wald, "Sequential Tests of Statistical Hypotheses",
1945 (drift of the likelihood ratio); H. Robbins, "Statistical Methods Related to the Law of the Iterated Logarithm",
1970 (mixtures as tests of power one); J. Ville 1939 (the bound 1/alpha).

Moved answers are seen where their share exceeds what is forgiven by the margin of `engine.release.answers` and by the
chance of a share, at most Z / 2 sqrt(1/n + 1/m). Realised metrics are not planned: outcomes come when they come.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.release.answers import GROWTH, LEAST, margin_of, size_asked
from engine.release.sequential import ALPHA, GRID
from engine.settings.durations import written

if TYPE_CHECKING:
    from engine.plans import PlanStep

POWER = 0.9  # chance that a harm of the stated size has shown by then
Z = 1.2816  # of the normal distribution, for POWER
USUAL_ERRORS = 0.001  # where the champion's own error rate is not known
LARGEST_HARM = 0.9
MOST_SHARE = 0.5  # at full weight the control is the time before, taken to be as much


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an endpoint is asked now: rows a second, and the share of them that fail."""

    rate: float = 0.0
    error_rate: float = USUAL_ERRORS


NO_TRAFFIC = Traffic()


def traffic_of(rows: int, errors: int, seconds: float) -> Traffic:
    """Return the traffic that was seen; an error rate of few rows is drawn towards the usual one."""
    if rows == 0 or seconds <= 0:
        return Traffic()
    return Traffic(rows / seconds, (errors + 1.0) / (rows + 1.0 / USUAL_ERRORS))


def rows_to_see(harm: float, weight: int, usual: float = USUAL_ERRORS, alpha: float = ALPHA) -> int:
    """Return the rows of the new version after which `harm` more errors (a share of rows) would have shown.

    `weight` is the step's percentage and `usual` the champion's error rate.
    """
    share = min(weight / 100.0, MOST_SHARE)
    usual = min(max(usual, 1e-6), 0.999)
    worse = min(usual + harm, 1.0)
    other = usual * (1.0 - share) / share
    chance = min(worse / (worse + other), share + (1.0 - share) * GRID / (GRID + 1))
    up, down = math.log(chance / share), math.log((1.0 - chance) / (1.0 - share))
    drift, variance = worse * up + other * down, worse * up**2 + other * down**2
    bound = math.log(1.0 / alpha) + math.log(GRID)
    # n drift - Z sqrt(n variance) = bound, solved for sqrt(n)
    root = (Z * math.sqrt(variance) + math.sqrt(Z**2 * variance + 4.0 * drift * bound)) / (2.0 * drift)
    return math.ceil(root**2)


def harm_to_see(rows: int, weight: int, usual: float = USUAL_ERRORS) -> float | None:
    """Return the smallest harm that `rows` rows would show, None where they would show none."""
    if rows_to_see(LARGEST_HARM, weight, usual) > rows:
        return None
    low, high = 0.0, LARGEST_HARM
    while high - low > 0.0005:
        middle = (low + high) / 2
        low, high = (low, middle) if rows_to_see(middle, weight, usual) <= rows else (middle, high)
    return high


def moved_to_see(rows: int, weight: int, size: float) -> float | None:
    """Return the smallest share of moved answers that `rows` rows would show beyond `size`, None where none would."""
    if rows < LEAST:
        return None
    share = min(weight / 100.0, MOST_SHARE)
    beside = rows * (1.0 - share) / share
    looks = 1 + math.ceil(math.log(rows / LEAST) / math.log(GROWTH))
    chance = Z / 2.0 * math.sqrt(1.0 / rows + 1.0 / beside)
    seen = size_asked(size, concurrent=weight < 100) + margin_of(rows, beside, looks) + chance
    return seen if seen <= 1.0 else None


def rows_to_see_moved(moved: float, weight: int, size: float) -> int | None:
    """Return the rows after which `moved` answers (a share) would have shown, None where the step forgives as many."""
    if moved <= size_asked(size, concurrent=weight < 100):
        return None
    low, high = int(LEAST), int(LEAST)
    while (moved_to_see(high, weight, size) or 2.0) > moved:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if (moved_to_see(middle, weight, size) or 2.0) <= moved else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class Need:
    """What one weight step needs: rows of the new version, the harm they show, the seconds they take at the present
    traffic (None without any), and the share of moved answers that they show."""

    rows: int
    harm: float | None
    takes_s: float | None
    moved: float | None = None


def need(
    weight: int,
    hold_s: float,
    min_samples: int,
    detect: float | None,
    traffic: Traffic,
    size: float | None = None,
    moved: float | None = None,
) -> Need:
    """Return what a weight step needs: the rows a stated harm asks for, never fewer than `min_samples`.

    `detect` is more errors and `moved` a share of moved answers, of which `size` are forgiven (None judges none).
    """
    rows = min_samples
    if detect is not None:
        rows = max(rows, rows_to_see(detect, weight, traffic.error_rate))
    if moved is not None and size is not None:
        rows = max(rows, rows_to_see_moved(moved, weight, size) or 0)
    arriving = traffic.rate * weight / 100.0
    # What the stated rows would show is told where the champion's error rate is known, from its traffic.
    harm = detect if detect or not arriving else harm_to_see(rows, weight, traffic.error_rate)
    shown = moved_to_see(rows, weight, size) if size is not None and (moved is not None or arriving) else None
    return Need(rows, harm, max(rows / arriving, hold_s) if arriving > 0 else None, shown)


def need_line(weight: int, version: int, hold_s: float, needed: Need, rate: float, max_wait_s: float) -> str:
    """Say a weight step in one line; `rate` is of all rows, a second."""
    harms = [f"+{needed.harm * 100:.2g} % errors"] if needed.harm is not None else []
    harms += [f"{math.ceil(needed.moved * 100)} % of answers moved"] if needed.moved is not None else []
    shows = f" to see {' or '.join(harms)}" if harms else ""
    to, wait = f"{weight} % of traffic to v{version}", written(max_wait_s)
    if needed.takes_s is None:
        hold = f" and {written(hold_s)}" if hold_s else ""
        return f"{to}, until {needed.rows:,} live rows{shows}{hold}; held after {wait} without"
    told = f"{to} for about {about(needed.takes_s)}: {needed.rows:,} rows at {rate * weight / 100:.2g}/s{shows}"
    return f"{told}; held after {wait}" if needed.takes_s > max_wait_s else told


def short_steps(steps: Sequence[PlanStep]) -> tuple[str, ...]:
    """Return a sentence where present traffic will not fill a weight step, which is then held; else nothing."""
    for step in steps:
        if step.kind != "weight" or "planned" not in step.args:
            continue
        takes_s, wait_s = step.args["planned"]["takes_s"], step.args["max_wait_s"]
        if takes_s is not None and takes_s <= wait_s:
            continue
        rate = step.args["planned"]["rate"] * step.args["weight"] / 100
        seen = (
            f"the last ten minutes' traffic brings {rate * wait_s:.0f}" if takes_s is not None else "nobody asks it now"
        )
        wanted = f"{step.args['min_samples']:,} rows within {written(wait_s)}"
        held = "without more, the release will be held there (exit 7)"
        return (f"the step of {step.args['weight']} % wants {wanted}; {seen}: {held}",)
    return ()


def about(seconds: float) -> str:
    """Write a length of time in its largest unit, rounded: 40s, 14m, 3h."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{max(seconds, 1):.0f}s"
