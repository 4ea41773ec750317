from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sample_deck import SampleClient


@pytest.fixture
def sample() -> SampleClient:
    return SampleClient()
