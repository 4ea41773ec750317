"""An import that is killed at each of its steps leaves nothing half done, and a repeat ends it."""

from __future__ import annotations

import base64
import importlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_bundles import Made

from engine.access import Caller, Role
from engine.deck import Deck, make_deck
from engine.model_io import sealing
from engine.operations.common import Done
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.settings.apply import apply_settings
from engine.workspace import Workspace
from store import events, origins, versions

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def _imported(made: Made, deck: Deck) -> Done:
    """Import as the command does, asking the deck in this process."""
    admin, parts = ServiceContext(deck, Caller("user:ada", Role.ADMIN)), made.parts()
    begun = call(admin, "bundle.begin", made.begin())
    for one in begun.lacked:
        data = base64.b64encode(parts[one.name][one.have :]).decode()
        piece = {"bundle": begun.bundle, "name": one.name, "offset": one.have, "data": data}
        call(admin, "bundle.put", piece)
    done: Done = call(admin, "bundle.take", {"name": "v1.bundle", "bundle": begun.bundle, "key": made.key})
    return done


def _killed_at(reached: str, nth: int, act: Callable[[], object]) -> None:
    """Do something in a process that is killed when it calls a function (`module:name`) for the nth time."""
    child = os.fork()
    if child == 0:
        module, _, name = reached.partition(":")
        place: Any = importlib.import_module(module)
        *above, last = name.split(".")
        for each in above:
            place = getattr(place, each)
        real, calls = getattr(place, last), []

        def dying(*words: Any, **more: Any) -> Any:
            calls.append(1)
            if len(calls) == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **more)

        setattr(place, last, dying)
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), (reached, "was not reached")


@pytest.mark.parametrize(
    ("reached", "nth"),
    [
        ("store.artifacts:Artifacts.put_file", 1),
        ("store.artifacts:Artifacts.put_file", 9),
        ("engine.interop.bundle_import:types_of", 1),
        ("engine.model_io.sealing:seal", 1),
        ("store.origins:trust", 1),
        ("engine.interop.bundle_import:shutil.rmtree", 2),
        ("engine.interop.bundle_proof:proof_here", 1),
    ],
)
def test_a_killed_import_leaves_nothing_half_done_and_a_repeat_ends_it(
    made: Made, tmp_path: Path, reached: str, nth: int
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "deck.toml").write_text('name = "killed"\n[hosts.local]\nkind = "process"\n')
    shutil.copy(made.tiny.root / "models" / "rates.toml", tmp_path / "models")
    deck = make_deck(Workspace(tmp_path))
    apply_settings(deck, "user:ada", "")
    deck.database.close()

    def act() -> Done:
        mine = make_deck(Workspace(tmp_path))
        try:
            return _imported(made, mine)
        finally:
            mine.database.close()

    _killed_at(reached, nth, act)
    deck = make_deck(Workspace(tmp_path))
    assert events.verify(deck.database).ok
    committed = reached.endswith(("rmtree", "proof_here"))
    assert len(versions.versions(deck.database, "rates")) == committed
    assert bool(origins.signers(deck.database)) == committed
    deck.database.close()
    assert act().already == committed
    deck = make_deck(Workspace(tmp_path))
    assert [one.number for one in versions.versions(deck.database, "rates")] == [1]
    sealing.checked(deck, versions.version(deck.database, "rates", 1))
    assert not any(deck.workspace.importing.glob("*"))
    deck.database.close()
