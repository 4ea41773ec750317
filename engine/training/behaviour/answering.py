"""A version that answers from a process of its own: a model that never ends or takes the process down is told of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.connection import Connection
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engine.model_io.asked import counted_from_one
from engine.model_io.load import loader_of
from engine.serving.contract import InputError
from engine.serving.predict import PredictError, Predictor
from engine.training.apart import Child
from engine.training.trial import one_quiet_thread

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.rows import Version

LOAD_S = 120.0  # a model library and a large artifact, on a busy machine

Records = list[dict[str, Any]]
Ask = Callable[[Sequence[Mapping[str, Any]], float], Records]  # rows and a `time.monotonic()`; answers in their order


class Unanswered(Exception):
    """The rows have no answer; the message says why, in one line."""


class Answering:
    """Asks a version's artifact. Its process is started when first asked, and again after one that was lost."""

    def __init__(self, deck: Deck, version: Version) -> None:
        """Look at the seal, and prepare what is loaded.

        Raises:
            CorruptArtifact: the seal does not hold, or a part is missing or damaged.
        """
        self._load = loader_of(deck, version)
        self._child: Child | None = None

    def ask(self, rows: Sequence[Mapping[str, Any]], until: float) -> Records:
        """Return the prediction records of these rows.

        Raises:
            Unanswered: a row does not fit the signature, or the model raised.
            engine.training.apart.Lost, Overdue, Raised: the process ended, was ended at `until`, or could not load.
        """
        begun = time.monotonic()
        try:
            child = self._started()
            child.connection.send(list(rows))
            kind, value = child.receive(until + (time.monotonic() - begun))  # loading is no test's time
        except BaseException:
            self.close()
            raise
        if kind == "refused":
            raise Unanswered(value)
        answers: Records = value
        return answers

    def _started(self) -> Child:
        if self._child is None:
            self._child = Child(partial(_serve, self._load))
            self._child.receive(time.monotonic() + LOAD_S)
        return self._child

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def _serve(load: Callable[[], Predictor], connection: Connection) -> None:
    with one_quiet_thread():
        predictor = load()
        connection.send(("done", ("loaded", None)))
        while True:
            try:
                rows = connection.recv()
            except EOFError:
                return
            said: tuple[str, Any]
            try:
                said = ("answers", predictor.predict(rows))
            except (InputError, PredictError) as error:
                said = ("refused", counted_from_one(" ".join(str(error).split())))
            connection.send(("done", said))
