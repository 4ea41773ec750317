"""Compares candidates on the same folds and lets Optuna look for better parameters until the time is up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from statistics import median
from typing import TYPE_CHECKING, Protocol

from engine.training.apart import Child, Lost, Raised
from engine.training.comparison import Comparison, check_outcome, loss_of, mean_loss
from engine.training.constraints import beyond, excess
from engine.training.family import Family, Params
from engine.training.study import Study
from engine.training.trial import Bench, Trial, one_quiet_thread, serve_trials

if TYPE_CHECKING:
    import optuna

    from engine.training.dataset import Dataset

REFIT_MARGIN = 1.4  # the winner's refit is given so many times what its last fold lets expect
SHARE = 0.5  # of the time that is left, for any one candidate while others wait: one that never ends leaves them some


class Recorder(Protocol):
    """Told of each trial as it begins and ends."""

    def begun(self, number: int, family: Family, params: Params) -> None:
        """A trial starts."""

    def ended(self, trial: Trial) -> None:
        """A trial has its figures, or ended without."""

    def write(self) -> None:
        """Put on record what was told since: asked when the workers have work and the search would wait."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried: `deadline` is a `time.monotonic()` by which the refit too should be over."""

    deadline: float
    seed: int
    workers: int = 1
    trials: int = 60
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """Trials of a search that was cut off: `done` with their figures, `open` as (family name, parameters)."""

    done: tuple[Trial, ...] = ()
    open: tuple[tuple[str, Params], ...] = ()


def compare(
    bench: Bench,
    effort: Effort,
    recorder: Recorder,
    progress: Callable[[float, str], None],
    earlier: Earlier = Earlier(),
    meanwhile: Sequence[Callable[[], None]] = (),
) -> Comparison:
    """Try each family's defaults, then let Optuna draw until the best could no longer be refitted in time.

    `meanwhile` is done here, a piece at a time, when the workers have work and the search would wait; all of it is done
    in the end.

    Nothing is tried beyond the deadline: a candidate is cut once its further folds, or its fit on all rows, would not
    end by then. One that raises, hangs, dies or answers nonsense fails alone.

    Raises:
        WorkFailed: no candidate but the Dummy ended well in time, or none keeps within the constraints.
    """
    search = _Search(bench, effort, recorder, progress, earlier, meanwhile)
    with one_quiet_thread():  # held here, no worker starts pools of threads anew, which spin for as long as many trials
        try:
            search.run()
        finally:
            search.close()
        return search.result()


@dataclass(slots=True)
class _Running:
    """A trial under way in a worker."""

    number: int
    family: Family
    params: Params
    ask: optuna.Trial | None
    begun: float
    until: float  # time.monotonic() after which it is ended
    folds: list[float] = field(default_factory=list)
    verdict: tuple[str, str] = ("finished", "")


