"""Which deck a line is about: said by the line, else by the environment, and never a guess between two."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.commands.place import place_of
from engine.service.shared import SharedDeck
from engine.workspace import Workspace
from store.errors import Refused

RATES = SharedDeck("rates", Path("/run/modeldeck/rates/sock"))


@pytest.fixture(name="here")
def workspace_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Stand in a workspace."""
    monkeypatch.chdir(folder)
    return Workspace(folder.resolve())


def test_without_a_word_it_is_the_nearest_workspace(here: Workspace) -> None:
    assert place_of(None, None, {}) == here


def test_deck_is_named_by_its_socket_and_never_by_a_folder(here: Workspace) -> None:
    assert place_of(None, "rates", {}) == RATES
    assert place_of(None, None, {"MODELDECK_SOCKET": str(RATES.socket)}) == RATES


def test_line_goes_before_the_environment(here: Workspace) -> None:
    environment = {"MODELDECK_SOCKET": "/run/modeldeck/other/sock"}
    assert place_of(str(here.root), None, environment) == here
    assert place_of(None, "rates", {"MODELDECK_WORKSPACE": str(here.root)}) == RATES


def test_two_decks_at_once_are_refused(here: Workspace) -> None:
    with pytest.raises(Refused, match="-w names a workspace and --deck a shared deck"):
        place_of(str(here.root), "rates", {})
    both = {"MODELDECK_SOCKET": "/run/modeldeck/other/sock", "MODELDECK_WORKSPACE": str(here.root)}
    with pytest.raises(Refused, match="both MODELDECK_WORKSPACE and MODELDECK_SOCKET are set"):
        place_of(None, None, both)


@pytest.mark.parametrize("words", [("check",), ("daemon", "start"), ("daemon", "stop")])
def test_verbs_of_a_workspace_are_refused_on_a_shared_deck(line, words) -> None:  # type: ignore[no-untyped-def]
    said = line(*words, "--deck", "no-such-deck")
    assert (said.code, said.out) == (2, "")
    assert f"`{' '.join(words)}` works on a workspace folder" in said.err


def test_deck_that_is_not_there_is_one_line_for_every_verb(line) -> None:  # type: ignore[no-untyped-def]
    for words in (("models",), ("train", "rates"), ("promote", "rates", "--yes"), ("daemon", "status"), ("jobs",)):
        said = line("--deck", "no-such-deck", *words)
        assert (said.code, said.out) == (4, ""), said
        assert said.err.startswith("error: no shared deck 'no-such-deck' on this machine")
        assert said.err.count("\n") == 1
