"""Runs a model's behaviour tests: each in its time, each with one line, whatever a test or the model does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.settings.behaviour import BehaviourTest, hash_of
from engine.training.apart import Lost, Overdue, Raised
from engine.training.behaviour.answering import Answering, Ask, Unanswered
from engine.training.behaviour.declared import BadTest, expected, run_cases, run_changed
from engine.training.behaviour.functions import run_function
from store.rows import BehaviourResult
from store.rows.behaviour import BROKEN, PASSED
from store.rows.frozen import dataclass

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.rows import Version

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """What the tests said, and which tests they were."""

    results: tuple[BehaviourResult, ...]
    tests_hash: str
    code_hash: str  # "" where no test is a function

    @property
    def wrong(self) -> tuple[BehaviourResult, ...]:
        """Those that did not pass."""
        return tuple(one for one in self.results if one.verdict != PASSED)

    def line(self) -> str:
        """Say it in one line."""
        if not self.wrong:
            return f"{len(self.results)} of {len(self.results)} behaviour tests passed"
        count, first = len(self.wrong), self.wrong[0]
        more = f", and {count - 1} more" if count > 1 else ""
        return f"{count} of {len(self.results)} behaviour tests: {first.name} {first.verdict}: {first.seen}{more}"


def run_on_artifact(
    deck: Deck, settings: ModelSettings, version: Version, progress: Progress = lambda _share, _text: None
) -> Ran:
    """Run the tests of these settings against a version's artifact.

    Raises:
        CorruptArtifact: it cannot be loaded.
    """
    with Answering(deck, version) as answering:
        return run_tests(deck, settings, version, answering.ask, progress)


def run_tests(
    deck: Deck,
    settings: ModelSettings,
    version: Version,
    ask: Ask,
    progress: Progress = lambda _share, _text: None,
) -> Ran:
    """Run the tests of these settings; `ask` answers for the version. Functions are those of the workspace as it is.

    Raises:
        CorruptArtifact: the version's golden requests are missing or damaged.
    """
    from engine.data import bundle

    folder, code_hash = Path(), ""
    if any(one.function for one in settings.tests.values()):
        code_hash = bundle.make_bundle(deck.workspace, deck.artifacts)
        folder = bundle.extract_bundle(deck, code_hash)
    golden = json.loads(deck.artifacts.read(version.golden_hash))["requests"]
    results = []
    for number, (name, test) in enumerate(settings.tests.items()):
        progress(number / len(settings.tests), f"behaviour test {name}")
        verdict, seen = _one(test, test.rows or golden, ask, version.signature, folder)
        results.append(BehaviourResult(name, test.kind, verdict, " ".join(seen.split()), expected(test)))
    return Ran(tuple(results), hash_of(settings.tests, code_hash), code_hash)


def _one(
    test: BehaviourTest, rows: Sequence[Mapping[str, Any]], ask: Ask, signature: Mapping[str, Any], folder: Path
) -> tuple[str, str]:
    try:
        if test.function:
            return run_function(test, rows, ask, folder)
        if test.cases:
            return run_cases(test, ask, signature)
        return run_changed(test, rows, ask, signature)
    except (BadTest, Unanswered) as error:
        return BROKEN, str(error)
    except Overdue:
        return BROKEN, f"the model did not answer within {test.timeout_s:g} s"
    except (Lost, Raised) as error:
        return BROKEN, f"the model: {error}"
