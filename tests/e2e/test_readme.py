"""What the README tells a newcomer to type, typed: its tour by hand, line by line, and its request over HTTP."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

README = Path(__file__).resolve().parents[2] / "README.md"
HELD = 7


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    if (tmp_path / "rates").is_dir():
        type_in(tmp_path / "rates", "modeldeck daemon stop --all")


@pytest.mark.timeout(600)
def test_the_tour_by_hand_does_what_it_says(home: Path) -> None:
    folder = home
    for line in block("## Five minutes by hand"):
        command, _, comment = (part.strip() for part in line.partition(" #"))
        if command == "modeldeck" or command.startswith("export"):
            continue
        if command.startswith("modeldeck rollback"):
            command += " --yes"
        done = type_in(folder, command)
        expected = HELD if f"exit {HELD}" in comment else 0
        assert done.returncode == expected, (command, done.stdout, done.stderr)
        if command.endswith("cd rates"):
            folder = home / "rates"
            settings = folder / "models" / "nightly-rates.toml"  # the same steps, each with less time
            text = settings.read_text("utf-8").replace("trials = 12", "trials = 0")
            settings.write_text(text.replace('max_wait = "20s"', 'max_wait = "3s"'), encoding="utf-8")
        if command == "modeldeck endpoints":
            address = done.stdout.split()[-1]
            url, asked = block("## Asking a model over HTTP")
            assert url.startswith("URL=")
            answer = type_in(folder, f"URL={shlex.quote(address)}; {asked}")
            assert '"prediction_id"' in answer.stdout, answer
        if command.startswith("modeldeck rollback"):
            assert "nightly-rates@1 serves again" in done.stdout


def block(heading: str) -> list[str]:
    """Return the lines of the first shell block below a heading."""
    _, _, below = README.read_text("utf-8").partition(f"{heading}\n")
    found = re.search(r"```sh\n(.*?)```", below, re.DOTALL)
    assert found, heading
    return found.group(1).splitlines()


def type_in(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Type a line into a shell in a folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = {**os.environ, "PATH": path, "HOME": str(folder if folder.name != "rates" else folder.parent)}
    words = ["bash", "-c", command]
    return subprocess.run(
        words, cwd=folder, env=told, text=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL, check=False
    )
