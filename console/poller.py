"""The one thread that reads: every two seconds it asks whether anything moved, and only then reads the visible screen.

A second thread, `Errands`, carries what a person asked for (a preview, a change), one after the other, so that a slow
read never stands before a rollback.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from store.errors import ModeldeckError

ANYWAY_S = 30.0  # traffic is not in the registry, so what counts it is read again even when the token stands
LONGEST_WAIT_S = 30.0


class Asks(Protocol):
    """What the console needs of a client."""

    def call(self, operation_id: str, request: Any = None) -> Any:
        """Ask, and return the typed answer."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a read gave: `page` names who asked."""

    page: str
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a read gave nothing."""

    page: str
    error: ModeldeckError


Read = Callable[[Asks], Any]


class Poller:
    """Reads for the visible screen on a thread of its own and hands answers to `post`."""

    def __init__(
        self,
        client: Callable[[], Asks],
        post: Callable[[Answer | Failure], None],
        *,
        interval_s: float,
    ) -> None:
        self._make_client = client
        self._post = post
        self._interval_s = interval_s
        self._wake = threading.Condition()
        self._page = ""
        self._read: Read | None = None
        self._is_always = False
        self._asked = False
        self._stopped = False
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="console-poller", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; a read in flight is left to finish by itself."""
        with self._wake:
            self._stopped = True
            self._wake.notify()

    def watch(self, page: str, read: Read, *, is_always: bool = False) -> None:
        """Read for this page from now on, at once and then whenever something moved; `is_always` at every tick."""
        with self._wake:
            self._page, self._read, self._is_always = page, read, is_always
            self._asked = True
            self._wake.notify()

    def refresh(self) -> None:
        """Read again now."""
        with self._wake:
            self._asked = True
            self._wake.notify()

    def _run(self) -> None:
        client: Asks | None = None
        token, waited_s = "", 0.0
        while True:
            with self._wake:
                if not self._asked and not self._stopped:
                    self._wake.wait(self._wait_s() or None)
                if self._stopped:
                    return
                page, read, asked, always = self._page, self._read, self._asked, self._is_always
                self._asked = False
            if read is None:
                continue
            try:
                client = client or self._make_client()
                now_token = client.call("deck.changes").token
                waited_s = 0.0 if asked else waited_s + self._interval_s
                if asked or always or now_token != token or waited_s >= ANYWAY_S or self._failures:
                    waited_s = 0.0
                    value = read(client)
                    token, self._failures = now_token, 0
                    self._post(Answer(page, value))
                    del value  # thousands of rows would be held here a second time until the next read
            except ModeldeckError as error:
                self._failed(page, error)
            except Exception as error:  # a read must never end the thread: the screen says what happened
                self._failed(page, ModeldeckError(f"{type(error).__name__}: {error}"))

    def _wait_s(self) -> float:
        return float(min(self._interval_s * 2 ** min(self._failures, 8), max(LONGEST_WAIT_S, self._interval_s)))

    def _failed(self, page: str, error: ModeldeckError) -> None:
        self._failures += 1
        self._post(Failure(page, error))


@dataclass(frozen=True, slots=True)
class Returned:
    """An errand came back: with `value`, or with `error`."""

    number: int
    value: Any
    error: ModeldeckError | None


class Errands:
    """Carries one call after the other on a thread of its own."""

    def __init__(self, client: Callable[[], Asks], post: Callable[[Returned], None]) -> None:
        self._make_client = client
        self._post = post
        self._waiting: queue.SimpleQueue[tuple[int, Read] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="console-errands", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is under way."""
        self._waiting.put(None)

    def send(self, number: int, work: Read) -> None:
        """Carry this out; the answer names `number`."""
        self._waiting.put((number, work))

    def _run(self) -> None:
        client: Asks | None = None
        while (item := self._waiting.get()) is not None:
            number, work = item
            try:
                client = client or self._make_client()
                self._post(Returned(number, work(client), None))
            except ModeldeckError as error:
                self._post(Returned(number, None, error))
            except Exception as error:  # what went wrong is shown to the person who asked
                self._post(Returned(number, None, ModeldeckError(f"{type(error).__name__}: {error}")))
