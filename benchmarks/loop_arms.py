"""The four lives of an example: who trains when. What each came to is kept beside its deck, and read by the report."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from loop_days import DAY_US, Story
from loop_oracle import live_oracle
from loop_replay import Replay

from engine.measures.metrics import Predicted, find, measure
from engine.monitoring.losses import primary_metric
from engine.monitoring.performance import guess_of, truth_of
from store import jobs, versions, watching
from store.rows import Window

ARMS = ("never", "monthly", "loop", "oracle")
WATCHED = ("never", "loop")  # whose monitors look, and raise alerts
SPAN_DAYS = 30  # of one point of the plot
HARM = 1.1  # times the oracle's loss from which an alert is right: what the rules call worse


@dataclass
class Answers:
    """What an arm answered in order of prediction id, and what was true. `scores` holds one column per class."""

    metric: str
    classes: tuple[str, ...]
    ids: Any
    event_at: Any
    version: Any
    truth: Any
    values: Any  # (rows,) of a regression, (rows, classes) of a classification

    @property
    def loss_name(self) -> str:
        """Return what the loss is called."""
        return f"1 - {self.metric}" if find(self.metric).greater_is_better else self.metric

    def loss(self, which: Any) -> float | None:
        """Return the loss on some of the rows: the metric, or its distance from 1 where more of it is better."""
        if not which.any():
            return None
        values = self.values[which]
        guess = Predicted(values=values)
        if self.classes:
            labels = np.array(self.classes, dtype=object)[values.argmax(axis=1)]
            guess = Predicted(labels=labels, scores=values, classes=self.classes)
        found = measure(self.metric, self.truth[which], guess).value
        return None if found is None else 1.0 - found if find(self.metric).greater_is_better else found


@dataclass
class Life:
    """What one arm of an example came to."""

    example: str
    arm: str
    days: int
    trainings: list[int]  # the days of the trainings after the first version's
    answers: Answers
    windows: list[dict[str, Any]] = field(default_factory=list)  # that its monitor judged
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: int = 0  # trained versions that gates kept from the traffic, or that were given up for want of data
    seconds: float = 0.0


def live(story: Story, arm: str, folder: Path, say: Callable[[str], None]) -> Life:
    """Live an arm, from where a killed run left it; what has ended is read."""
    root = folder / story.example / arm
    if (root / "life.json").exists():
        return _read(root)
    root.mkdir(parents=True, exist_ok=True)

    def tell(text: str) -> None:
        say(f"{story.example} {arm}: {text}")

    if arm == "oracle":
        made, arrays, metric, classes = live_oracle(story, root, tell)
        told = {"metric": metric, "classes": classes, "trainings": made}
    else:
        replay = Replay(story, root, retrain=arm == "loop", watch=arm in WATCHED)

        def each_day(number: int) -> None:
            today = dt.date.fromisoformat(story.begins) + dt.timedelta(days=number)
            if arm == "monthly" and today.day == 1 and number:
                replay.serve(replay.train(f"{arm}, day {number}"))

        replay.live_through(each_day, tell)
        arrays, told = _told(replay)
        replay.close()
    _keep(root, arrays, {"example": story.example, "arm": arm, "days": story.days, **told})
    return _read(root)


def _told(replay: Replay) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the log holds as arrays, and what the registry tells of trainings, windows and alerts."""
    database = replay.deck.database
    newest = versions.versions(database, replay.model)[0]
    classes = tuple(newest.signature.get("classes") or ())
    table = replay.answers()
    guess = guess_of(table, classes)
    arrays = {
        "ids": np.array(table["prediction_id"].to_pylist()),
        "event_at": np.asarray(table["event_at"].combine_chunks()),
        "version": np.asarray(table["version"].combine_chunks()),
        "truth": np.array(truth_of(table, classes), dtype=str if classes else float),
        "values": guess.scores if classes else guess.values,
    }
    done = jobs.jobs(database, limit=100_000, model=replay.model)
    made = sorted(
        (job.requested_at - replay.begins) // DAY_US
        for job in done
        if job.kind == "train" and job.state == "succeeded" and "version" in (job.result or {})
    )
    primary, least = primary_metric(replay.settings, newest), replay.settings.monitor.min_rows
    spans: dict[tuple[int, int, int], list[Window]] = {}  # an alert names the revision it was raised upon
    for one in watching.windows(database, replay.model, limit=100_000, latest_revision_only=False):
        spans.setdefault((one.version, one.from_at, one.to_at), []).append(one)  # the latest revision first
    windows = [
        {
            "ids": [each.id for each in revisions],
            "version": one.version,
            "from_at": one.from_at,
            "to_at": one.to_at,
            "is_judged": (one.metrics.get(primary) or {}).get("n", 0) >= least,
        }
        for revisions in (spans.values() if replay.watch else ())
        for one in revisions[:1]
    ]
    return arrays, {
        "metric": primary,
        "classes": classes,
        "trainings": made[1:],
        "windows": windows,
        "alerts": replay.seen if replay.watch else {},
        "refused": sum(job.kind == "release" and job.exit_code != 0 for job in done),
        "seconds": round(replay.day.seconds, 1),
    }


def _keep(root: Path, arrays: dict[str, Any], told: dict[str, Any]) -> None:
    order = np.argsort(arrays["ids"])  # the same in each life
    np.savez_compressed(root / "answers.npz", **{name: values[order] for name, values in arrays.items()})
    temporary = root / "life.json.tmp"
    temporary.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    temporary.replace(root / "life.json")


def _read(root: Path) -> Life:
    told = json.loads((root / "life.json").read_text(encoding="utf-8"))
    with np.load(root / "answers.npz") as kept:
        arrays = {name: kept[name] for name in kept.files}
    if told["classes"]:
        arrays["truth"] = arrays["truth"].astype(object)
    answers = Answers(told.pop("metric"), tuple(told.pop("classes")), **arrays)
    return Life(answers=answers, **told)


def losses_by_span(life: Life, begins_us: int) -> list[float | None]:
    """Return the loss in each 30 days of the story; None where it is not defined."""
    number = (life.answers.event_at - begins_us) // (SPAN_DAYS * DAY_US)
    return [life.answers.loss(number == one) for one in range(-(-life.days // SPAN_DAYS))]


@dataclass
class Judged:
    """Alerts against what a version trained every day would have cost in the windows that they are about."""

    raised: int
    right: int
    missed: int  # windows with harm that no alert is about
    harmed: int  # windows with harm at all


def judge_alerts(life: Life, oracle: Life) -> Judged:
    """An alert is right where the loss in one of its windows was 1.1 times the oracle's or more, on the same rows."""
    harmed = [set(one["ids"]) for one in life.windows if _is_harmed(life.answers, oracle.answers, one)]
    about = [set(one["windows"]) for one in life.alerts.values() if one["windows"]]
    right = sum(any(windows & ids for ids in harmed) for windows in about)
    missed = sum(not any(windows & ids for windows in about) for ids in harmed)
    return Judged(len(about), right, missed, len(harmed))


def _is_harmed(mine: Answers, theirs: Answers, window: dict[str, Any]) -> bool:
    inside = (mine.event_at >= window["from_at"]) & (mine.event_at < window["to_at"])
    which = inside & (mine.version == window["version"])
    if not window["is_judged"]:
        return False
    first, second = mine.loss(which), theirs.loss(which)  # ids are the same rows in the same order
    if first is None or second is None:
        return False
    return second == 0.0 < first or (second > 0.0 and first / second >= HARM)
