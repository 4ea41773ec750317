"""The daemon as a systemd unit: its text from a few facts, and writing it where systemd looks. Starts nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.workspace import Workspace
from store.errors import Refused, StorageUnwritable

SYSTEM_FOLDER = Path("/etc/systemd/system")
STOP_WITHIN_S = 40


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit is made of. `user` is empty for a unit of the user's own systemd."""

    deck: str
    workspace: Workspace
    interpreter: str = sys.executable
    user: str = ""
    more: tuple[str, ...] = ()  # further lines of [Service], such as those of a shared deck

    @property
    def name(self) -> str:
        """The unit's file name."""
        return f"modeldeck-{self.deck}.service"

    @property
    def is_system(self) -> bool:
        """Tell whether the machine's systemd runs it."""
        return bool(self.user)


def unit_text(unit: Unit) -> str:
    """Return the unit.

    Jobs, servers and router live on when the daemon stops or restarts (`KillMode=process`), and one of them that runs
    out of memory does not take the daemon with it (`OOMPolicy=continue`). They run within the unit's bounds too, so
    these leave the workspace, the network and temporary folders as they are. The daemon opens its log itself: a file
    that systemd opened would be root's.
    """
    command = (unit.interpreter, "-P", "-m", "engine.daemon", "--log", "-w", str(unit.workspace.root))
    service = [
        "Type=exec",
        f"ExecStart={' '.join(_quoted(word) for word in command)}",
        f"WorkingDirectory={_escaped(str(unit.workspace.root))}",
        *([f"User={unit.user}"] if unit.user else []),
        "KillMode=process",
        "OOMPolicy=continue",
        "Restart=on-failure",
        "RestartSec=2",
        f"TimeoutStopSec={STOP_WITHIN_S}",
        "UMask=0077",
        "LimitNOFILE=65536",
        "TasksMax=infinity",
        "NoNewPrivileges=yes",
        *_SANDBOX * unit.is_system,
        *unit.more,
    ]
    described = f"Description=modeldeck daemon of deck {unit.deck}"
    sections: Sequence[tuple[str, Sequence[str]]] = (
        ("Unit", (described, *(("After=network.target",) * unit.is_system), "StartLimitIntervalSec=60")),
        ("Service", service),
        ("Install", (f"WantedBy={'multi-user.target' if unit.is_system else 'default.target'}",)),
    )
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in sections)


# Of the machine's systemd only: a user's own may not make these.
_SANDBOX = (
    "ProtectSystem=full",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
)


def folder_of(unit: Unit) -> Path:
    """Return where systemd looks for the unit."""
    if unit.is_system:
        return SYSTEM_FOLDER
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".config"
    return base / "systemd" / "user"


def write_unit(unit: Unit) -> tuple[Path, bool]:
    """Write the unit; (its path, it stood there already).

    Raises:
        StorageUnwritable: the folder cannot be written to by this user.
    """
    path, text = folder_of(unit) / unit.name, unit_text(unit)
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return path, True
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        remedy = "run it with sudo" if unit.is_system else "check the folder's owner"
        raise StorageUnwritable(f"{path} cannot be written ({error.strerror})", remedy) from None
    return path, False


def enable_commands(unit: Unit) -> list[str]:
    """Return what the person runs next: writing a unit starts nothing."""
    if unit.is_system:
        return ["systemctl daemon-reload", f"systemctl enable --now {unit.name}"]
    return [
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {unit.name}",
        "loginctl enable-linger   # so that it starts with the machine and outlives your login",
    ]


def _quoted(word: str) -> str:
    """Quote a word of a command line as systemd reads it."""
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(sign in word for sign in " \t\"'\\;") else escaped


def _escaped(text: str) -> str:
    """Escape the one sign that systemd expands everywhere.

    Raises:
        Refused: the path has a line break.
    """
    if "\n" in text:
        raise Refused(f"{text!r} has a line break", "a unit cannot name it: rename the folder")
    return text.replace("%", "%%")
