"""A run on record as it goes: the run, its trials as child runs, metric points through the spool."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engine.training.family import Family, Params
from engine.training.outage import OUTAGE, Waiting, patiently
from engine.training.trial import Trial
from store import runs
from store.errors import LeaseLost
from store.point_lines import Point
from store.spool import PointWriter, ending

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from engine.deck import Deck
    from store.database import Fence, Write
    from store.rows import Run


Told = Callable[["Write", dict[int, str]], None]
ENDS = {"finished": "finished", "failed": "failed", "pruned": "cancelled", "cut": "cancelled"}  # of a trial, of a run


class TrialRecorder:
    """Writes each trial as a child run of `run`; its fold values and mean are written as it ends, in one transaction.

    A trial on record as ended thus has its figures, whatever is killed when; one whose end was not yet on record is
    tried again. The end of one and the begin of the next are one transaction, made while the next is fitted, which
    survives a killed process at once and a power loss from the next synced one on. While the registry is held or the
    disk full, what is to be written waits in order, and the search goes on.
    """

    def __init__(self, deck: Deck, run: Run, metric: str, fence: Fence | None, say: Callable[[str], None]) -> None:
        self._deck = deck
        self._run = run
        self._metric = metric
        self._fence = fence
        self._say = say
        self._open: dict[int, str] = {}  # trials on record as running, by number
        self._told: list[Told] = []
        self._waiting = Waiting()
        self._best = patiently(lambda: PointWriter(deck.workspace.spool, run.id), say)

    def begun(self, number: int, family: Family, params: Params) -> None:
        """Start the child run of a trial."""
        self._told.append(lambda tx, open_trials: self._begin(tx, open_trials, number, family, params))

    def ended(self, trial: Trial) -> None:
        """Write the trial's points and end its child run."""
        now = self._deck.clock.now()
        points: list[Point] = [
            (f"fold.{self._metric}", number, now, value) for number, value in enumerate(trial.folds, 1)
        ]
        points += [("seconds", 0, now, trial.seconds), ("fit_seconds", 0, now, trial.fit_seconds)]
        points += [(name, 0, now, value) for name, value in trial.measured.items()]
        if trial.state == "finished":
            points.append((self._metric, 0, now, trial.mean))
            self._best.write([(f"trial.{self._metric}", trial.number, now, trial.mean)])
        self._told.append(lambda tx, open_trials: _end(tx, open_trials, trial, points))

    def write(self) -> None:
        """Put on record what was told since, in one transaction."""
        if self._told:
            told, self._told = self._told, []
            self._waiting.add(lambda: self._write(told))

    def figures(self, values: dict[str, float | None]) -> None:
        """Write the run's own final figures."""
        now = self._deck.clock.now()
        self._best.write([(name, 0, now, value) for name, value in values.items() if value is not None])

    def settle(self) -> None:
        """Write whatever is not on record yet, however long that takes: nothing of the search is left to be written."""
        self.write()
        patiently(self._waiting.catch_up, self._say)

    def ending(self) -> AbstractContextManager[Write]:
        """Open the transaction in which the run ends, with every point that it logged."""
        return ending(self._deck.database, self._best, self._fence)

    def _write(self, told: list[Told]) -> None:
        open_trials = dict(self._open)
        with self._deck.database.write(self._fence, synced=False) as tx:
            for one in told:
                one(tx, open_trials)
        self._open = open_trials

    def _begin(self, tx: Write, open_trials: dict[int, str], number: int, family: Family, params: Params) -> None:
        open_trials[number] = runs.start_run(
            tx,
            actor=self._run.actor,
            model=self._run.model,
            parent_id=self._run.id,
            kind="trial",
            name=f"trial {number + 1} {family.name}",
            settings_revision=self._run.settings_revision,
            snapshot_id=self._run.snapshot_id,
            job_id=self._run.job_id,
            params={"family": family.name, **params},
        ).id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Write what waits and close the spool; a trial that an error cut off ends as cancelled."""
        if error is None:
            self.settle()
            patiently(self._best.close, self._say)
            return
        with suppress(*OUTAGE):
            self._best.close()
        if isinstance(error, LeaseLost):
            return
        with suppress(LeaseLost):  # the error that ended it is what is told
            self.write()
        if not self._open:
            return
        with suppress(*OUTAGE), self._deck.database.write(self._fence) as tx:
            for id in self._open.values():
                runs.finish_run(tx, id, "cancelled", "the training ended first")
        self._open.clear()


def _end(tx: Write, open_trials: dict[int, str], trial: Trial, points: list[Point]) -> None:
    id = open_trials.pop(trial.number)
    runs.log_points(tx, id, points)
    runs.finish_run(tx, id, ENDS[trial.state], trial.reason)


def params_of(best: Trial, **more: Any) -> dict[str, Any]:
    """Return what a run was told and what won, for its record."""
    return {"family": best.family.name, **best.params, **more}
