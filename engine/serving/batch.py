"""Micro-batching without a timer: what arrives while a prediction runs is predicted together next, then logged, then
answered. What could not be answered in time is refused when it comes, by how long batches have taken."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from engine.serving.contract import Coded, together
from engine.serving.log import LogFull, SegmentLog
from engine.serving.metrics import ServerMetrics
from engine.serving.pace import Pace
from engine.serving.predict import PredictError, Predictor

BATCH_ROWS = 512  # rows predicted together at most, unless one request alone has more
INLINE_ROWS = 64  # up to here a thread costs more than it frees, and
INLINE_S = 0.01  # so it does where the model has answered as many rows sooner than this, as known from earlier ones
RESERVE = 0.25  # of a deadline, for what an estimate does not see
QUEUE_ROWS = 50_000  # beyond, new requests are refused whatever the pace
BEAT_S = 0.05  # how often the loop is looked at: by how much later it comes back, it was busy
QUEUE_S = 1.0  # a request that would wait longer is refused, where the version says nothing else

Outputs = list[dict[str, Any]]


class Overloaded(Exception):
    """A request would not be answered in time; `retry_s` is when another might be."""

    def __init__(self, message: str, retry_s: float) -> None:
        super().__init__(message)
        self.retry_s = max(1, math.ceil(retry_s))


class Late(Exception):
    """A request's own deadline passed before the model was asked."""


class Waiting(Protocol):
    """One request that waits: coded columns of `count` rows, and until when (`time.monotonic()`) it may."""

    coded: Coded
    count: int
    until: float

    def is_gone(self) -> bool:
        """Say whether nobody waits for it any more."""
        ...

    def lines(self, outputs: Outputs) -> bytes:
        """Return its log lines, empty where it is not logged."""
        ...

    def settle(self, found: Outputs | Exception) -> None:
        """Take its outputs, or a PredictError, LogFull or Late."""
        ...


