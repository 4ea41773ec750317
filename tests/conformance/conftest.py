from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateways import gateway, here
from servers import KINDS, AnyRouter, Backend, Client, free_port

from engine.deploy.haproxy.config import Limits
from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.process_router import ProcessRouter
from engine.workspace import Workspace

__all__ = ["gateway", "here"]


@pytest.fixture
def backend() -> Iterator[Callable[..., Backend]]:
    """Return a maker of servers, ended with the test."""
    with ExitStack() as made:

        def make(name: str, port: int = 0) -> Backend:
            one = Backend(name, port)
            made.callback(one.kill)
            return one

        yield make


@pytest.fixture(scope="session")
def image_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the gateway's packages are kept: fetched once for all tests."""
    return tmp_path_factory.getbasetemp() / "gateway-image"


@pytest.fixture(scope="module")
def docker_host(engine_url: str, image_cache: Path) -> Iterator[Callable[..., HaproxyRouter]]:
    """Return a maker of routers of one Docker host, whose gateway lives as long as the module: it takes a second."""
    import docker

    client = docker.DockerClient(base_url=engine_url, timeout=60)
    deck, free = f"test-{uuid.uuid4().hex[:8]}", free_port()

    def make(port: int = 0) -> HaproxyRouter:
        return HaproxyRouter(client, deck, image_cache, port=port or free, limits=Limits(slots=8))

    yield make
    make().forget()
    client.close()


@pytest.fixture(params=KINDS)
def make_router(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., AnyRouter]]:
    """Return a maker of routers of one kind. They all speak for one host: the second one made meets the first one's."""
    with ExitStack() as made:
        if request.param == "process":

            def make(port: int = 0) -> AnyRouter:
                router = ProcessRouter(Workspace(tmp_path), port=port)
                made.callback(router.close)
                made.callback(router.stop)
                return router
        else:
            deck = request.getfixturevalue("docker_host")

            def make(port: int = 0) -> AnyRouter:
                router = deck(port)
                made.callback(router.close)
                return router

            first = make()
            first.ensure_running()
            first.clear()

        yield make


@pytest.fixture
def router(make_router: Callable[..., AnyRouter]) -> AnyRouter:
    """A running router with nothing in it."""
    made = make_router()
    made.ensure_running()
    return made


@pytest.fixture
def client(router: AnyRouter) -> Iterator[Client]:
    """A client of the router."""
    made = Client(router)
    yield made
    made.close()
