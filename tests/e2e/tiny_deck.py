"""A tiny deck, driven only through the real `modeldeck` command."""

from __future__ import annotations

import csv
import datetime
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("modeldeck")
WITHIN_S = 60.0

MODEL = """
[model]
name = "rates"
task = "regression"
owner = "pricing"

[data]
source = "rates.csv"
time_column = "night"
target = "price"

[train]
estimator = "sklearn.linear_model.Ridge"
metric = "mae"
time_budget = "60s"

[gates]
mae = { max = 30.0, vs_champion = 1.5 }

[deploy]
min_samples = 20
max_wait = "1s"
rollout = [{ weight = 50, hold = "0s" }, { weight = 100 }]

[monitor]
every = "1h"
window = "5d"
by = "event"
min_rows = 10
"""

Row = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What one command left."""

    words: str
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        assert self.code == 0, self
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error object of a command that was asked for JSON: the last line of stderr."""
        told: dict[str, str] = json.loads(self.err.splitlines()[-1])["error"]
        assert set(told) == {"code", "message", "hint"}
        return told

    def refusal(self, code: int) -> str:
        """Return the one error line, after looking that it is one, the last, and that nothing else came of it."""
        assert (self.code, self.out) == (code, ""), self
        assert "Traceback" not in self.err, self
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert errors == self.err.splitlines()[-1:], self
        return errors[0].removeprefix("error: ")


@dataclass(frozen=True)
class Tiny:
    """A workspace folder and the command line on it, with a home of its own."""

    root: Path
    home: Path
    rows: list[Row]
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()  # what runs the command, as nsenter does in another network

    def __call__(self, *words: str, **options: Any) -> Said:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELDECK_")}
        usual = {"timeout": WITHIN_S, "env": {**environment, "HOME": str(self.home), **self.environment}}
        ran = subprocess.run(
            [*self.prefix, str(COMMAND), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.root,
            **{**usual, **options},
        )
        return Said(" ".join(words), ran.returncode, ran.stdout, ran.stderr)

    def write_model(self, text: str = MODEL, name: str = "rates") -> None:
        """Write a model file."""
        (self.root / "models" / f"{name}.toml").write_text(text)

    def write_rows(self, rows: list[Row], name: str = "rates.csv") -> Path:
        """Write rows as CSV."""
        path = self.root / name
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def asked(self, count: int) -> Path:
        """Write the newest rows without what is to be predicted."""
        kept = ("night", "rooms", "season")
        return self.write_rows([{name: row[name] for name in kept} for row in self.rows[-count:]], "asked.csv")

    def intact(self) -> None:
        """Look that the registry is whole: every event is where its hash says."""
        assert self("audit", "verify", "--json").data["ok"] is True

    def champion(self) -> int | None:
        """Return the version that serves, by the registry."""
        found: int | None = self("models", "--json").data[0]["champion"]
        return found

    def wait(self, condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
        """Return the first true answer."""
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)
        return found


def made_rows(count: int = 400) -> list[Row]:
    """Make nights with a price that rooms and season explain."""
    dice = random.Random(7)
    start = datetime.datetime(2024, 1, 1)
    rows = []
    for number in range(count):
        rooms, season = dice.randint(1, 4), dice.choice(["low", "high"])
        price = round(40 * rooms + (30 if season == "high" else 0) + dice.gauss(0, 5), 2)
        night = (start + datetime.timedelta(hours=6 * number)).isoformat()
        rows.append({"night": night, "rooms": rooms, "season": season, "price": price})
    return rows


def make_tiny(home: Path) -> Tiny:
    """Make a tiny workspace under a home, as a person would: `init`, then a model file and its rows."""
    root = home / "tiny"
    made = Tiny(home, home, [])("init", str(root), "--json")
    assert made.data["body"] == {"workspace": str(root)}
    tiny = Tiny(root, home, made_rows())
    tiny.write_rows(tiny.rows)
    tiny.write_model()
    return tiny
