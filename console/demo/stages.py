"""The stages of one model's demo, each done through the client as a person would do it from the command line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.commands.values import number
from console.demo.board import Board
from console.demo.files import Recipe
from console.demo.standing import Standing, standing
from console.demo.traffic import Replay, later_rows
from console.follow import failure, wait_for_end
from engine.operations.common import ModelRequest
from engine.operations.runs import TrainRequest
from engine.operations.serving import PromoteRequest, ReleaseChange, ReleaseRequest, RollbackRequest
from store.errors import ModeldeckError, WorkFailed
from store.rows import Alert, Job, Release

if TYPE_CHECKING:
    from engine.client import Client
    from engine.settings.model import ModelSettings

LOOK_EVERY_S = 0.2
REQUEST_EVERY_S = 0.02  # while a release is judged: brisk, yet a hold of seconds does not eat the replay
RESUMES = 3
TRAININGS = 3  # of a version whose gates fail, each with twice the time of the one before
FIRST = "demo: the first version"
SECOND = "demo: three months later"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its title, about how long it takes, whether it is done, and the work, which tells its result."""

    title: str
    seconds: float
    is_done: Callable[[Standing], bool]
    run: Callable[[Board], str]


@dataclass(slots=True)
class ModelDemo:
    """The demo of one model."""

    client: Client
    recipe: Recipe
    settings: ModelSettings
    replay: Replay | None = None

    def stages(self) -> list[Stage]:
        """Return the stages in order."""
        name, recipe = self.recipe.model, self.recipe
        return [
            Stage(
                f"{name}: train on rows before {recipe.first_until}",
                recipe.train_s,
                lambda now: now.made_for(FIRST) is not None,
                lambda board: self._train(recipe.first_until, FIRST, board),
            ),
            Stage(f"{name}: promote the first version", 8, lambda now: now.promoted(FIRST), self._promote_first),
            Stage(
                f"{name}: train on rows before {recipe.second_until}",
                recipe.train_s + 2,
                lambda now: now.made_for(SECOND) is not None,
                lambda board: self._train(recipe.second_until, SECOND, board),
            ),
            Stage(
                f"{name}: promote the second while later rows arrive",
                22,
                lambda now: now.promoted(SECOND),
                self._promote_second,
            ),
            Stage(f"{name}: later rows, and late their outcomes", 14, self._all_told, self._replay_rest),
            Stage(f"{name}: look at every window", 8, lambda now: now.is_rolled_back, self._watch),
            Stage(f"{name}: roll back", 5, lambda now: now.is_rolled_back, self._roll_back),
        ]

    def close(self) -> None:
        """Close what the stages opened."""
        if self.replay is not None:
            self.replay.close()

    def _train(self, until: str, reason: str, board: Board, times: int = 1) -> str:
        """Train, or follow the training that an interrupted demo left running."""
        model = self.recipe.model
        left = standing(self.client, model).training
        if left is not None:
            self._finish(left.id, board)
        newest = standing(self.client, model).made_for(reason)
        if newest is None or times > 1:
            longer = f"{times * self.settings.train.time_budget_s:g}s" if times > 1 else None
            request = TrainRequest(model, until=until, time_budget=longer, reason=reason)
            self._finish(self.client.call("runs.train", request).id, board)
            newest = standing(self.client, model).made_for(reason)
        if newest is None:
            raise WorkFailed(f"the training of {model} left no version", "look: modeldeck runs")
        metric = str(newest.evaluation.get("metric", ""))
        value = (newest.evaluation.get("holdout", {}).get(metric) or {}).get("value")
        dummy = (newest.evaluation.get("baseline", {}).get(metric) or {}).get("value")
        against = f", Dummy {number(dummy)}" if dummy is not None else ""
        return f"{newest.model}@{newest.number}: {metric} {number(value)} on its holdout{against}"

    def _promote_first(self, board: Board) -> str:
        def follow(release: Release) -> Release:
            wait_for_end(self.client, str(release.job_id), _OnBoard(board))
            ended: Release = self._detail(release).release
            return ended

        release = self._shipped(FIRST, FIRST, self.recipe.first_until, follow, board)
        return f"{self.recipe.model}@{release.to_version} serves"

    def _promote_second(self, board: Board) -> str:
        replay = self._replay()
        reason = "demo: better on rows neither version has seen"
        release = self._shipped(
            SECOND, reason, self.recipe.second_until, lambda one: self._until_ended(one, replay, board), board
        )
        return f"{self.recipe.model}@{release.to_version} serves; {replay.sent:,} rows asked meanwhile"

    def _shipped(
        self, made_for: str, reason: str, until: str, follow: Callable[[Release], Release], board: Board
    ) -> Release:
        """Promote, and train again with more time what its gates stop, as on a busy machine.

        Raises:
            WorkFailed: no version passed its gates, or the release ended otherwise.
        """
        for times in range(1, TRAININGS + 1):
            now = follow(self._open_or_promote(made_for, reason))
            name = f"{self.recipe.model}@{now.to_version}"
            if now.state == "completed":
                return now
            if now.evidence.get("cause") != "gate":
                break
            board.tell(f"gates stopped {name}: {now.detail}")
            if times < TRAININGS:
                board.tell(self._train(until, made_for, board, 2**times))
        raise WorkFailed(f"the release of {name} is {now.state}: {now.detail}", "modeldeck releases")

    def _until_ended(self, release: Release, replay: Replay, board: Board) -> Release:
        """Send rows while weight steps wait for them, and resume what is held all the same."""
        for _ in range(RESUMES):
            self._release_under_traffic(release, replay, board)
            now: Release = self._detail(release).release
            if now.state != "held":
                break
            release = self.client.call(
                "releases.resume", ReleaseChange(self.recipe.model, "demo: the replay brought too few rows")
            )
        return now

    def _release_under_traffic(self, release: Release, replay: Replay, board: Board) -> None:
        over = threading.Event()
        wanted = threading.Event()
        failures: list[ModeldeckError] = []

        def send() -> None:
            try:
                while not over.is_set() and not replay.is_over:
                    if wanted.wait(LOOK_EVERY_S):
                        replay.send()
                        over.wait(REQUEST_EVERY_S)
            except ModeldeckError as error:
                failures.append(error)

        sender = threading.Thread(target=send, name="replay")
        sender.start()
        try:
            while True:
                detail = self._detail(release)
                steps = detail.steps
                if any(step.kind == "weight" and step.state == "running" for step in steps):
                    wanted.set()
                done = sum(step.state in ("done", "skipped") for step in steps)
                at = next((step.title for step in steps if step.state == "running"), detail.release.state)
                board.at(done / max(1, len(steps)), at)
                if detail.release.state not in ("pending", "running"):
                    break
                time.sleep(LOOK_EVERY_S)
        finally:
            over.set()
            sender.join()
        if failures:
            raise failures[0]
        if detail.release.state == "completed" and detail.release.job_id:
            self._finish(detail.release.job_id, board)

    def _replay_rest(self, board: Board) -> str:
        replay = self._replay()
        while not replay.is_over:
            replay.send()
            board.at(replay.fraction, f"{replay.now:%Y-%m-%d}")
        replay.tell_rest()
        return f"{replay.sent:,} rows asked up to {replay.now:%Y-%m-%d}, {replay.told:,} outcomes told"

    def _watch(self, board: Board) -> str:
        job: Job = self.client.call("monitors.run", ModelRequest(self.recipe.model))
        self._finish(job.id, board)
        now = standing(self.client, self.recipe.model)
        for alert in now.alerts:
            board.tell(alert_line(alert))
        verdicts = [window.verdict for window in now.windows]
        counted = ", ".join(f"{verdicts.count(each)} {each}" for each in dict.fromkeys(verdicts))
        return f"{len(now.windows)} windows: {counted}; {len(now.alerts)} alerts from the data itself"

    def _roll_back(self, board: Board) -> str:
        model = self.recipe.model
        preview = self.client.call("releases.preview_rollback", RollbackRequest(model))
        request = RollbackRequest(model, "demo: the way back, shown", preview.basis)
        release: Release = self.client.call("releases.rollback", request)
        if release.job_id:
            self._finish(release.job_id, board)
        return f"{model}@{release.to_version} serves again"

    def _replay(self) -> Replay:
        if self.replay is None:
            now = standing(self.client, self.recipe.model)
            inputs = {str(each["name"]) for each in now.versions[0].signature["inputs"]}
            rows = later_rows(self.client.workspace, self.settings, self.recipe, inputs)
            self.replay = Replay(self.client, self.recipe, rows, now.told)
        return self.replay

    def _all_told(self, now: Standing) -> bool:
        if now.is_rolled_back:
            return True
        if not now.promoted(SECOND):
            return False
        replay = self._replay()
        return replay.is_over and replay.awaits_nothing

    def _open_or_promote(self, made_for: str, reason: str) -> Release:
        """Take up the release that an unfinished demo left, or open that of the version trained for a reason."""
        now = standing(self.client, self.recipe.model)
        found, version = now.open_release, now.made_for(made_for)
        if found is not None and found.state == "held":
            found = self.client.call("releases.resume", ReleaseChange(self.recipe.model, f"{reason}, gone on with"))
        if found is not None:
            return found
        if version is None:
            raise WorkFailed(f"{self.recipe.model} has no version for {made_for!r}", "look: modeldeck versions")
        request = PromoteRequest(self.recipe.model, version.number, reason)
        release: Release = self.client.call("releases.promote", request)
        return release

    def _detail(self, release: Release) -> Any:
        return self.client.call("releases.detail", ReleaseRequest(release.id))

    def _finish(self, job_id: str, board: Board) -> Job:
        """Follow a job to its end on the board.

        Raises:
            ModeldeckError: it failed, with the exit code it left.
        """
        job = wait_for_end(self.client, job_id, _OnBoard(board))
        error = failure(job)
        if error is not None:
            raise error
        return job


@dataclass(frozen=True, slots=True)
class _OnBoard:
    board: Board

    def show(self, job: Job, _waits_for: str = "") -> None:
        self.board.at(job.progress or 0.0, job.progress_text)


def alert_line(alert: Alert) -> str:
    """Say an alert in one line."""
    return f"alert, {alert.severity}: {alert.model}: {alert.title}"
