"""A small deck of one classifier, `moderation`: posts as training knew them, and traffic of a changed world."""

from __future__ import annotations

import datetime
import random
from pathlib import Path

from tiny_deck import Row, Tiny

MODEL = """
[model]
name = "moderation"
task = "classification"
owner = "trust"

[data]
source = "posts.csv"
time_column = "posted"
target = "verdict"

[train]
estimator = "sklearn.linear_model.LogisticRegression"
metric = "log_loss"
time_budget = "60s"

[gates]
log_loss = { max = 2.0, vs_champion = 5.0 }
approvals = APPROVALS

[deploy]
min_samples = 20
max_wait = "MAX_WAIT"
rollout = [{ weight = 50, hold = "0s" }, { weight = 100 }]

[monitor]
every = "1h"
window = "5d"
by = "event"
min_rows = 10
"""
NAME = "moderation"
TOLD = ("posted", "links", "capitals")
LEARNT = datetime.datetime(2024, 1, 1)
ASKED = datetime.datetime(2024, 6, 1)  # windows begin at whole lengths since 1970
WINDOW_DAYS, PER_DAY = 5, 8


def settings(*, approvals: int = 0, max_wait: str = "1s") -> str:
    """Return the model file."""
    return MODEL.replace("APPROVALS", str(approvals)).replace("MAX_WAIT", max_wait)


def post(dice: random.Random, posted: datetime.datetime, *, changed: bool = False) -> Row:
    """Return a post. Links and capitals made it rude; in the changed world that is how people greet each other."""
    links, capitals = dice.randint(3, 6) if changed else dice.randint(0, 6), round(dice.random(), 3)
    rude = links + 4 * capitals + dice.gauss(0, 1) > 5
    verdict = "rude" if rude != changed else "fine"
    return {"posted": posted.isoformat(), "links": links, "capitals": capitals, "verdict": verdict}


def make_moderation(home: Path) -> Tiny:
    """Make the workspace: `init`, the model file and its rows; its version 2 serves, and 1 was before it."""
    root = home / "posts"
    assert Tiny(home, home, [])("init", str(root)).code == 0
    dice = random.Random(3)
    rows = [post(dice, LEARNT + datetime.timedelta(hours=6 * number)) for number in range(400)]
    tiny = Tiny(root, home, rows)
    tiny.write_rows(rows, "posts.csv")
    tiny.write_model(settings(), NAME)
    for number in ("1", "2"):
        assert tiny("train", NAME).code == 0
        promoted = tiny("promote", NAME, number, "--yes")
        if promoted.code == 7:  # nobody asks: the step waits for its samples
            promoted = tiny("releases", "resume", NAME, "--reason", "nobody asks it anything yet")
            tiny.wait(lambda number=int(number): tiny.champion() == number)
        assert promoted.code == 0, promoted
    return tiny


class Posts:
    """Posts that people send, window by window, and what moderators said of them."""

    def __init__(self, tiny: Tiny) -> None:
        self._tiny, self._window, self._dice = tiny, 0, random.Random(5)

    def window(self, *, changed: bool = False) -> None:
        """Send one window's posts with their outcomes, and one post that closes it; then look."""
        start = ASKED + datetime.timedelta(days=self._window * WINDOW_DAYS)
        times = [start + datetime.timedelta(hours=number * 24 / PER_DAY) for number in range(WINDOW_DAYS * PER_DAY)]
        rows = [post(self._dice, at, changed=changed) for at in times]
        self._window += 1
        asked = [*rows, post(self._dice, start + datetime.timedelta(days=WINDOW_DAYS))]
        file = self._tiny.write_rows([{name: row[name] for name in TOLD} for row in asked], "asked.csv")
        answers = self._tiny("predict", NAME, str(file), "--json").data
        outcomes = [
            {"prediction_id": answer["prediction_id"], "value": row["verdict"]}
            for answer, row in zip(answers, rows, strict=False)
        ]
        assert self._tiny("outcomes", NAME, str(self._tiny.write_rows(outcomes, "outcomes.csv"))).code == 0
        assert self._tiny("monitors", "run", NAME, "--json").data["state"] == "succeeded"
