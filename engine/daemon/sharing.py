"""The shared deck's folder and socket below /run: made with owner, group and mode verified, one deck to a name."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.daemon.listening import listen_at
from engine.service import shared
from engine.service.identity import user_name
from engine.service.shared import WRITABLE_BY_OTHERS
from store.errors import Refused, StorageUnwritable

FOLDER_MODE = 0o750
SOCKET_MODE = 0o660


@dataclass(slots=True)
class SharedSocket:
    """A listening socket that members of a group can reach, and the lock that keeps its name."""

    name: str
    group: str
    path: Path
    listening: socket.socket
    _lock: int

    def close(self) -> None:
        """Take the socket away and give the name back; the folder stays for the next start."""
        self.path.unlink(missing_ok=True)
        self.listening.close()
        os.close(self._lock)


def open_shared(name: str, group: str) -> SharedSocket:
    """Listen at the shared deck's place for the members of `group`.

    Raises:
        Refused: no such group, a foreign or open folder, or a name another deck uses; the line says what to do.
        StorageUnwritable: the folder is not there and cannot be made by this user.
    """
    gid = _gid(group)
    folder = shared.socket_of(name).parent
    make_folder(folder, os.geteuid(), gid, group)
    lock = _hold(folder, name)
    try:
        path = shared.socket_of(name)
        listening = listen_at(path)
        try:
            os.chown(path, -1, gid)
            path.chmod(SOCKET_MODE)
        except OSError:
            listening.close()
            raise
    except BaseException:
        os.close(lock)
        raise
    return SharedSocket(name, group, path, listening, lock)


def make_folder(folder: Path, owner: int, gid: int, group: str) -> None:
    """Make the deck's folder, or verify the one that is there: `owner`'s, 0750, of the group.

    Raises:
        Refused: it belongs to someone else, others can write to it, or the owner is not in the group.
        StorageUnwritable: it cannot be made.
    """
    _make_base(folder.parent)
    try:
        folder.mkdir(mode=FOLDER_MODE)
        os.chown(folder, owner, -1)
    except FileExistsError:
        pass
    except OSError as error:
        raise StorageUnwritable(
            f"{folder} cannot be made ({error.strerror})", "root makes it: sudo modeldeck daemon install"
        ) from None
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise Refused(
            f"{folder} belongs to {user_name(found.st_uid)}, not to {user_name(owner)}",
            "give the deck another name, or have that folder removed",
        )
    if found.st_mode & stat.S_IWOTH:
        raise Refused(f"{folder} can be written by anybody", "have it removed; the daemon makes it anew")
    if found.st_gid != gid:
        try:
            os.chown(folder, -1, gid)
        except PermissionError:
            raise Refused(
                f"{user_name(owner)} is not in group {group}, so it cannot share a deck with it",
                f"usermod -aG {group} {user_name(owner)}, then restart the daemon",
            ) from None
    if stat.S_IMODE(found.st_mode) != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def prepare(name: str, owner: int, group: str) -> Path:
    """Make the folder of a shared deck for its owner; what root does at `daemon install`.

    Raises:
        Refused: as `make_folder`.
        StorageUnwritable: this is not root.
    """
    folder = shared.socket_of(name).parent
    make_folder(folder, owner, _gid(group), group)
    return folder


def unit_settings(name: str, group: str) -> list[str]:
    """Return the lines of a systemd unit's [Service] that make the folder at each boot, and let the owner share it."""
    return [
        f"RuntimeDirectory=modeldeck/{name}",
        f"RuntimeDirectoryMode={FOLDER_MODE:04o}",
        "RuntimeDirectoryPreserve=yes",
        f"SupplementaryGroups={group}",
    ]


def _gid(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise Refused(f"[access] group {group!r} is no group of this machine", f"groupadd {group}") from None


def _make_base(base: Path) -> None:
    with contextlib.suppress(OSError):  # whoever may not make it is told about the folder in it
        base.mkdir(mode=0o755)
        base.chmod(0o755)
    try:
        found = base.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & WRITABLE_BY_OTHERS:
        raise Refused(f"{base} is not a folder that only root writes", "have root remove it")


def _hold(folder: Path, name: str) -> int:
    """Keep the deck's name for the life of this process: two decks of one owner could else take turns at a socket."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Refused(f"another deck is shared as {name!r} already", "give one of them another name") from None
    return handle
