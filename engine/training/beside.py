"""Work in a forked process while the training goes on with its own; done here after all where that process was lost."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from engine.training.apart import Child, Lost, Raised

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Done = TypeVar("Done")


class Beside(Generic[Done]):
    """Does `work` from now on in a process of its own, which ends with the block.

    What it changes is changed there only; what it returns is pickled on the way.
    """

    def __init__(self, work: Callable[[], Done]) -> None:
        self._work = work

        def serve(connection: Connection) -> None:
            connection.send(("done", work()))

        self._child = Child(serve)

    def result(self) -> Done:
        """Return what the work came to, waiting for it.

        Where its process died (memory for two is not everywhere) or the work raised, it is done once more here, and
        raises here what it raises.
        """
        try:
            done: Done = self._child.take()
            return done
        except (Lost, Raised):
            return self._work()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._child.end()
