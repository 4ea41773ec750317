"""The days of a story: which rows come on which of them, and the ids they are asked under, the same in each life."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from console.demo.files import Recipe
from console.demo.traffic import LaterRow

DAY_US = 86_400_000_000
CHEAP = '[train]\ntrials = 0\ntime_budget = "3600s"\n'


@dataclass(frozen=True)
class Story:
    """What of an example is lived through: from its first version's last day until an end, both as dates."""

    example: str
    begins: str
    ends: str
    oracle_days: int  # days between two trainings of the oracle
    estimator: str = "auto"
    look: str = "1d"  # how often monitors look

    @property
    def days(self) -> int:
        """How many days it has."""
        return (midnight(self.ends) - midnight(self.begins)) // DAY_US

    def recipe(self, shipped: Recipe) -> Recipe:
        """Return the example's recipe over the days of the story."""
        return replace(shipped, replay_from=self.begins, replay_to=self.ends)


def cheap(file: Path, story: Story, *, retrain: bool, watch: bool) -> None:
    """Let trainings take seconds, each family by its defaults, and monitors look as the story has it. The rest stands.

    Without `retrain` or `watch` its section goes.
    """
    found = re.sub(r"(?m)^(trials|time_budget) = .*\n", "", file.read_text(encoding="utf-8"))
    found = found.replace("[train]\n", CHEAP, 1)
    found = re.sub(r"(?m)^estimator = .*$", f'estimator = "{story.estimator}"', found)
    found = re.sub(r'(?ms)(^\[monitor\]\n.*?^every = )"[^"]*"', rf'\1"{story.look}"', found)
    for section, stays in (("retrain", retrain), ("monitor", watch)):
        if not stays:
            found = re.sub(rf"(?ms)^\[{section}\]\n.*?(?=^\[|\Z)", "", found)
    file.write_text(found, encoding="utf-8")


def days_of(rows: Iterable[LaterRow], begins_us: int) -> dict[int, list[LaterRow]]:
    """Return day -> its rows in order of time; a day without a row has an empty list."""
    found: dict[int, list[LaterRow]] = defaultdict(list)
    for row in rows:
        found[(us(row.at) - begins_us) // DAY_US].append(row)
    return found


def pieces(rows: list[LaterRow], size: int) -> list[list[LaterRow]]:
    """Return rows as requests of at most `size`."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def request_id(at_us: int, day: int, place: int) -> str:
    """Return a UUIDv7 of a moment as a router mints them, its random part being the request's place in the story."""
    return f"{at_us // 1000 << 80 | 0x7 << 76 | 0b10 << 62 | day << 32 | place:032x}"


def keys_of(piece: list[LaterRow], day: int, place: int) -> list[tuple[str, int]]:
    """Return prediction id and event time (microseconds UTC) of each row of a request."""
    id = request_id(us(piece[0].at), day, place)
    return [(f"{id}-{number}", us(row.at)) for number, row in enumerate(piece)]


def midnight(text: str) -> int:
    """Return the beginning of a day as microseconds UTC."""
    return us(dt.datetime.fromisoformat(text))


def us(at: dt.datetime) -> int:
    """Return a time without a zone, which is UTC, as microseconds."""
    return (at.replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
