"""What an imported version is here: whether its environment is this interpreter's, and its golden answers the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from engine.deploy.stage import stage
from engine.serving import environment
from engine.settings.apply import settings_of
from store.errors import ModeldeckError
from store.rows.frozen import dataclass

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.rows import Version

WITHIN_S = 120
SHOWN = 3  # differences of environments that are told
ASK = """
import pathlib, sys
from engine.serving.standalone import main
sys.exit(main(["--check"], pathlib.Path(sys.argv[1])))
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a version answers here as it did where it was made; `told` is one line for people."""

    same_environment: bool
    golden: bool
    differences: tuple[str, ...]
    told: str


def proof_here(deck: Deck, version: Version) -> Proof:
    """Ask a version's golden requests in a process of its own, and compare its environment with this interpreter's."""
    try:
        recorded = json.loads(deck.artifacts.read(version.environment_hash))
        differ = tuple(environment.differences(recorded, environment.lock()))
    except (ModeldeckError, ValueError, KeyError, TypeError, AttributeError):
        differ = ("its environment cannot be read",)
    golden, told = _golden(deck, version)
    if differ:
        more = f", and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
        told += f"; made in another environment: {'; '.join(differ[:SHOWN])}{more}: it serves in an image only"
    return Proof(not differ, golden, differ, told)


def _golden(deck: Deck, version: Version) -> tuple[bool, str]:
    try:
        folder = stage(deck, version, settings_of(deck, version.settings_revision).models[version.model])
        command = [sys.executable, "-P", "-c", ASK, str(folder)]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except ModeldeckError as error:
        return False, f"its golden requests could not be asked: {error.message}"
    except subprocess.TimeoutExpired:
        return False, f"its golden requests were not answered within {WITHIN_S} s"
    said = (asked.stdout or asked.stderr).strip().splitlines() or ["it ended without a word"]
    return asked.returncode == 0, said[-1]
