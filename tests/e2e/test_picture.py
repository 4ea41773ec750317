"""The picture of README is drawn from a deck that serves: untried, nobody would see that it can be drawn no more."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tiny_deck import Tiny

pytestmark = pytest.mark.e2e

DRAW = """
import asyncio, sys
from pathlib import Path
from console.picture import draw
print(asyncio.run(draw(Path(sys.argv[1]))))
"""


def test_the_pulse_of_a_deck_is_drawn_as_svg(serving: Tiny) -> None:
    environment = {**os.environ, "HOME": str(serving.home)}
    ran = subprocess.run(
        [sys.executable, "-P", "-c", DRAW, str(serving.root)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("<svg")
    assert "rates" in ran.stdout
    assert "Way&#160;back" in ran.stdout
