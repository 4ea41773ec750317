"""A shared deck as its operators see it: a name, a socket outside every workspace, and who may have put it there."""

from __future__ import annotations

import grp
import os
import re
import stat
from pathlib import Path
from typing import Any

from engine.service.identity import user_name
from engine.service.socket import health_of
from engine.service.wire import refuse_daemon
from store.errors import NotAllowed, Refused, Unavailable
from store.rows.frozen import dataclass

SHARED = Path("/run/modeldeck")  # root's folder; each shared deck has one of its own in it
WRITABLE_BY_OTHERS = 0o022

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class SharedDeck:
    """A deck reached by its socket only: nothing of its workspace is opened by this process."""

    name: str
    socket: Path

    def check(self) -> int:
        """Return the uid that has to answer at the socket, after looking that nobody else can have put it there.

        Raises:
            NotAllowed: the folder is closed to this user: the line says which group to ask for.
            Refused: owner or mode is not what a daemon makes.
            Unavailable: no daemon of this deck listens.
        """
        if self.socket.parent.parent == SHARED:
            _refuse_foreign_base()
        try:
            folder = self.socket.parent.lstat()
        except (FileNotFoundError, NotADirectoryError):
            raise Unavailable(f"no shared deck {self.name!r} on this machine", _what_is_there()) from None
        except PermissionError:
            raise NotAllowed(f"{self.socket} is closed to {user_name(os.geteuid())}", "ask its owner") from None
        if not stat.S_ISDIR(folder.st_mode) or folder.st_mode & WRITABLE_BY_OTHERS:
            raise Refused(
                f"{self.socket.parent} can be written by others than its owner",
                f"have {user_name(folder.st_uid)} remove it and restart the daemon",
            )
        try:
            found = self.socket.lstat()
        except FileNotFoundError:
            raise Unavailable(
                f"the daemon of deck {self.name} does not run",
                f"its owner {user_name(folder.st_uid)} starts it: modeldeck daemon start",
            ) from None
        except PermissionError:
            raise self.closed(folder) from None
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != folder.st_uid or found.st_mode & stat.S_IRWXO:
            raise Refused(
                f"{self.socket} is not the socket of {user_name(folder.st_uid)}, who owns its folder",
                "have it removed and the daemon restarted",
            )
        return folder.st_uid

    def health(self) -> dict[str, Any]:
        """Return what the daemon says of itself: deck, time_zone, product, pid, started_at.

        Raises:
            NotAllowed: the deck is closed to this user.
            Unavailable: its daemon does not answer, or is another version.
        """
        said = health_of(self.socket, owner=self.check())
        if said is None:
            raise Unavailable(f"the daemon of deck {self.name} does not answer", "tell its owner")
        refuse_daemon(said)
        return said

    def closed(self, folder: os.stat_result) -> NotAllowed:
        """Say to whom the deck is open, and what to ask for."""
        group, owner, me = _group_name(folder.st_gid), user_name(folder.st_uid), user_name(os.geteuid())
        return NotAllowed(
            f"deck {self.name} is open to group {group}, and {me} is not in it",
            f"ask {owner} for group {group} and a role under [access], then log in anew",
        )


def shared_deck(name: str) -> SharedDeck:
    """Return the deck of that name.

    Raises:
        Refused: it is no name of a deck.
    """
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name of a deck", _what_is_there())
    return SharedDeck(name, socket_of(name))


def deck_at(socket: str) -> SharedDeck:
    """Return the deck that listens at a path, as MODELDECK_SOCKET gives it.

    Raises:
        Refused: the path is not absolute.
    """
    path = Path(socket)
    if not path.is_absolute():
        raise Refused(f"MODELDECK_SOCKET is {socket!r}, not an absolute path", "give the socket's whole path")
    return SharedDeck(path.parent.name, path)


def socket_of(name: str) -> Path:
    """Return where a shared deck of that name listens."""
    return SHARED / name / "sock"


def _refuse_foreign_base() -> None:
    try:
        base = SHARED.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(base.st_mode) or base.st_uid != 0 or base.st_mode & WRITABLE_BY_OTHERS:
        raise Refused(f"{SHARED} is not a folder that only root writes", "have root remove it and restart the daemons")


def _what_is_there() -> str:
    try:
        names = sorted(each.name for each in SHARED.iterdir() if each.is_dir())
    except OSError:
        names = []
    if names:
        return f"there is: {', '.join(names)}"
    return "its owner shares it with [access] group in deck.toml, then: sudo modeldeck daemon install"


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