class _Search:
    def __init__(
        self,
        bench: Bench,
        effort: Effort,
        recorder: Recorder,
        progress: Callable[[float, str], None],
        earlier: Earlier,
        meanwhile: Sequence[Callable[[], None]],
    ) -> None:
        self.meanwhile = deque(meanwhile)
        self.bench, self.effort, self.recorder, self.progress = bench, effort, recorder, progress
        self.begun = time.monotonic()
        self.trials: list[Trial] = [one for one in earlier.done if one.state == "finished"]
        self.stopped: list[Trial] = [one for one in earlier.done if one.state != "finished"]
        self.leader: Trial | None = min(self.trials, key=self._rank, default=None)
        self.next_number = 1 + max((one.number for one in earlier.done), default=-1)
        self.drawn = 0
        self.is_over = False
        tunable = [family for family in bench.families if family.space]
        self.study = Study(tunable, effort.seed, effort.workers, bool(bench.constraints)) if tunable else None
        self.queue: deque[tuple[Family, Params]] = deque()
        self.news: list[Callable[[], None]] = []
        self._plan(earlier)
        load_libraries(bench.families, bench.dataset)
        self.idle: list[Child] = []
        self.running: dict[Child, _Running] = {}
        fold = bench.folds[-1]
        self.all_rows = len(fold.train) + len(fold.test)
        self.growth = self.all_rows / max(len(fold.train), 1)

    def _plan(self, earlier: Earlier) -> None:
        """Queue the defaults that were not tried yet, then what was under way; tell the study what is known."""
        for one in earlier.done:
            ask = self.study.retry(one.family, one.params) if self.study else None
            if self.study and ask is not None:
                for place in range(len(one.folds) - 1):
                    self.study.is_hopeless(ask, place, mean_loss(one.folds[: place + 1], self.bench.metric))
                self.study.tell(ask, one.state, self._loss(one), excess(self.bench.constraints, one.measured))
                self.drawn += one.params != one.family.defaults
        tried = [(one.family.name, one.params) for one in earlier.done]
        for family in self.bench.families:
            if (family.name, family.defaults) not in tried:
                self.queue.append((family, family.defaults))
        by_name = {family.name: family for family in self.bench.families}
        for name, params in earlier.open:
            if name in by_name and params != by_name[name].defaults:
                self.queue.append((by_name[name], params))
                self.drawn += 1

    def run(self) -> None:
        """Keep the workers busy until the time is up or nothing is left to try."""
        while True:
            while len(self.running) < self.effort.workers and self._start():
                pass
            self._tell_news()
            self.recorder.write()
            if self.meanwhile:
                self.meanwhile.popleft()()
            elif not self.running:
                return
            soonest = min((one.until for one in self.running.values()), default=0.0)
            patience_s = 0.0 if self.meanwhile else max(0.0, min(soonest - time.monotonic(), 60.0))
            by_connection = {child.connection: child for child in self.running}
            for connection in wait(list(by_connection), patience_s):
                self._hear(by_connection[connection])  # type: ignore[index]
            for child, one in list(self.running.items()):
                if time.monotonic() >= one.until and not child.connection.poll():
                    child.end()
                    self._lose(child, "cut", "the time was up")

    def close(self) -> None:
        """End every worker."""
        self._tell_news()
        for child in [*self.idle, *self.running]:
            child.end()

    def refit_s(self) -> float:
        """Return how long the winner so far would take on all rows."""
        return self._refit_s(self.leader.fit_seconds) if self.leader else 0.0

    def _refit_s(self, fit_seconds: float) -> float:
        return fit_seconds * self.growth * REFIT_MARGIN

    def _start(self) -> bool:
        chosen = self._next()
        if chosen is None:
            return False
        family, params, ask, until = chosen
        number, self.next_number = self.next_number, self.next_number + 1
        child = self.idle.pop() if self.idle else self._worker()
        self.running[child] = _Running(number, family, params, ask, time.monotonic(), until)
        child.connection.send((self.bench.families.index(family), params))
        self.news.append(partial(self.recorder.begun, number, family, params))
        return True

    def _tell_news(self) -> None:
        """Tell of what began and ended: once the workers have work again, none of which waits for it."""
        news, self.news = self.news, []
        for one in news:
            one()

    def _worker(self) -> Child:
        return Child(serve_trials(self.bench), self.effort.memory_mb, self.bench.code)

    def _next(self) -> tuple[Family, Params, optuna.Trial | None, float] | None:
        """Return what to try next and until when, None where nothing may be begun now."""
        now = time.monotonic()
        while self.queue:
            family, params = self.queue.popleft()
            limit = self.effort.deadline - self.refit_s()
            if now >= limit:
                continue
            ask = self.study.retry(family, params) if self.study and params != family.defaults else None
            return family, params, ask, self._share(now, limit) if self.queue or self.study else limit
        if self.study is None or self.is_over or self.drawn >= self.effort.trials:
            return None
        tuned = [one for one in self.trials if one.family.space]
        if not tuned:
            return None  # no default of a tunable family has ended well (yet)
        limit = self.effort.deadline - self.refit_s()
        trial_s = median(one.seconds for one in tuned)
        refit_s = self._refit_s(median(one.fit_seconds for one in tuned))
        if now + trial_s > min(limit, self.effort.deadline - refit_s):
            self.is_over = True
            return None
        self.drawn += 1
        ask, family, params = self.study.draw()
        return family, params, ask, self._share(now, limit)

    def _share(self, now: float, limit: float) -> float:
        return now + (limit - now) * SHARE

    def _hear(self, child: Child) -> None:
        one = self.running[child]
        try:
            kind, *said = child.take()
        except (Lost, Raised) as error:
            child.end()
            self._lose(child, "failed", str(error))
            return
        if kind == "fold":
            place, value, seconds = said
            one.folds.append(value)
            one.verdict = self._verdict(one, place, seconds)
            child.connection.send(one.verdict[0] == "finished")
            return
        told = said[0]
        one.folds = told["folds"]
        trial = Trial(
            number=one.number,
            family=one.family,
            params=one.params,
            folds=tuple(told["folds"]),
            seconds=time.monotonic() - one.begun,
            fit_seconds=told["fit_seconds"],
            guess=tuple(told["guess"]),
            state=one.verdict[0],
            reason=one.verdict[1],
            measured=told["measured"],
        )
        self.idle.append(child)
        self._keep(child, trial)

    def _verdict(self, one: _Running, place: int, seconds: float) -> tuple[str, str]:
        """Say whether a trial goes on after a fold."""
        folds, now = self.bench.folds, time.monotonic()
        per_row = seconds / max(len(folds[place].train), 1)
        folded = now + per_row * sum(len(fold.train) for fold in folds[place + 1 :])
        if folded > one.until:
            return "cut", f"after {place + 1} of {len(folds)} folds: the others would take too long"
        if folded + per_row * self.all_rows > self.effort.deadline:
            return "cut", f"after {place + 1} of {len(folds)} folds: there would be no time to fit it on all rows"
        loss = mean_loss(one.folds, self.bench.metric)
        if self.study and one.ask is not None and self.study.is_hopeless(one.ask, place, loss):
            return "pruned", f"after {place + 1} of {len(folds)} folds worse than the median of the others"
        return "finished", ""

    def _lose(self, child: Child, state: str, reason: str) -> None:
        one = self.running[child]
        seconds = time.monotonic() - one.begun
        where = f"in fold {len(one.folds) + 1} of {len(self.bench.folds)}: {reason}"
        trial = Trial(one.number, one.family, one.params, tuple(one.folds), seconds, seconds, state=state, reason=where)
        self._keep(child, trial)

    def _keep(self, child: Child, trial: Trial) -> None:
        one = self.running.pop(child)
        self.news.append(partial(self.recorder.ended, trial))
        (self.trials if trial.state == "finished" else self.stopped).append(trial)
        if trial.state == "finished" and (self.leader is None or self._rank(trial) < self._rank(self.leader)):
            self.leader = trial
        if self.study and one.ask is not None:
            over = excess(self.bench.constraints, trial.measured)
            self.study.tell(one.ask, trial.state, self._loss(trial), over)
        best = self.leader
        if best is not None:
            span = max(self.effort.deadline - self.begun, 1e-6)
            share = min((time.monotonic() - self.begun) / span, 1.0)
            told = f"trial {trial.number + 1}, {trial.family.name}: best {self.bench.metric.name} {best.mean:.4g}"
            self.news.append(partial(self.progress, share, f"{told} by {best.family.name}"))

    def _loss(self, trial: Trial) -> float:
        return loss_of(trial, self.bench.metric)

    def _rank(self, trial: Trial) -> tuple[bool, float]:
        """Return what candidates are ordered by: within the constraints first, then the smaller loss."""
        return bool(beyond(self.bench.constraints, trial.measured)), self._loss(trial)

    def result(self) -> Comparison:
        """Return what was found.

        Raises:
            WorkFailed: no candidate but the Dummy ended well in time, or none keeps within the constraints.
        """
        check_outcome(self.bench, self.trials, self.stopped)
        return Comparison(tuple(self.trials), self._chosen(), self.refit_s(), self.bench.metric, tuple(self.stopped))

    def _chosen(self) -> Trial:
        """Return the best, or the best of those that can still be fitted on all rows where it no longer can."""
        assert self.leader is not None
        left_s = self.effort.deadline - time.monotonic()
        if self.leader.fit_seconds * self.growth <= left_s:
            return self.leader
        candidates = [one for one in self.trials if one.family is not self.bench.families[0]]
        in_time = [one for one in candidates if one.fit_seconds * self.growth <= left_s]
        return min(in_time, key=self._rank, default=self.leader)


def load_libraries(families: Sequence[Family], dataset: Dataset) -> None:
    """Import what the candidates are made of before processes are forked, which else each would do again."""
    for family in families:
        with suppress(Exception):  # a trial will tell
            family.features(dataset.kinds)
            family.estimator(family.defaults)
    with one_quiet_thread():  # the pools of threads that they brought are found once too
        pass
