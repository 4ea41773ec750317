"""The engine that the tests of Docker deployment stand on."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.docker
def test_the_engine_is_one_we_can_deploy_to(engine: Any) -> None:
    told = engine.version()
    assert tuple(int(part) for part in told["ApiVersion"].split(".")) >= (1, 41)
    assert told["Os"] == "linux"
