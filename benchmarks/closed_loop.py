"""The time of an example, lived four times: never retrained, monthly, by our loop, by an oracle that always is.

    python benchmarks/closed_loop.py [--only EXAMPLE] [--arm LIFE] [--quick] [--json FILE] [--png DIR] [--folder DIR]

Each life is a deck of its own on a clock of its own, in this process, without a sleep: the day's rows are answered by
the champion and logged, outcomes come after the example's delay, and in our loop monitor, rules, triggers, dampers, the
training and the gates are the product's, under the settings that the example ships. `limit` is the oracle, trained by
the same function every day (of `post-moderation` every week, four years of days being too many): the goal is at
most 1.05 times its error with at most a quarter of its trainings. An alert is right where the oracle's versions had a
loss smaller by a tenth on the rows of one of its windows, and a window has harm where they had.

The error is the model's metric over all rows, or its distance from 1. Not walked are servers, router and the weight
steps of a release, for which a replay has no live rows: a release asks its gates on stored rows, then the champion
moves. Trainings search nothing, the same in each life: each family by its defaults, and no time budget that a busy
machine could run out of. Monitors look once a day, once a week over four years. What has ended is kept in `--folder`
and not lived again; a run that was killed goes on with its day. `--arm` lives one life alone, so that the four of an
example may be lived in processes of their own; without it what they left is then shown.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from figures import ROOT, Row, arguments, show

sys.path.insert(0, str(ROOT))

from engine.threads import ONE_THREAD

os.environ.update(ONE_THREAD)  # as in a job's process, before any numeric library is loaded

import loop_plot
from loop_arms import ARMS, Life, judge_alerts, live
from loop_days import Story

STORIES = {
    "departure-demand": Story("departure-demand", "2013-04-01", "2014-01-01", 1, "boosting"),
    "nightly-rates": Story("nightly-rates", "2016-11-15", "2017-09-01", 1),
    "post-moderation": Story("post-moderation", "2014-01-01", "2018-01-01", 7, look="7d"),
}
QUICK = Story("nightly-rates", "2016-11-25", "2016-12-05", 4, "sklearn.linear_model.Ridge")
MOST_LOSS, MOST_TRAININGS = 1.05, 0.25  # of the oracle's
QUICKLY = "a slice of ten days, in which no outcome comes: whether it runs, not how good it is"


def main() -> None:
    """Live, and show."""
    named = arguments("closed_loop", _more)
    if named.arm and not (named.only and named.folder):
        raise SystemExit("--arm needs --only and --folder: a life alone is shown by a later run over the same folder")
    wanted = [QUICK] if named.quick else [story for name, story in STORIES.items() if named.only in (None, name)]
    with tempfile.TemporaryDirectory(prefix="md-") as temporary:
        folder = named.folder or Path(temporary)
        rows: list[Row] = []
        for story in wanted:
            if named.arm:
                live(story, named.arm, folder, _say)
                return
            lives = {arm: live(story, arm, folder, _say) for arm in ARMS}
            rows += rows_of(story, lives, QUICKLY if named.quick else "")
            print("\n".join(loop_plot.in_terminal(story, lives)))
            if named.png:
                named.png.mkdir(parents=True, exist_ok=True)
                (named.png / f"closed-loop-{story.example}.png").write_bytes(loop_plot.as_png(story, lives))
    show(rows, named)


def rows_of(story: Story, lives: dict[str, Life], note: str = "") -> list[Row]:
    """Return the rows of one example: error, trainings, and the alerts of each life that was watched."""
    count = len(lives["loop"].answers.ids)
    losses: dict[str, Any] = {arm: life.answers.loss(life.answers.event_at > 0) for arm, life in lives.items()}
    made = {arm: float(len(life.trainings)) for arm, life in lives.items()}
    peers = ("never", "monthly")
    unit = lives["loop"].answers.loss_name
    rows = [
        _row(f"{story.example}: error", unit, losses, peers, count, note or _against_goal(losses, made)),
        _row(f"{story.example}: trainings", "versions", made, peers, count, _kept_back(lives["loop"])),
    ]
    for arm in ("loop", "never"):
        found = judge_alerts(lives[arm], lives["oracle"])
        told = f"{found.raised} raised, {found.right} right; {found.missed} of {found.harmed} windows with harm untold"
        title = f"{story.example}: alerts that were right, {'our loop' if arm == 'loop' else 'never retrained'}"
        rows.append(Row(title, f"of {found.raised}", "higher", float(found.right), repeats=found.raised, note=told))
    return rows


def _row(title: str, unit: str, found: dict[str, float], peers: tuple[str, ...], count: int, note: str) -> Row:
    beside = {arm: found[arm] for arm in peers}
    return Row(title, unit, "lower", found["loop"], beside, {"oracle": found["oracle"]}, count, note)


def _against_goal(losses: dict[str, float], made: dict[str, float]) -> str:
    loss, trainings = losses["loop"] / losses["oracle"], made["loop"] / made["oracle"]
    is_met = loss <= MOST_LOSS and trainings <= MOST_TRAININGS
    return f"{loss:.3f} times the oracle's with {trainings:.2f} of its trainings: {'met' if is_met else 'NOT met'}"


def _kept_back(life: Life) -> str:
    return f"{life.refused} of ours were kept from the traffic by gates, or for want of data for them"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=list(STORIES), help="one example alone")
    parser.add_argument("--arm", choices=list(ARMS), metavar="LIFE", help=f"one life alone: {', '.join(ARMS)}")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where decks and results are kept, to go on with")
    parser.add_argument("--png", type=Path, metavar="DIR", help="write a plot of each example there")


if __name__ == "__main__":
    main()
