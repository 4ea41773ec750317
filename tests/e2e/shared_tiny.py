"""A tiny deck that accounts of this machine share."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accounts import Accounts, make_accounts
from tiny_deck import MODEL, Said, made_rows

from engine.daemon.sharing import prepare
from engine.service import shared


@dataclass(frozen=True)
class SharedTiny:
    """A tiny deck owned by one account and shared with two others of its group; a fourth is in no group."""

    accounts: Accounts
    name: str
    root: Path
    owner: str
    operator: str
    viewer: str
    outsider: str

    def as_owner(self, *words: str) -> Said:
        """Run a line as the deck's owner, in the workspace."""
        return self.accounts.run(self.owner, *words, cwd=self.root)

    def __call__(self, user: str, *words: str) -> Said:
        """Run a line as a user, who names the deck and stands in no workspace."""
        return self.accounts.run(user, "--deck", self.name, *words)

    def events(self, filter: str) -> list[dict[str, Any]]:
        """Return events as the owner sees them."""
        found: list[dict[str, Any]] = self.as_owner("events", filter, "--all", "--json").data
        return found


@contextmanager
def shared_tiny() -> Iterator[SharedTiny]:
    """Make the deck and its accounts; at the end its processes, its accounts and its folders are gone."""
    home = Path(tempfile.mkdtemp(prefix="md"))
    home.chmod(0o711)
    accounts = made = None
    try:
        accounts = make_accounts(home)
        made = _make(accounts)
        yield made
    finally:
        if made is not None:
            made.as_owner("daemon", "stop", "--all")
            shutil.rmtree(shared.socket_of(made.name).parent, ignore_errors=True)
        if accounts is not None:
            accounts.remove()
        shutil.rmtree(home)


def _make(accounts: Accounts) -> SharedTiny:
    owner, operator, viewer = (accounts.add(name, member=True) for name in ("own", "op", "view"))
    outsider = accounts.add("out", member=False)
    root = accounts.home_of(owner) / "deck"
    tiny = SharedTiny(accounts, accounts.group, root, owner, operator, viewer, outsider)
    (root / "models").mkdir(parents=True)
    rows = made_rows()
    lines = [",".join(rows[0]), *(",".join(str(cell) for cell in row.values()) for row in rows)]
    (root / "rates.csv").write_text("\n".join(lines) + "\n")
    (root / "models" / "rates.toml").write_text(MODEL)
    (root / "deck.toml").write_text(
        f'name = "{tiny.name}"\ntime_zone = "Europe/Rome"\n\n[access]\ngroup = "{accounts.group}"\n'
        f'operator = ["{operator}"]\nviewer = ["{viewer}"]\n'
    )
    subprocess.run(["chown", "-R", f"{owner}:", str(root)], check=True)
    prepare(tiny.name, root.stat().st_uid, accounts.group)
    applied = tiny.as_owner("apply")
    assert applied.code == 0, applied
    started = tiny.as_owner("daemon", "start")
    assert started.code == 0, started
    deadline = time.monotonic() + 30
    while tiny.as_owner("daemon", "status", "--json").data["shared"] != str(shared.socket_of(tiny.name)):
        assert time.monotonic() < deadline, tiny.as_owner("daemon", "status")
    return tiny
