"""The fit on all rows begun ahead: of a candidate without rivals it is made beside the folds that it is judged by."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engine.training.apart import Child, Lost, Overdue, Raised
from engine.training.family import sole
from engine.training.fitting import fit, refit
from engine.training.search import load_libraries
from store.errors import WorkFailed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from engine.training.dataset import Dataset
    from engine.training.family import Family, Params
    from engine.training.warm import Base

CORES = 2  # with fewer the folds would only wait for it


class Ahead:
    """Fits the sole candidate on all `rows`, in a process beside the training that takes `memory_mb` at most.

    What `keep` makes of the fitted candidate there, its bytes, is `kept` once `refit` has returned it: empty where it
    was fitted otherwise, or could not be kept. It ends with the block.
    """

    def __init__(
        self, dataset: Dataset, rows: Any, memory_mb: int | None = None, keep: Callable[[Any], bytes] | None = None
    ) -> None:
        self._dataset, self._rows, self._memory_mb, self._keep = dataset, rows, memory_mb, keep
        self.kept = b""
        self._family: Family | None = None
        self._child: Child | None = None

    def foresee(self, candidates: Sequence[Family]) -> None:
        """Begin where one candidate alone competes with the Dummy, the first of them, and there is a core to spare."""
        family = sole(candidates)
        if family is None or len(os.sched_getaffinity(0)) < CORES:
            return
        load_libraries(candidates, self._dataset)
        self._family = family
        self._child = Child(lambda connection: self._serve(connection, family), self._memory_mb)

    def _serve(self, connection: Connection, family: Family) -> None:
        begun = time.process_time()
        model = fit(self._dataset, self._rows, family, family.defaults)
        seconds, kept = time.process_time() - begun, b""
        if self._keep is not None:
            with suppress(WorkFailed):  # who needs it makes it once more, and is told why it cannot be
                kept = self._keep(model)
        connection.send(("done", (model, seconds, kept)))

    def refit(self, family: Family, params: Params, until: float, base: Base | None = None) -> tuple[Any, float]:
        """Return (a candidate fitted on all rows, the seconds that it takes); `until` is of `time.monotonic()`.

        What was begun ahead is taken where it is that candidate's, and nothing went wrong with it.

        Raises:
            WorkFailed: it did not end in time, raised, or died.
        """
        if self._child is not None and family is self._family and params == family.defaults and base is None:
            try:
                model, seconds, self.kept = self._child.receive(until)
            except (Lost, Raised, Overdue):  # it had less memory than there is now; out of time it is told below
                pass
            else:
                return model, seconds
        self._end()
        begun = time.monotonic()
        return refit(self._dataset, self._rows, family, params, until, base), time.monotonic() - begun

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end()
