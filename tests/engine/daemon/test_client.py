"""The client chooses the transport: the socket while a daemon holds the lock, the owner's own process otherwise."""

from __future__ import annotations

import os

import pytest

from engine.client import Client, connect
from engine.daemon.start import status, stop
from engine.service.lock import acquire, holder
from engine.workspace import Workspace
from store.errors import NotAllowed, Refused, Unavailable, UnknownName


@pytest.fixture(name="source")
def waiting_workspace(tmp_path, make_waiting):
    """A workspace that no daemon ever saw."""
    return make_waiting(tmp_path / "deck")


@pytest.fixture(name="client")
def client_of_the_workspace(source):
    """A client of it."""
    with Client(source.workspace) as made:
        yield made


@pytest.fixture(name="stopped_after")
def stop_after(source, kill_jobs):
    """Stop whatever daemon a verb has started."""
    yield
    found = holder(source.workspace)
    if found is not None:
        stop(source.workspace, all=True)
        os.waitpid(found.pid, 0)


def test_first_read_of_a_new_workspace_is_an_empty_list(client):
    assert client.transport == "process"
    assert client.call("jobs.list") == ()
    assert holder(client.workspace) is None


def test_change_in_process_holds_the_lock_and_gives_it_back(client):
    with acquire(client.workspace, "change", product="0.1.0", started_at=0):
        assert client.transport == "process"
        with pytest.raises(Refused, match="is changing this deck"):
            client.call("deck.apply")
    assert client.call("deck.apply").body["revision"] == 1
    assert client.call("deck.apply").already
    assert holder(client.workspace) is None


def test_a_read_only_client_reads_and_has_changes_refused_before_a_lock_or_a_daemon(source):
    with Client(source.workspace, read_only=True) as reader:
        assert reader.call("jobs.list") == ()
        for operation, request in (("deck.apply", None), ("runs.train", {"model": "waiting"})):
            with pytest.raises(NotAllowed, match="this session is read-only"):
                reader.call(operation, request)
    assert holder(source.workspace) is None
    with Client(source.workspace) as writer:
        assert writer.call("deck.apply").body["revision"] == 1


def test_folder_that_is_no_workspace_says_how_to_make_one(tmp_path):
    with Client(Workspace(tmp_path)) as client, pytest.raises(Unavailable) as caught:
        client.call("jobs.list")
    assert caught.value.hint == "make one: modeldeck init DIR"


def test_operation_nobody_knows_is_refused_before_anything_is_opened(client):
    with pytest.raises(UnknownName):
        client.call("no.such")
    assert not client.workspace.registry.exists()


@pytest.mark.parametrize("operation", ["jobs.list", "deck.apply", "runs.train"])
def test_another_user_is_refused_in_process(client, monkeypatch, operation):
    monkeypatch.setattr(os, "geteuid", lambda: 60_123)
    with pytest.raises((Refused, NotAllowed), match="this deck belongs to"):
        client.call(operation, {"model": "plain"} if operation == "runs.train" else None)
    assert holder(client.workspace) is None


# The daemon is let go of on purpose: it outlives the command that started it.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.usefixtures("stopped_after")
def test_first_verb_that_makes_a_job_starts_the_daemon(source, client, until):
    source.go()
    job = client.call("data.ingest", {"model": "plain"})
    assert client.transport == "socket"
    assert status(client.workspace).state == "running"
    until(lambda: client.call("jobs.detail", {"id": job.id}).state == "succeeded")
    with connect(source.workspace, start_daemon=True) as second:
        assert second.call("jobs.list")[0].id == job.id


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_daemon_that_cannot_start_leaves_its_reason(source):
    source.workspace.state.mkdir(mode=0o700)
    source.workspace.registry.write_text("this is no registry")
    with pytest.raises(Unavailable, match=r"the daemon did not start: .*damaged") as caught:
        connect(source.workspace, start_daemon=True)
    assert caught.value.exit_code == 4
