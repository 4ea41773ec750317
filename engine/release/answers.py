"""Do both versions give answers of one kind? Live answers of one interval, compared. Pure.

Three things are asked of the answers, each a null hypothesis that leaves room for a version that is merely different:

- numbers (`value`, or the positive class's score): at most the stated share has moved beyond the tolerance,
- labels: no class's share has changed by more than the stated share,
- rates: no class is answered `RATE` times as often, or as seldom, as the champion answers it (a rare class may vanish
  without moving any share).

Looks are few, each time a quarter more rows have come, and look k may err with 6 / (pi k)^2 of the whole chance, so
that all looks together wrongly accuse with at most `ALPHA` (union bound). The rates' e-value may be looked at always.
Rows of one request are not independent: they count as the number of independent rows they are worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from engine.release.sequential import ALPHA, e_value

LEAST = 50.0  # independent rows of each version below which nothing is said
GROWTH = 1.25  # rows of the new version from one look to the next
RATE = 4.0  # a class answered this many times as often, or as seldom
SCORE_TOLERANCE = 0.1  # a probability may move by this much unnoticed
PARTS = 3  # numbers, labels, rates share ALPHA
SIZE_FROM_BEFORE = 2.0  # where the control is of an earlier time, whose requests were others
MOST_SIZE = 0.9


@dataclass(frozen=True, slots=True)
class Answers:
    """Answered rows of one version: prediction ids, the request of each, numeric outputs by name, and labels."""

    ids: tuple[str, ...] = field(default=(), repr=False)
    requests: tuple[str, ...] = field(default=(), repr=False)
    numbers: dict[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    labels: tuple[str, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Found:
    """One comparison at one look: passed (a difference of `size` is ruled out), failed (there is one), inconclusive, or
    no data. `suspect` says that this look alone would have accused: a few more rows will tell."""

    verdict: str
    detail: str
    figures: dict[str, Any] = field(default_factory=dict)
    suspect: bool = False


def spent(look: int) -> float:
    """Return the part of the chance to err that look number `look` (from 1) may use; all parts add up to 1."""
    return 6.0 / (math.pi * look) ** 2


def size_asked(size: float, *, concurrent: bool) -> float:
    """Return the share from which answers are too different; twice the stated one where the control is of before."""
    return size if concurrent else min(MOST_SIZE, size * SIZE_FROM_BEFORE)


def is_due(rows: float, looked_rows: float) -> bool:
    """Say whether enough rows have come since the last look."""
    return rows >= LEAST and rows >= GROWTH * looked_rows


def margin_of(n: float, m: float, look: int) -> float:
    """Return by how much the measured share may miss the true one at a look of n and m independent rows.

    Each empirical distribution is within its own bound everywhere, for every tolerance at once (A. Dvoretzky,
    J. Kiefer, J. Wolfowitz 1956, with P. Massart's constant, 1990).
    """
    alpha = ALPHA * spent(look) / PARTS
    return math.sqrt(math.log(4.0 / alpha) / 2.0) * (1.0 / math.sqrt(n) + 1.0 / math.sqrt(m))


def compare(new: Answers, champion: Answers, size: float, look: int, *, concurrent: bool = True) -> Found:
    """Compare the answers of both versions at one look; `size` is the share from which they are too different.

    `concurrent` says that the champion's answers are of the same time; else only twice the size accuses.
    """
    from engine.measures import shift

    n, m = shift.effective(new.requests), shift.effective(champion.requests)
    figures: dict[str, Any] = {"rows": [len(new), len(champion)], "independent": [round(n), round(m)], "look": look}
    figures["size"] = size = size_asked(size, concurrent=concurrent)
    if min(n, m) < LEAST:
        told = f"{round(n)} and {round(m)} independent rows, {LEAST:.0f} of each needed"
        return Found("no data", told, figures)
    moved = _apart(new, champion)
    if moved is None:
        return Found("no data", "answers of this task are not compared", figures)
    apart, told = moved
    margin = margin_of(n, m, look)
    low, high = max(0.0, apart - margin), min(1.0, apart + margin)
    figures |= {"apart": round(apart, 4), "low": round(low, 4), "high": round(high, 4)}
    beyond = f"{told}, at least {low * 100:.0f} % beyond chance; {size * 100:.0f} % is asked"
    if low > size:
        return Found("failed", beyond, figures)
    accused = _rates(new, champion, n, m)
    if accused:
        return Found("failed", accused, figures)
    if high <= size:
        return Found("passed", f"{told}, at most {high * 100:.0f} % beyond chance", figures)
    alone = math.sqrt(math.log(2.0 / ALPHA) / 2.0) * math.sqrt(1.0 / n + 1.0 / m)
    within = f"{told}; with these rows it may be {low * 100:.0f} to {high * 100:.0f} %"
    return Found("inconclusive", within, figures, suspect=apart - alone > size)


def _apart(new: Answers, champion: Answers) -> tuple[float, str] | None:
    """Return the larger of what numbers and labels say, and in words; None where there is neither."""
    from engine.measures import shift

    found: list[tuple[float, str]] = []
    for name in ("value", *_positive(champion)):
        reference, given = champion.numbers.get(name, ()), new.numbers.get(name, ())
        if reference and given:
            within = shift.tolerance(reference) if name == "value" else SCORE_TOLERANCE
            share = shift.moved(given, reference, within)
            found.append((share, f"{share * 100:.0f} % of {name} moved by more than {within:.4g}"))
    if new.labels and champion.labels:
        share, label = shift.shares_moved(new.labels, champion.labels)
        found.append((share, f"the share of {label!r} changed by {share * 100:.0f} %"))
    return max(found, key=lambda one: one[0]) if found else None


def _positive(answers: Answers) -> tuple[str, ...]:
    """Return the score of the positive (last) class where there are two; of more classes the labels tell."""
    scores = [name for name in answers.numbers if name.startswith("scores.")]
    return (scores[-1],) if len(scores) == 2 else ()


def _rates(new: Answers, champion: Answers, n: float, m: float) -> str:
    """Return which class one version answers `RATE` times as often as the other, beyond doubt, or nothing."""
    if not new.labels or not champion.labels:
        return ""
    classes = sorted({*new.labels, *champion.labels})
    bound = 2.0 * PARTS * len(classes) / ALPHA
    worth_new, worth_champion = n / len(new), m / len(champion)
    for name in classes:
        ours, theirs = new.labels.count(name) * worth_new, champion.labels.count(name) * worth_champion
        said = f"{name!r} was answered {new.labels.count(name)} of {len(new)} times"
        beside = f"{champion.labels.count(name)} of {len(champion)} on the champion"
        if e_value(ours, theirs, RATE * n / (RATE * n + m)) >= bound:
            return f"{said}, {beside}: more than {RATE:.0f} times as often"
        if e_value(theirs, ours, RATE * m / (RATE * m + n)) >= bound:
            return f"{said}, {beside}: less than a quarter as often"
    return ""
