"""One example lived through day by day on a clock of its own: rows come, are answered, and are told the truth later.

Each day: outcomes that are due are delivered, schedules fire, the worker does what is queued, triggers are weighed, the
worker again; then the day's rows are answered by the version that is champion, by the code that a server answers with,
and logged as a server logs them. Nothing sleeps. A replay that was killed goes on with the day it was in: ids follow
from the row, so what is asked or told again is known.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loop_days import DAY_US, Story, cheap, days_of, keys_of, midnight, pieces
from loop_worker import OPERATOR, Worker

from console.demo.files import copy_example, recipe
from console.demo.traffic import LaterRow, later_rows
from engine.access import Caller, Role
from engine.deck import make_deck
from engine.deploy.stage import stage
from engine.jobs.schedule import Scheduler
from engine.model_io.log_key import log_key
from engine.monitoring.collect import collect
from engine.monitoring.outcomes import joined
from engine.release import abort
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.serving.contract import code_rows
from engine.serving.log import SegmentLog, close_leftovers, hold
from engine.serving.predict import Predictor, read_manifest
from engine.serving.record import Arrival, Recorder
from engine.serving.tokens import LogKey
from engine.settings.apply import apply_settings, current_settings
from engine.settings.work import terms
from engine.workspace import Workspace
from store import alerts, deployments, jobs, models, releases, schedules, settings, versions
from store.clock import FrozenClock

MINUTE_S = 60.0


@dataclass
class Day:
    """How far a replay is, kept after each day."""

    number: int = 0
    seconds: float = 0.0


class Replay:
    """A deck of one example on a frozen clock; with `retrain` its [retrain] stands, with `watch` its [monitor]."""

    def __init__(self, story: Story, root: Path, *, retrain: bool, watch: bool) -> None:
        self.story, self.root = story, root
        self.begins = midnight(story.begins)
        self.recipe = story.recipe(recipe(story.example))
        self.delay_us = round(self.recipe.label_delay_days * DAY_US)
        self.model = self.recipe.model
        self._told = root / "replay.json"
        self.day = Day(**json.loads(self._told.read_text())) if self._told.exists() else Day()
        is_new = not (root / "deck.toml").exists()
        if is_new:
            copy_example(story.example, root, with_deck=True)
            cheap(root / "models" / f"{self.model}.toml", story, retrain=retrain, watch=watch)
        self.clock = FrozenClock(self.begins + self.day.number * DAY_US)
        self.deck = make_deck(Workspace(root), self.clock)
        self.worker = Worker(self.deck, root / "jobs.log")
        apply_settings(self.deck, OPERATOR, "replay")
        self.settings = current_settings(self.deck)[0].models[self.model]
        self.scheduler = Scheduler(self.deck)
        self.watch = watch
        self.seen: dict[str, dict[str, Any]] = {}  # alert -> what was ever known of it
        self._alerts = root / "alerts.json"
        if self._alerts.exists():
            self.seen = json.loads(self._alerts.read_text())
        self._log = SegmentLog(self.deck.workspace.segments / "replay")
        self._held = hold(self._log.folder)
        close_leftovers(self._log.folder)
        self._serving: tuple[int, Predictor, Recorder] | None = None
        if is_new or not versions.versions(self.deck.database, self.model):
            self.serve(self.train("the first version"))
        else:
            self.worker.forget_interrupted()
        self.rows = self._rows_by_day()
        self._awaited: dict[int, list[tuple[str, Any]]] = defaultdict(list)  # when due -> id and outcome
        self._await_again()

    def live_through(
        self, each_day: Callable[[int], None], say: Callable[[str], None], until: int | None = None
    ) -> None:
        """Live through the days that are left, `each_day` being asked what it wants of each; then tell the rest."""
        begun, before = time.monotonic(), self.day.seconds
        while self.day.number < min(self.story.days, until or self.story.days):
            self._morning()
            each_day(self.day.number)
            self.traffic()
            self.day = Day(self.day.number + 1, before + time.monotonic() - begun)
            self.clock.advance((self.begins + self.day.number * DAY_US - self.clock.now()) / 1e6)
            self._told.write_text(json.dumps(self.day.__dict__))
            if self.day.number % 10 == 0 or self.day.number == self.story.days:
                say(f"day {self.day.number} of {self.story.days}, {self.made()} trainings, {self.day.seconds:.0f} s")
        self.clock.advance((self.delay_us + DAY_US) / 1e6)
        self._tell()
        if self.watch:
            self._work()

    def train(self, reason: str) -> int:
        """Train as a person asks for it, and return the version's number."""
        with self.deck.database.write() as tx:
            revision = settings.newest(tx)
            jobs.enqueue(
                tx,
                kind="train",
                model=self.model,
                args={"reason": reason},
                actor=OPERATOR,
                settings_revision=revision,
                terms=terms(settings.get(tx, revision).body, "train"),
            )
        self.worker.until_us = self.clock.now() - self.delay_us
        [ended] = [job for job in self.worker.drain() if job.kind == "train"]
        if ended.state != "succeeded":
            raise SystemExit(f"{self.story.example}: the training ended as {ended.state}: {ended.reason}")
        return int(ended.result["version"])

    def serve(self, version: int) -> None:
        """Make a version champion at once: nothing is asked of it."""
        with self.deck.database.write() as tx:
            deployments.ensure_endpoint(tx, self.model)
            models.set_alias(tx, self.model, "champion", version, actor=OPERATOR)

    def made(self) -> int:
        """Return how many versions were trained after the first."""
        return len(versions.versions(self.deck.database, self.model)) - 1

    def answers(self) -> Any:
        """Return all logged answers with their outcomes, as `engine.monitoring.outcomes.joined` gives them."""
        return joined(self.deck, self.model, by="event")

    def close(self) -> None:
        """Let go of the deck."""
        self.deck.database.close()
        os.close(self._held)

    def _morning(self) -> None:
        self._tell()
        self._give_up_held()
        self._work()

    def _work(self) -> None:
        self.worker.until_us = self.clock.now() - self.delay_us
        self.scheduler.refresh()
        self.scheduler.fire({row.id for row in schedules.schedules(self.deck.database)})
        self.worker.drain()
        self._look_at_alerts()
        self.clock.advance(MINUTE_S)
        self.scheduler.refresh()  # triggers weigh what monitoring has raised
        self.worker.drain()

    def _look_at_alerts(self) -> None:
        for one in alerts.alerts(self.deck.database, open_only=False, model=self.model):
            known = self.seen.setdefault(one.id, {"kind": one.kind, "rule": one.rule, "windows": [], "raised": 0})
            known["raised"] = one.reopened + 1
            told = one.evidence.get("windows") or ()
            known["windows"] = sorted({*known["windows"], *told})
            known["title"], known["version"] = one.title, one.evidence.get("version")
            known["opened_at"] = one.opened_at
        self._alerts.write_text(json.dumps(self.seen, indent=1))

    def _give_up_held(self) -> None:
        """An operator looks once a day: a release whose gates had no data is not gone past, it is given up."""
        found = releases.active(self.deck.database, self.model)
        if found is not None and found.state == "held":
            abort(self.deck, self.model, reason="its gates have no data", actor=OPERATOR)

    def traffic(self) -> None:
        """Answer the day's rows by the champion, on the log."""
        for place, piece in enumerate(self._pieces(self.day.number)):
            predictor, recorder = self._champion()
            keys = keys_of(piece, self.day.number, place)
            arrival = Arrival(keys[0][0].rpartition("-")[0], None, "live", keys[0][1], time.monotonic_ns())
            records = [row.record for row in piece]
            coded = code_rows(records, predictor.signature, predictor.also)
            self._log.write(recorder.rows(arrival, records, predictor.answer(coded)))
            self._await(piece, self.day.number, place)
        self._log.roll()
        collect(self.deck)

    def _champion(self) -> tuple[Predictor, Recorder]:
        alias = models.alias(self.deck.database, self.model, "champion")
        assert alias is not None
        if self._serving is None or self._serving[0] != alias.version:
            version = versions.version(self.deck.database, self.model, alias.version)
            folder = stage(self.deck, version, self.settings)
            key = LogKey.read(log_key(self.deck.workspace.keys))
            recorder = Recorder(read_manifest(folder), f"replay-{version.number}", "local", key, self.model)
            self._serving = (alias.version, Predictor.from_folder(folder), recorder)
        return self._serving[1], self._serving[2]

    def _tell(self) -> None:
        """Deliver the outcomes that are known by now, by the operation that files and callers come by."""
        due = sorted(at for at in self._awaited if at <= self.clock.now())
        rows = [
            {"prediction_id": id, "value": value, "observed_at": at}
            for at in due
            for id, value in self._awaited.pop(at)
        ]
        if rows:
            context = ServiceContext(self.deck, Caller(OPERATOR, Role.ADMIN))
            call(context, "outcomes.record", {"model": self.model, "origin": "replay", "rows": rows})

    def _rows_by_day(self) -> dict[int, list[LaterRow]]:
        newest = versions.versions(self.deck.database, self.model)[0]
        inputs = {column["name"] for column in newest.signature["inputs"]}
        return days_of(later_rows(self.deck.workspace, self.settings, self.recipe, inputs), self.begins)

    def _pieces(self, day: int) -> list[list[LaterRow]]:
        return pieces(self.rows[day], self.recipe.rows_per_request)

    def _await(self, piece: list[LaterRow], day: int, place: int) -> None:
        for (id, at), row in zip(keys_of(piece, day, place), piece, strict=True):
            self._awaited[at + self.delay_us].append((id, row.outcome))

    def _await_again(self) -> None:
        """Wait for what was answered before a kill; what was told already is known, and told again does nothing."""
        for day in range(self.day.number):
            for place, piece in enumerate(self._pieces(day)):
                self._await(piece, day, place)
