"""Each of the fitted pipelines in turn, on one thread as a training proves them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.training.trial import one_quiet_thread

sys.path.insert(0, str(Path(__file__).parent))

from fitted_cases import CASES, Case, case


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with one_quiet_thread():
        yield


@pytest.fixture(params=CASES)
def every_case(request: pytest.FixtureRequest) -> Case:
    """One pipeline, its compiled form and its golden requests."""
    return case(request.param)
