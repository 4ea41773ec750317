"""A workspace whose settings files are written by the test, and the one line that reading them gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.settings.files import load
from engine.settings.model import DeckSettings
from engine.workspace import Workspace
from store.errors import BrokenSettings

DECK = 'name = "test"\n'
RATES = """[model]
name = "rates"
task = "regression"

[data]
source = "rows.csv"
target = "y"
"""


class Files:
    """The settings files of one workspace."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        (root / "models").mkdir(parents=True)
        self.write("deck.toml", DECK)
        self.write("models/rates.toml", RATES)

    def write(self, name: str, text: str) -> None:
        """Write one file whole."""
        (self.workspace.root / name).write_text(text, encoding="utf-8")

    def add(self, text: str) -> None:
        """Append to the model's file."""
        self.write("models/rates.toml", f"{RATES}{text}")

    def load(self) -> DeckSettings:
        """Read them."""
        return load(self.workspace)

    def complaint(self) -> str:
        """Return the one line that reading them gives."""
        with pytest.raises(BrokenSettings) as caught:
            self.load()
        assert caught.value.exit_code == 2
        assert "\n" not in caught.value.line()
        return caught.value.line()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Two files that hold."""
    return Files((tmp_path / "deck").resolve())


@pytest.fixture
def complaint_about(files: Files) -> Callable[[str], str]:
    """Return a function: what is said when this text follows the model's file."""

    def complain(text: str) -> str:
        files.add(text)
        return files.complaint()

    return complain
