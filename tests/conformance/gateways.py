"""A gateway on a real engine, and load on it."""

from __future__ import annotations

import collections
import http.client
import io
import os
import signal
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import Backend, Client, entry, free_port, until

from engine.deploy.haproxy.config import Limits, Place, render
from engine.deploy.haproxy.link import Link
from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.haproxy.state import State


@pytest.fixture(scope="module")
def here(engine_url: str, image_cache: Path) -> Iterator[Callable[..., HaproxyRouter]]:
    """Return a maker of routers of one deck, whose gateway ends with the module."""
    import docker

    client = docker.DockerClient(base_url=engine_url, timeout=60)
    deck, port = f"test-{uuid.uuid4().hex[:8]}", free_port()

    def make(**limits: Any) -> HaproxyRouter:
        return HaproxyRouter(client, deck, image_cache, port=port, limits=Limits(**{"slots": 4, **limits}))

    yield make
    last = make()
    last.forget()
    client.close()


@pytest.fixture
def gateway(here: Callable[..., HaproxyRouter]) -> Iterator[HaproxyRouter]:
    """The running gateway, as whoever comes next finds it."""
    made = here()
    made.ensure_running()
    yield made
    made.close()


class Load:
    """Asks an endpoint from several threads at a bounded rate, over kept-alive connections."""

    def __init__(self, port: int) -> None:
        self.statuses: collections.Counter[Any] = collections.Counter()
        self._port = port
        self._stop = threading.Event()

    def _ask(self) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stop.wait(0.02):
            try:
                link.request("POST", "/rates/predict", b"[]")
                answer = link.getresponse()
                answer.read()
                self.statuses[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                self.statuses[type(error).__name__] += 1
                link.close()
        link.close()

    @contextmanager
    def running(self, threads: int = 4) -> Iterator[None]:
        """Run, at most `threads` times 50 requests a second."""
        asking = [threading.Thread(target=self._ask) for _ in range(threads)]
        for one in asking:
            one.start()
        try:
            yield
        finally:
            self._stop.set()
            for one in asking:
                one.join(30)

    def passed(self, more: int) -> None:
        """Wait until so many more requests were answered."""
        goal = self.statuses[200] + more
        until(lambda: self.statuses[200] >= goal, 30)


def serve(gateway: HaproxyRouter, generation: int, *backends: Backend) -> None:
    """Have `rates` answered by these servers alone."""
    gateway.add("d1", [one.address for one in backends])
    gateway.apply("rates", generation, [entry("d1", 100)])


def status_of(gateway: HaproxyRouter, path: str) -> int | None:
    """Return the status of one request over a connection of its own, None where there was no answer."""
    asking = Client(gateway)
    try:
        return asking.ask(path)[0]
    except (OSError, http.client.HTTPException):
        return None
    finally:
        asking.close()


def kill(gateway: HaproxyRouter) -> None:
    """Kill the gateway's first process, and all of it with it."""
    pid = gateway.hello()["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists())


def port_of(gateway: HaproxyRouter) -> int:
    return int(gateway.address().rpartition(":")[2])


class Known:
    """What a gateway knows, as the running process tells it and as the files say that it starts from."""

    def __init__(self, engine: Any, gateway: HaproxyRouter) -> None:
        container = engine.containers.get(gateway.hello()["container"])
        folder = f"/gateway/{container.labels['modeldeck.instance']}"
        link = Link(container, f"{folder}/admin.sock")
        self.text = link.ask("modeldeck routes")[0].split(" ", 1)[1]
        rows = [line.split() for line in link.ask("show servers state")[0].splitlines()[2:]]
        self.servers = sorted((row[1], row[3]) for row in rows if len(row) > 6 and row[3] != "again")
        link.close()
        self.kept = self._file(container, "/gateway/routes")
        self.config = self._file(container, f"{folder}/haproxy.cfg")
        slots = int(container.labels["modeldeck.slots"])
        self.rendered = render(State.from_text(self.text), Limits(slots=slots), Place(folder))

    @staticmethod
    def _file(container: Any, path: str) -> str:
        parts, _ = container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as whole:
            source = whole.extractfile(path.rpartition("/")[2])
            assert source is not None
            return source.read().decode()
