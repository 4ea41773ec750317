"""A shared deck is trusted by owner and mode of its places, and each way it can be wrong is one line."""

from __future__ import annotations

import os
import socket

import pytest

from engine.service import shared
from engine.service.shared import deck_at, shared_deck
from store.errors import NotAllowed, Refused, Unavailable

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root owns the folder of shared decks")


@pytest.fixture(name="base")
def folder_of_shared_decks(tmp_path, monkeypatch):
    """A folder that stands for /run/modeldeck, by a path short enough."""
    monkeypatch.chdir(tmp_path)
    base = (tmp_path / "run").relative_to(tmp_path)
    base.mkdir(mode=0o755)
    monkeypatch.setattr(shared, "SHARED", base)
    return base


@pytest.fixture(name="place")
def place_of_a_deck(base):
    """The folder of deck `rates`, with a socket in it."""
    folder = base / "rates"
    folder.mkdir()
    folder.chmod(0o750)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "sock"))
        (folder / "sock").chmod(0o660)
        yield folder


@root_only
def test_deck_is_answered_for_by_the_owner_of_its_folder(place):
    assert shared_deck("rates").check() == os.geteuid()


@root_only
@pytest.mark.parametrize("mode", [0o757, 0o770, 0o777])
def test_folder_that_others_can_write_is_refused(place, mode):
    place.chmod(mode)
    with pytest.raises(Refused, match="run/rates can be written by others than its owner"):
        shared_deck("rates").check()


@root_only
def test_socket_that_anybody_may_use_is_refused(place):
    (place / "sock").chmod(0o666)
    with pytest.raises(Refused, match="run/rates/sock is not the socket of"):
        shared_deck("rates").check()


@root_only
def test_socket_of_another_than_the_folders_owner_is_refused(place):
    os.chown(place / "sock", 60_123, -1)
    with pytest.raises(Refused, match="is not the socket of root, who owns its folder"):
        shared_deck("rates").check()


@root_only
@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_folder_of_shared_decks_that_others_can_write_is_refused(place, base, mode):
    base.chmod(mode)
    with pytest.raises(Refused, match="is not a folder that only root writes"):
        shared_deck("rates").check()


@root_only
def test_folder_of_shared_decks_that_is_not_roots_is_refused(place, base):
    os.chown(base, 60_123, -1)
    with pytest.raises(Refused, match="is not a folder that only root writes"):
        shared_deck("rates").check()


def test_deck_that_is_not_there_says_which_are(place):
    os.chown(place.parent, 0, -1) if os.geteuid() == 0 else pytest.skip("only root owns the folder of shared decks")
    with pytest.raises(Unavailable, match="no shared deck 'posts' on this machine") as caught:
        shared_deck("posts").check()
    assert (caught.value.exit_code, caught.value.hint) == (4, "there is: rates")


@root_only
def test_daemon_that_does_not_run_is_said_with_its_owner(place):
    (place / "sock").unlink()
    with pytest.raises(Unavailable, match="the daemon of deck rates does not run") as caught:
        shared_deck("rates").check()
    assert "starts it: modeldeck daemon start" in caught.value.hint


@pytest.mark.parametrize("name", ["../etc", "a/b", "", "Rates", ".", "x" * 64, "a\nb"])
def test_name_that_is_none_never_becomes_a_path(name):
    with pytest.raises(Refused, match="is no name of a deck"):
        shared_deck(name)


def test_socket_named_by_its_path_is_taken_as_it_is_and_checked_alike(place):
    path = (place / "sock").resolve()
    deck = deck_at(str(path))
    assert (deck.name, deck.socket, deck.check()) == ("rates", path, os.geteuid())
    place.chmod(0o777)
    with pytest.raises(Refused, match="can be written by others"):
        deck.check()


def test_relative_path_of_a_socket_is_refused():
    with pytest.raises(Refused, match="not an absolute path"):
        deck_at("run/sock")


def test_closed_deck_says_what_to_ask_for(place):
    error = shared_deck("rates").closed(place.stat())
    assert isinstance(error, NotAllowed)
    assert error.exit_code == 6
    assert error.message.startswith("deck rates is open to group ")
    assert "and a role under [access], then log in anew" in error.hint
