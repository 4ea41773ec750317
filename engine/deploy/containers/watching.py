"""What is asked of one container again and again: is it ready, what has it logged, is its artifact what it was.

Each look runs in a thread: a server that hangs, or a long log, must not hold up the routes of its host.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deploy.containers.link import Link
from engine.deploy.containers.mirror import Mirror
from store.errors import ModeldeckError, Unavailable


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: whether the server is ready and what it says; `wrong` is why nothing (more) could be had."""

    answered: bool
    ready: bool
    told: dict[str, Any]
    wrong: str = ""
    artifact: str = ""  # sha256 of the artifact as it lies there, where it was asked for


class Line:
    """One link to a container, opened by the look that needs it, ended by whoever has no more use for it."""

    def __init__(self, open_link: Callable[[], Link]) -> None:
        self._open_link = open_link
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._over = False

    def link(self) -> Link:
        """Return the link, opened anew where it was lost.

        Raises:
            Unavailable: it was ended, or the engine or the container does not answer.
            WorkFailed: the container does not run.
        """
        if self._link is None or not self._link.is_open:
            fresh = self._open_link()
            with self._lock:
                self._link = fresh
                if self._over:
                    fresh.close()
        if self._over:
            raise Unavailable("nobody looks at it any more")
        return self._link

    def end(self) -> None:
        """End it, and with it what is being asked over it."""
        with self._lock:
            self._over = True
            if self._link is not None:
                self._link.close()


class Watching:
    """Looks at one container, one look at a time; its log folder is held as long as it is looked at."""

    def __init__(self, open_link: Callable[[], Link], segments: Path) -> None:
        self._open_link = open_link
        self._segments = segments
        self._line: Line | None = None
        self._looking: Future[Seen] | None = None
        self._mirror: Mirror | None = None
        self._fetching = threading.Lock()

    @property
    def is_looking(self) -> bool:
        """Say whether a look is under way."""
        return self._looking is not None and not self._looking.done()

    def begin(self, threads: ThreadPoolExecutor, *, artifact: bool) -> None:
        """Begin a look; with `artifact`, one at what the server was made from too."""
        if self._line is None:
            self._line = Line(self._open_link)
        self._looking = threads.submit(self._look, self._line, artifact)

    def seen(self) -> Seen | None:
        """Return what a look has seen that ended since this was asked last."""
        looking = self._looking
        if looking is None or not looking.done():
            return None
        self._looking = None
        return looking.result()

    def _look(self, line: Line, artifact: bool) -> Seen:
        try:
            link = line.link()
            answer = link.ready()
            seen = Seen(True, answer["status"] == 200, json.loads(answer["body"]))
        except (ModeldeckError, ValueError) as error:
            return Seen(False, False, {}, error.message if isinstance(error, ModeldeckError) else str(error))
        try:
            with self._fetching:
                if line is not self._line:
                    raise Unavailable("nobody looks at it any more")
                self.mirror.fetch(link)
            there = link.artifact() if artifact else ""
        except ModeldeckError as error:
            return Seen(True, seen.ready, seen.told, error.message)
        return Seen(True, seen.ready, seen.told, artifact=there)

    @property
    def mirror(self) -> Mirror:
        """The container's log here; its folder is taken by whoever asks first."""
        if self._mirror is None:
            self._mirror = Mirror(self._segments)
        return self._mirror

    def hang_up(self) -> None:
        """End the look that is under way and forget what it saw; the container goes on."""
        line, self._line = self._line, None
        if line is not None:
            line.end()
        self._looking = None

    def fetch_stopped(self, container: Any, host: str) -> None:
        """Bring home all that the log of a stopped container still holds.

        Raises:
            Unavailable: the engine does not answer.
            StorageUnwritable: the disk here is full or read-only.
        """
        self.hang_up()
        with self._fetching:
            self.mirror.fetch_stopped(container, host)

    def let_go(self, *, for_good: bool) -> None:
        """Give the log's folder back; `for_good`, remove it where nothing is left in it."""
        self.hang_up()
        with self._fetching:
            mirror, self._mirror = self._mirror, None
            if mirror is not None:
                with contextlib.suppress(OSError):
                    mirror.remove() if for_good else mirror.let_go()
