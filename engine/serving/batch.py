"""Micro-batching without a timer: what arrives while a prediction runs is predicted together next, then logged, then
answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.serving.log import LogFull, SegmentLog
from engine.serving.metrics import ServerMetrics
from engine.serving.predict import PredictError, Predictor

BATCH_ROWS = 512  # rows predicted together at most, unless one request alone has more
INLINE_ROWS = 64  # up to here a thread costs more than it frees
QUEUE_ROWS = 50_000  # beyond, new requests are refused

Coded = dict[str, list[Any]]
Outputs = list[dict[str, Any]]


class Overloaded(Exception):
    """More rows wait than the server will keep in memory."""


class _Waiting:
    __slots__ = ("coded", "count", "future", "lines")

    def __init__(
        self, coded: Coded, count: int, lines: Callable[[Outputs], bytes] | None, future: asyncio.Future[Outputs]
    ) -> None:
        self.coded = coded
        self.count = count
        self.lines = lines
        self.future = future


class Batcher:
    """Owns the model and the log: one prediction at a time, and a batch is on the log before anyone is answered."""

    def __init__(self, predictor: Predictor, log: SegmentLog, metrics: ServerMetrics, *, durable: bool = True) -> None:
        self._predictor = predictor
        self._log = log
        self._metrics = metrics
        self._durable = durable
        self._waiting: deque[_Waiting] = deque()
        self._rows = 0
        self._scheduled = False
        self._thread = ThreadPoolExecutor(1, "predict", initializer=None if predictor.is_compiled else tune)
        self._loop = asyncio.get_running_loop()

    def submit(
        self, coded: Coded, count: int, lines: Callable[[Outputs], bytes] | None = None
    ) -> asyncio.Future[Outputs]:
        """Queue coded columns of `count` rows; `lines` makes their log lines from the outputs (None: not logged).

        The future raises PredictError or LogFull.

        Raises:
            Overloaded: too much waits already.
        """
        if self._rows and self._rows + count > QUEUE_ROWS:
            raise Overloaded(f"{self._rows} rows wait already")
        future: asyncio.Future[Outputs] = self._loop.create_future()
        self._waiting.append(_Waiting(coded, count, lines, future))
        self._rows += count
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return future

    def close(self) -> None:
        """End the prediction thread."""
        self._thread.shutdown(wait=False)

    def _flush(self) -> None:
        batch: list[_Waiting] = []
        count = 0
        while self._waiting and (not batch or count + self._waiting[0].count <= BATCH_ROWS):
            one = self._waiting.popleft()
            batch.append(one)
            count += one.count
        self._rows -= count
        if not batch:
            self._scheduled = False
            return
        if count > INLINE_ROWS:
            running = self._loop.run_in_executor(self._thread, self._predict, batch)
            running.add_done_callback(lambda done: self._finish(batch, done.result()))
            return
        self._finish(batch, self._predict(batch))

    def _finish(self, batch: list[_Waiting], answers: list[Outputs | PredictError]) -> None:
        try:
            self._settle(batch, answers)
        except Exception as error:  # a fault of ours fails this batch; it must not keep the next from being answered
            for one in batch:
                if not one.future.done():
                    one.future.set_exception(PredictError(f"not recorded: {type(error).__name__}: {error}"))
        if self._waiting:
            self._loop.call_soon(self._flush)
        else:
            self._scheduled = False

    def _predict(self, batch: list[_Waiting]) -> list[Outputs | PredictError]:
        """Return outputs or the error of each; one request's bad rows never fail another's."""
        try:
            if len(batch) == 1:
                return [self._predictor.answer(batch[0].coded)]
            first, *others = (one.coded for one in batch)
            joined = {name: list(values) for name, values in first.items()}
            for coded in others:
                for name, values in coded.items():
                    joined[name] += values
            outputs = self._predictor.answer(joined)
        except PredictError as error:
            return [error] if len(batch) == 1 else [self._predict([one])[0] for one in batch]
        parts: list[Outputs | PredictError] = []
        start = 0
        for one in batch:
            parts.append(outputs[start : start + one.count])
            start += one.count
        return parts

    def _settle(self, batch: list[_Waiting], answers: list[Outputs | PredictError]) -> None:
        lines = b"".join(
            one.lines(found)
            for one, found in zip(batch, answers, strict=True)
            if one.lines is not None and isinstance(found, list)
        )
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
                    self._metrics.dropped += lines.count(b"\n")
        for one, found in zip(batch, answers, strict=True):
            if one.future.done():  # the caller went away
                continue
            if isinstance(found, PredictError):
                one.future.set_exception(found)
            elif failure is not None and one.lines is not None:
                one.future.set_exception(failure)
            else:
                self._metrics.rows += one.count
                one.future.set_result(found)


def tune() -> None:
    """Switch off scikit-learn's check of constructor parameters, in this thread: they do not change after a fit."""
    import sklearn

    sklearn.set_config(skip_parameter_validation=True)
