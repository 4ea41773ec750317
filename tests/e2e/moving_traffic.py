"""Traffic of the tiny deck, window by window: as training knew it, or of another world; with what really happened."""

from __future__ import annotations

import datetime
import random

from tiny_deck import Row, Tiny

START = datetime.datetime(2024, 6, 1)  # windows begin at whole lengths since 1970
WINDOW_DAYS, PER_DAY = 5, 6


class Traffic:
    """Asks the endpoint window by window, and delivers what really happened."""

    def __init__(self, tiny: Tiny) -> None:
        self._tiny = tiny
        self._window = 0
        self._dice = random.Random(5)

    def window(self, *, bad: bool = False) -> None:
        """Send one window's rows with their outcomes, and a row that closes it; then look."""
        rows = [self._row(self._window, number, bad) for number in range(WINDOW_DAYS * PER_DAY)]
        self._window += 1
        asked = [*rows, self._row(self._window, 0, False)]
        told = ("night", "rooms", "season")
        file = self._tiny.write_rows([{name: row[name] for name in told} for row in asked], "asked.csv")
        answers = self._tiny("predict", "rates", str(file), "--json").data
        outcomes = [
            {"prediction_id": answer["prediction_id"], "value": row["price"]}
            for answer, row in zip(answers, rows, strict=False)
        ]
        assert self._tiny("outcomes", "rates", str(self._tiny.write_rows(outcomes, "outcomes.csv"))).code == 0
        assert self._tiny("monitors", "run", "rates", "--json").data["state"] == "succeeded"

    def _row(self, window: int, number: int, bad: bool) -> Row:
        """A night as training knew it; or one of large rooms in the high season that cost half as much again."""
        rooms = 4 if bad else self._dice.randint(1, 4)
        season = "high" if bad else self._dice.choice(["low", "high"])
        price = 40 * rooms + (30 if season == "high" else 0) + self._dice.gauss(0, 5)
        night = START + datetime.timedelta(days=window * WINDOW_DAYS, hours=number * 24 / PER_DAY)
        price = round(price * (1.5 if bad else 1), 2)
        return {"night": night.isoformat(), "rooms": rooms, "season": season, "price": price}
