"""A locale that is not UTF-8, and names that are not ASCII: everything works as under any other locale."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_deck import COMMAND, MODEL, WITHIN_S, Said, make_tiny

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

OWNER = "Zoë 東京"


class Foreign:
    """The command line on a deck, in a locale that can say ASCII only."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home

    def __call__(self, *words: str) -> Said:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        ran = subprocess.run(
            [str(COMMAND), "-w", str(self.root), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=WITHIN_S,
            cwd="/",
            env={**environment, **locale},
        )
        return Said(" ".join(words), ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture(name="foreign")
def deck_with_names_beyond_ascii() -> Iterator[Foreign]:
    """A deck below a folder whose name is not ASCII."""
    with tempfile.TemporaryDirectory(prefix="md") as home:
        place = Path(home) / "prës"
        place.mkdir()
        tiny = make_tiny(place)
        tiny.write_model(MODEL.replace('owner = "pricing"', f'owner = "{OWNER}"'))
        made = Foreign(tiny.root, Path(home))
        yield made
        assert made("daemon", "stop", "--all").code == 0


def test_deck_works_in_a_locale_of_ascii(foreign: Foreign) -> None:
    for words in ("check", "apply", "daemon start", "train rates", "daemon status", "doctor"):
        said = foreign(*words.split())
        assert (said.code, "of ours" in said.err) == (0, False), said
    assert json.loads(foreign("models", "--json").out)[0]["owner"] == OWNER
    assert foreign("promote", "rates", "1", "--yes", "--reason", "für zoë").code == 0
    reasons = {event["reason"] for event in foreign("events", "--json").data}
    assert "für zoë" in reasons
    assert str(foreign.root) in foreign("doctor", "--json").data["workspace"]
