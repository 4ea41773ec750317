"""A shared deck's folder and socket: made with owner, group and modes, verified when there, one deck to a name."""

from __future__ import annotations

import grp
import json
import os
import stat

import pytest

from engine.daemon.sharing import make_folder, open_shared, prepare, unit_settings
from engine.daemon.start import status
from engine.service import shared
from engine.service.shared import shared_deck
from engine.service.socket import ask
from store.errors import Refused

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make the folder of shared decks")

GROUP = grp.getgrgid(os.getegid()).gr_name
OTHER = next(group for group in grp.getgrall() if group.gr_gid != os.getegid())


@pytest.fixture(name="base")
def folder_of_shared_decks(short_home, tmp_path, monkeypatch):
    """A folder that stands for /run/modeldeck."""
    base = short_home / tmp_path.name
    monkeypatch.setattr(shared, "SHARED", base)
    return base


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_socket_are_the_groups_and_nobody_elses(base):
    opened = open_shared("rates", OTHER.gr_name)
    try:
        folder = base / "rates"
        assert (mode(base), mode(folder), mode(folder / "sock"), mode(folder / "lock")) == (0o755, 0o750, 0o660, 0o600)
        assert {folder.stat().st_gid, (folder / "sock").stat().st_gid} == {OTHER.gr_gid}
        assert {folder.stat().st_uid, (folder / "sock").stat().st_uid} == {os.geteuid()}
        assert shared_deck("rates").check() == os.geteuid()
    finally:
        opened.close()
    assert not (base / "rates" / "sock").exists()
    assert (base / "rates").is_dir()


def test_socket_is_never_wider_than_it_will_be_whatever_the_umask(base):
    before = os.umask(0)
    try:
        open_shared("rates", GROUP).close()
    finally:
        os.umask(before)
    assert mode(base / "rates") == 0o750


def test_name_another_deck_uses_is_refused_and_free_again_later(base):
    first = open_shared("rates", GROUP)
    with pytest.raises(Refused, match="another deck is shared as 'rates' already"):
        open_shared("rates", GROUP)
    assert (base / "rates" / "sock").exists()
    first.close()
    open_shared("rates", GROUP).close()


def test_group_that_is_none_says_how_to_make_it(base):
    with pytest.raises(Refused) as caught:
        open_shared("rates", "no-such-group")
    assert caught.value.line() == "[access] group 'no-such-group' is no group of this machine: groupadd no-such-group"
    assert not base.exists()


def test_folder_of_another_owner_is_refused(base):
    prepare("rates", 60_123, GROUP)
    with pytest.raises(Refused, match="rates belongs to 60123, not to root"):
        open_shared("rates", GROUP)


def test_folder_that_anybody_can_write_is_refused(base):
    prepare("rates", os.geteuid(), GROUP).chmod(0o757)
    with pytest.raises(Refused, match="rates can be written by anybody"):
        open_shared("rates", GROUP)


def test_link_in_place_of_the_folder_is_refused(base, tmp_path):
    base.mkdir(mode=0o755)
    (base / "rates").symlink_to(tmp_path)
    with pytest.raises(Refused):
        open_shared("rates", GROUP)


def test_folder_of_shared_decks_that_others_can_write_is_refused(base):
    make_folder(base / "rates", os.geteuid(), os.getegid(), GROUP)
    os.chown(base, 60_123, -1)
    with pytest.raises(Refused, match="is not a folder that only root writes"):
        open_shared("posts", GROUP)


def test_unit_makes_the_folder_at_each_boot():
    lines = unit_settings("rates", "ml")
    assert {"RuntimeDirectory=modeldeck/rates", "RuntimeDirectoryMode=0750", "SupplementaryGroups=ml"} <= set(lines)


@pytest.fixture(name="deck_name")
def settings_that_share(daemon):
    """Write deck.toml with and without a group, and put it and the folder back afterwards."""
    name = f"test-{os.getpid()}"
    path = daemon.workspace.root / "deck.toml"
    before = path.read_text()

    def share(group):
        path.write_text(f'name = "{name}"\n[access]\ngroup = "{group}"\nviewer = ["nobody"]\n')
        daemon.client.call("deck.apply", {})

    yield name, share
    path.write_text(before)
    daemon.client.call("deck.apply", {})
    daemon.until(lambda: status(daemon.workspace).shared == "")
    folder = shared.SHARED / name
    if folder.exists():
        (folder / "lock").unlink(missing_ok=True)
        folder.rmdir()


def test_daemon_opens_and_closes_the_shared_socket_as_settings_are_applied(daemon, deck_name):
    name, share = deck_name
    assert status(daemon.workspace).shared == ""
    share(GROUP)
    place = shared.socket_of(name)
    daemon.until(lambda: status(daemon.workspace).shared == str(place))
    said = shared_deck(name).health()
    assert (said["deck"], said["pid"]) == (name, daemon.pid)
    code, answer = ask(place, "POST", "/v1/op/access.show", owner=os.geteuid())
    report = json.loads(answer)["answer"]
    assert (code, report["group"], report["role"]) == (200, GROUP, "admin")
    share("no-such-group")
    daemon.until(lambda: "is no group of this machine" in status(daemon.workspace).shared)
    assert not place.exists()
    share(OTHER.gr_name)
    daemon.until(lambda: status(daemon.workspace).shared == str(place))
    assert place.stat().st_gid == OTHER.gr_gid
