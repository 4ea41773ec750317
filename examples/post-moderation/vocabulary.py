"""Which words came and which went, year by year: `python vocabulary.py [WORDS] [--json]`.

A word counts once per post. Words are ordered by how sure the change is: the z-score of the log-odds ratio with an
informative Dirichlet prior, which is both years together (Monroe, Colaresi and Quinn, Fightin' Words, 2008). The
distance is the Jensen-Shannon divergence of the words of both years, 0 to 1; `by chance` is that of two random halves
of both together, of the same sizes.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

WORD = re.compile(r"[a-z#@][a-z']{2,}")
LINK = re.compile(r"https?\S*|t\.co\S*")
LEAST = 100  # posts of a year; fewer say nothing of its words
COMMON = frozenset(
    """
    a about after all am amp an and any are as at be because been being but by can did do does don't for from get go
    going had has have he her him his how i i'm if in into is it it's its just let like make me more much my never
    new no not now of on one only or our out over own she should so than that the their them then there they this
    time to too up us very via was we were what when where which who why will with would you your
    """.split()  # noqa: SIM905 (a list of words, one string is how it reads)
)


def words_of(text: str) -> set[str]:
    """Return the words of a post, links and the commonest words left out."""
    return set(WORD.findall(LINK.sub(" ", text.lower().replace("\u2019", "'")))) - COMMON


def counted(posts: list[set[str]]) -> Counter[str]:
    """Return in how many posts each word stands."""
    return Counter(word for post in posts for word in post)


def changes(before: Counter[str], after: Counter[str]) -> dict[str, float]:
    """Return word -> z-score of its log-odds ratio, above 0 for what came."""
    both = before + after
    prior, sums = sum(both.values()), (sum(before.values()), sum(after.values()))
    found = {}
    for word, known in both.items():
        odds = []
        for counts, total in zip((before, after), sums, strict=True):
            here = counts[word] + known
            odds.append((np.log(here / (total + prior - here)), 1.0 / here))
        (first, first_variance), (second, second_variance) = odds
        found[word] = float((second - first) / np.sqrt(first_variance + second_variance))
    return found


def distance(before: Counter[str], after: Counter[str]) -> float:
    """Return the Jensen-Shannon divergence of two counts of words, 0 to 1 (logarithms of base 2)."""
    names = sorted(before.keys() | after.keys())
    first, second = (np.array([counts[name] for name in names], dtype=float) for counts in (before, after))
    first, second = first / first.sum(), second / second.sum()
    middle = (first + second) / 2

    def relative(one: np.ndarray) -> float:
        return float((one[one > 0] * np.log2(one[one > 0] / middle[one > 0])).sum())

    return (relative(first) + relative(second)) / 2


def by_chance(before: list[set[str]], after: list[set[str]]) -> float:
    """Return the distance that two years have which differ by chance alone."""
    both = [*before, *after]
    order = np.random.default_rng(7).permutation(len(both))
    cut = len(before)
    return distance(counted([both[at] for at in order[:cut]]), counted([both[at] for at in order[cut:]]))


def years_beside(most: int) -> list[dict[str, Any]]:
    """Return each year of `LEAST` posts or more beside the one before: posts, distance, and what came and went.

    A word is `{"word", "before", "after"}`, both in posts of 1,000.
    """
    from posts import load

    table = load()
    of = pd.DatetimeIndex(table["created_at"]).year
    posts = {int(year): [words_of(text) for text in table["text"][of == year]] for year in sorted(set(of))}
    years = [year for year in posts if len(posts[year]) >= LEAST]
    found = []
    for last, year in itertools.pairwise(years):
        sides = posts[last], posts[year]
        counts = counted(sides[0]), counted(sides[1])
        order = sorted((score, word) for word, score in changes(*counts).items())

        def told(words: list[tuple[float, str]], counts: Any = counts, sides: Any = sides) -> list[dict[str, Any]]:
            rates = ((1000 * counts[side][word] / len(sides[side]) for side in (0, 1)) for _, word in words)
            return [
                {"word": word, "before": round(before, 1), "after": round(after, 1)}
                for (_, word), (before, after) in zip(words, rates, strict=True)
            ]

        found.append(
            {
                "years": [last, year],
                "posts": [len(side) for side in sides],
                "distance": round(distance(*counts), 3),
                "by_chance": round(by_chance(*sides), 3),
                "came": told(order[: -most - 1 : -1]),
                "went": told(order[:most]),
            }
        )
    return found


def say(line: str) -> None:
    """Write a line of what is asked for."""
    sys.stdout.write(f"{line}\n")


def main(words: list[str]) -> None:
    """Print each year beside the year before."""
    numbers = [int(word) for word in words if word.isdecimal()]
    found = years_beside(numbers[0] if numbers else 8)
    if "--json" in words:
        say(json.dumps(found, indent=1))
        return
    for one in found:
        (last, year), (before, after) = one["years"], one["posts"]
        apart = f"{one['distance']:.3f} apart, {one['by_chance']:.3f} by chance"
        say(f"{last} ({before:,} posts) to {year} ({after:,}): {apart}")
        for title in ("came", "went"):
            say(f"  {title}, per 1,000 posts")
            for row in one[title]:
                say(f"    {row['word']:<24}{row['before']:>6.1f} to {row['after']:>6.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
