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


def told(listening, *pieces):
    """Ask a listener that takes the request, answers with these bytes and closes; return the answer and the request."""
    heard = []

    def serve(door):
        link, _ = door.accept()
        with link:
            heard.append(link.recv(65_536))
            for piece in pieces:
                link.sendall(piece)

    listening.unlink()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(listening))
        door.listen()
        server = threading.Thread(target=serve, args=(door,))
        server.start()
        try:
            return ask(listening, "POST", "/v1/op/models.list", b"{}", {"X-Face": "1"}), heard[0]
        finally:
            server.join(10)


def test_a_request_is_sent_whole_and_its_answer_read_however_it_is_cut(listening):
    pieces = (b"HTTP/1.1 40", b"4 Not Found\r\nContent-Length: 5\r", b"\nX-Other: a: b\r\n\r\nab", b"cdefg")
    answer, request = told(listening, *pieces)
    assert answer == (404, b"abcde")
    head, _, body = request.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    assert (first, body) == (b"POST /v1/op/models.list HTTP/1.1", b"{}")
    assert {b"Host: modeldeck", b"Content-Length: 2", b"X-Face: 1", b"Connection: close"} <= set(headers)


def test_an_answer_that_says_no_length_ends_with_the_connection(listening):
    assert told(listening, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"not ", b"HTTP")[0] == (400, b"not HTTP")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "it closed the connection"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "it speaks no HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "it speaks no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "its answer ended halfway"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "its answer has a form of its own"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "its answer has a form of its own"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200, "its answer has no end of headers"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000, "a line of its answer has no end"),
    ],
)
def test_what_is_no_whole_answer_is_told_in_a_line(listening, sent, reason):
    with pytest.raises(Unavailable, match=rf"^the daemon does not answer \({reason}\)$") as caught:
        told(listening, sent)
    assert caught.value.exit_code == 4
