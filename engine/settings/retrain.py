"""What brings about a training by itself, and what holds it back, as applied. Standard library only."""

from __future__ import annotations

import re
from typing import Any

from store.rows.frozen import dataclass

ON = ("drift", "performance", "estimated", "rows", "outcomes", "upstream")
PERIODS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400}
_BUDGET = re.compile(r"(\d{1,4}) (?:a|an|per) (hour|day|week)", re.ASCII)


@dataclass(frozen=True, slots=True)
class RetrainSettings:
    """What a model is trained anew upon, besides set times, and how often at most. Durations are seconds."""

    on: tuple[str, ...] = ()  # of ON
    rows: int = 0  # new rows, for `rows`
    outcomes: int = 0  # predictions whose outcome has come, for `outcomes`
    upstream: str = ""  # the model whose new champion asks for it, for `upstream`
    cooldown_s: float = 6 * 3600.0  # from the start of the newest training, whoever asked for it
    budget: int = 4  # automatic trainings within `budget_s`
    budget_s: int = PERIODS["day"]
    promote: str = "never"  # never, when-gates-pass: of a version that no person asked for
    rollback: str = "never"  # never, on-drop
    compare: str = ""  # "", replay (of logged inputs), shadow (of the live traffic): with the champion

    @property
    def budget_text(self) -> str:
        """The budget as a file says it."""
        period = next(name for name, seconds in PERIODS.items() if seconds == self.budget_s)
        return f"{self.budget} {'an' if period == 'hour' else 'a'} {period}"

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> RetrainSettings:
        """Rebuild from a settings body."""
        return cls(**{**body, "on": tuple(body["on"])}) if body else cls()


def read_budget(text: Any) -> tuple[int, int]:
    """Read `4 a day` as (4, 86400).

    Raises:
        ValueError: it says no number in a period.
    """
    found = _BUDGET.fullmatch(text) if isinstance(text, str) else None
    if found is None or int(found[1]) < 1:
        raise ValueError('write how many in which time, such as "4 a day", "1 an hour" or "2 a week"')
    return int(found[1]), PERIODS[found[2]]
