"""A command line in this process, on a fresh workspace, and streams that play a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.main import main


@dataclass(frozen=True)
class Said:
    """What one command line left."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        return json.loads(self.err)["error"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


Line = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh workspace named deck, and a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("MODELDECK_WORKSPACE", "MODELDECK_DEBUG", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "deck"
    root.mkdir()
    (root / "deck.toml").write_text('name = "deck"\ntime_zone = "Europe/Rome"\n')
    (root / "models").mkdir()
    return root


@pytest.fixture
def line(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Line:
    """Run one command line in the workspace."""
    monkeypatch.chdir(folder)

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(words)
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return run
