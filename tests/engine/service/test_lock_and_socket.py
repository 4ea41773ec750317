"""The deck's lock has one holder, and only the owner's own socket is trusted."""

from __future__ import annotations

import fcntl
import os
import socket
import threading

import pytest

from engine.service.lock import Holder, acquire, holder, make_private
from engine.service.socket import answers, ask, check_socket
from engine.workspace import Workspace
from store.errors import Refused, StorageUnwritable, Unavailable


@pytest.fixture(name="workspace")
def empty_workspace(tmp_path):
    """A folder without anything."""
    return Workspace(tmp_path.resolve())


@pytest.fixture(name="listening")
def listening_socket(tmp_path, monkeypatch):
    """A private folder with a socket in it, by a path short enough."""
    monkeypatch.chdir(tmp_path)
    folder = (tmp_path / "run").relative_to(tmp_path)
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "sock"))
        (folder / "sock").chmod(0o600)
        yield folder / "sock"


def acquire_lock(workspace, role="change", wait_s=0.0):
    return acquire(workspace, role, product="0.1.0", started_at=7, wait_s=wait_s)


def test_lock_says_who_holds_it_until_it_is_given_back(workspace):
    assert holder(workspace) is None
    with acquire_lock(workspace, "daemon"):
        assert holder(workspace) == Holder(os.getpid(), "daemon", "0.1.0", 7)
    assert holder(workspace) is None


def test_second_holder_is_refused_with_the_first_ones_pid(workspace):
    with acquire_lock(workspace), pytest.raises(Refused, match=rf"pid {os.getpid()}\) is changing this deck"):
        acquire_lock(workspace)
    acquire_lock(workspace).release()


def test_second_holder_waits_for_a_short_change(workspace):
    first = acquire_lock(workspace)
    giving_back = threading.Timer(0.05, first.release)
    giving_back.start()
    with acquire_lock(workspace, wait_s=5.0):
        giving_back.join()


def test_lock_that_was_just_taken_and_says_nothing_yet_is_not_called_a_daemon(workspace):
    workspace.state.mkdir(mode=0o700)
    with workspace.lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert holder(workspace).role == "change"


def test_state_folder_is_made_private(workspace):
    workspace.state.mkdir(mode=0o755)
    acquire_lock(workspace).release()
    assert workspace.state.stat().st_mode & 0o777 == 0o700
    assert workspace.lock.stat().st_mode & 0o777 == 0o600


def test_lock_is_never_opened_through_a_link(workspace, tmp_path):
    workspace.state.mkdir(mode=0o700)
    workspace.lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageUnwritable):
        acquire_lock(workspace)


def test_folder_of_another_user_and_a_file_in_its_place_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="is not a folder"):
        make_private(tmp_path / "file")
    monkeypatch.setattr(os, "geteuid", lambda: 60_123)
    with pytest.raises(Refused, match="belongs to another user"):
        make_private(tmp_path)


def test_owners_private_socket_is_trusted(listening):
    check_socket(listening, os.getuid())


@pytest.mark.parametrize("mode", [0o722, 0o720, 0o702])
def test_socket_in_a_folder_others_may_write_is_refused(listening, mode):
    listening.parent.chmod(mode)
    with pytest.raises(Refused, match="not the deck owner's private folder"):
        check_socket(listening, os.getuid())


def test_socket_that_anybody_may_use_is_refused(listening):
    listening.chmod(0o666)
    with pytest.raises(Refused, match="not the deck owner's socket"):
        check_socket(listening, os.getuid())


def test_file_or_link_in_place_of_the_socket_is_refused(listening):
    real = listening.with_name("real")
    listening.rename(real)
    listening.symlink_to(real.name)
    with pytest.raises(Refused, match="not the deck owner's socket"):
        check_socket(listening, os.getuid())


def test_absent_socket_says_how_to_start_the_daemon(tmp_path):
    with pytest.raises(Unavailable, match="socket is not there") as caught:
        check_socket(tmp_path / "sock", os.getuid())
    assert (caught.value.exit_code, caught.value.hint) == (4, "start it: modeldeck daemon start")


def test_socket_nobody_listens_on_does_not_answer(listening):
    assert not answers(listening)
    with pytest.raises(Unavailable, match=r"does not answer \(Connection refused\)"):
        ask(listening, "GET", "/v1/health")
