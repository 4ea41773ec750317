"""What rows say before any candidate is fitted on them: which columns explain the target, and which are redundant."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.settings.checks import ERROR, WARNING
from engine.training.dataset import Dataset
from engine.training.leakage import Leak, leaks
from engine.training.selection import Judge, Look, by_importance, looks, redundant
from engine.training.trial import one_quiet_thread
from store.errors import Refused

if TYPE_CHECKING:
    from engine.settings.model import ModelSettings

LEAKS_SHARE = 0.03  # of the budget, for the look at columns that explain the target by themselves
LEAKS_S = 0.3  # or so long: a few columns


class RowLooks:
    """Looks at rows in pieces, to be taken while the candidates are fitted in processes of their own.

    Columns that explain the target by themselves are looked for at once where the settings call them an error.

    Raises:
        Refused: there are some, and they are an error.
    """

    def __init__(
        self,
        dataset: Dataset,
        rows: Any,
        settings: ModelSettings,
        left_s: float,
        progress: Callable[[float, str], None],
    ) -> None:
        self._dataset, self._rows, self._settings, self._left_s = dataset, rows, settings, left_s
        self._progress = progress
        self.leaking: list[Leak] = []
        self._parts: Sequence[Any] = ()
        self._redundant: list[dict[str, str]] = []  # why columns are, by part
        if settings.checks.leakage == ERROR:
            self._look_for_leaks()

    def pieces(self, dataset: Dataset, parts: Sequence[Any], mode: str) -> list[Callable[[], None]]:
        """Return what is to be called; `dataset` has the columns that candidates read.

        In the mode "report" it is found out which are redundant in each of some `parts` of the rows, all of them first.
        """
        pieces: list[Callable[[], None]] = []
        if mode == "report":
            self._parts = parts
            pieces += [partial(self._look_for_redundant, dataset, rows) for rows in parts]
        return [*pieces, *([self._look_for_leaks] if self._settings.checks.leakage == WARNING else [])]

    def worth(
        self, dataset: Dataset, importance: Iterable[dict[str, Any]], judge: Judge, seconds: float, fit_s: float
    ) -> tuple[Look, list[Look]]:
        """Return what all rows, by a version's importance, and each of the other parts say of the columns.

        For the latter there are `seconds`; a fit on some takes `fit_s`.
        """
        whole = by_importance(self._redundant[0], importance)
        return whole, looks(dataset, self._parts[1:], judge, seconds, fit_s, self._redundant[1:])

    def _look_for_redundant(self, dataset: Dataset, rows: Any) -> None:
        self._redundant.append(redundant(dataset, rows))

    def _look_for_leaks(self) -> None:
        settings, is_error = self._settings, self._settings.checks.leakage == ERROR
        seconds = math.inf if is_error else max(LEAKS_SHARE * self._left_s, LEAKS_S)
        with one_quiet_thread():
            self.leaking, unseen = leaks(self._dataset, self._rows, seconds=seconds, seed=settings.train.seed)
        if unseen:
            columns = self._dataset.frame.shape[1]
            self._progress(0.1, f"no time to look for leakage in {len(unseen)} of {columns} columns")
        if not self.leaking:
            return
        told = "; ".join(leak.told() for leak in self.leaking[:3])
        if is_error:
            remedy = 'leave it out in [data] features, or say [checks] leakage = "warning" where that is right'
            raise Refused(told, remedy)
        self._progress(0.1, f"look whether this is known at prediction time: {told}")
