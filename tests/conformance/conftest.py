from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from servers import Backend


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