class Batcher:
    """Owns the model and the log: one prediction at a time, and a batch is on the log before anyone is answered."""

    def __init__(
        self,
        predictor: Predictor,
        log: SegmentLog,
        metrics: ServerMetrics,
        *,
        durable: bool = True,
        queue_s: float = QUEUE_S,
        inline_s: float = INLINE_S,
    ) -> None:
        self._predictor = predictor
        self._log = log
        self._metrics = metrics
        self._durable = durable
        self._queue_s = queue_s
        self._inline_s = inline_s
        self._waiting: deque[Waiting] = deque()
        self._rows = 0
        self._scheduled = False
        self._pace = Pace()  # of batches, from their first request to their last answer
        self._asking = Pace()  # of the model alone
        self._most = 0  # rows it has been asked at once
        self._begun = 0.0  # when the batch that runs, or gathers, began
        self._lag = 0.0  # how long what is read now may have waited in its socket, while the loop did other things
        self._running = 0  # rows of a batch that runs in the thread
        self._thread = ThreadPoolExecutor(1, "predict", initializer=hush if predictor.is_compiled else tune)
        self._loop = asyncio.get_running_loop()
        self._due = math.inf
        self._timer = self._loop.call_soon(self._beat)

    def admit(self, until: float, count: int = 0) -> None:
        """Look whether a request may wait, before anything is made of it.

        Raises:
            Overloaded: it would wait longer than it may.
        """
        if not self._scheduled:
            return  # nothing waits, so one is taken: or it would never be known that all is well again
        now = time.monotonic()
        wait = self._wait(now)
        own = self._pace.batch(min(self._rows + count, BATCH_ROWS))  # it is answered with all of its batch
        late = wait + own > (until - now) * (1.0 - RESERVE)
        if self._rows + count > QUEUE_ROWS or wait > self._queue_s or late:
            self._metrics.shed += 1
            raise Overloaded(f"{self._rows} rows wait already, for {wait:.2f} s", wait)

    def submit(self, one: Waiting) -> None:
        """Queue a request.

        Raises:
            Overloaded: it would wait longer than it may.
        """
        if self._scheduled:
            self.admit(one.until, one.count)
        else:
            self._scheduled = True
            self._begun = time.monotonic()
            self._loop.call_soon(self._flush)
        self._waiting.append(one)
        self._rows += one.count

    def forget(self) -> None:
        """Forget how long batches took: the first ones load what they need."""
        self._pace, self._asking = Pace(), Pace()

    def close(self) -> None:
        """End the prediction thread."""
        self._timer.cancel()
        self._thread.shutdown(wait=False)

    def _wait(self, now: float) -> float:
        """Return how long a request that comes now will wait: the rest of the batch that runs, and those before it."""
        passed = now - self._begun
        if self._running:
            passed = max(0.0, self._pace.batch(self._running) - passed)
        return self._lag + passed + self._pace.rows(self._rows, BATCH_ROWS)

    def _beat(self) -> None:
        now = time.monotonic()
        self._lag = max(0.0, now - self._due)
        self._due = now + BEAT_S
        self._timer = self._loop.call_later(BEAT_S, self._beat)

    def _flush(self) -> None:
        batch: list[Waiting] = []
        count = 0
        now = time.monotonic()
        while self._waiting and (not batch or count + self._waiting[0].count <= BATCH_ROWS):
            one = self._waiting.popleft()
            self._rows -= one.count
            if one.until < now:
                self._metrics.late += 1
                one.settle(Late("its deadline passed while it waited"))
            elif one.is_gone():  # it gave up, and may have asked again: what nobody reads only keeps others waiting
                self._metrics.gone += 1
            else:
                batch.append(one)
                count += one.count
        if not batch:
            self._scheduled = False
            return
        if not self._is_short(count):
            self._running = count
            running = self._loop.run_in_executor(self._thread, self._predict, batch, time.thread_time)
            running.add_done_callback(lambda done: self._finish(batch, count, done.result()))
            return
        # nothing else of ours runs meanwhile: the wall tells as much as the thread's own time, for a tenth of the cost
        self._finish(batch, count, self._predict(batch, time.monotonic))

    def _is_short(self, rows: int) -> bool:
        """Say whether so many rows are predicted within the loop: beside a busy one a thread waits for its turns."""
        expected = self._asking.batch(rows)
        return expected <= self._inline_s and (rows <= INLINE_ROWS or rows <= 2 * self._most)

    def _finish(self, batch: list[Waiting], count: int, answers: list[Outputs | PredictError]) -> None:
        try:
            self._settle(batch, answers)
        except Exception as error:  # a fault of ours fails this batch; it must not keep the next from being answered
            for one in batch:
                one.settle(PredictError(f"not recorded: {type(error).__name__}: {error}"))
        now = time.monotonic()
        self._pace.add(count, now - self._begun)
        self._running = 0
        self._begun = now
        if self._waiting:
            self._loop.call_soon(self._flush)
        else:
            self._scheduled = False

    def _predict(self, batch: list[Waiting], clock: Callable[[], float]) -> list[Outputs | PredictError]:
        """Return outputs or the error of each, and note what the model took."""
        begun = clock()
        found = self._answered(batch)
        rows = sum(one.count for one in batch)
        self._asking.add(rows, clock() - begun)
        self._most = max(self._most, rows)
        return found

    def _answered(self, batch: list[Waiting]) -> list[Outputs | PredictError]:
        """Return outputs or the error of each; one request's bad rows never fail another's."""
        try:
            if len(batch) == 1:
                return [self._predictor.answer(batch[0].coded)]
            outputs = self._predictor.answer(together([one.coded for one in batch]))
        except PredictError as error:
            return [error] if len(batch) == 1 else [self._answered([one])[0] for one in batch]
        parts: list[Outputs | PredictError] = []
        start = 0
        for one in batch:
            parts.append(outputs[start : start + one.count])
            start += one.count
        return parts

    def _settle(self, batch: list[Waiting], answers: list[Outputs | PredictError]) -> None:
        told = [one.lines(found) if isinstance(found, list) else b"" for one, found in zip(batch, answers, strict=True)]
        lines = b"".join(told)
        self._metrics.batches += 1
        failure: LogFull | None = None
        if lines:
            try:
                self._log.write(lines)
            except LogFull as error:
                self._metrics.log_failures += 1
                if self._durable:
                    failure = error
                else:
                    self._metrics.dropped += sum(one.count for one, line in zip(batch, told, strict=True) if line)
        for one, found, logged in zip(batch, answers, told, strict=True):
            if isinstance(found, list) and (failure is None or not logged):
                self._metrics.rows += one.count
                one.settle(found)
            else:
                one.settle(failure if isinstance(found, list) and failure is not None else found)


def hush() -> None:
    """Switch off numpy's warnings of extreme numbers, in this thread."""
    import numpy as np

    from engine.serving.compiled.model import QUIET

    np.seterr(**QUIET)


def tune() -> None:
    """Switch off scikit-learn's check of constructor parameters, in this thread: they do not change after a fit."""
    import sklearn

    sklearn.set_config(skip_parameter_validation=True)
