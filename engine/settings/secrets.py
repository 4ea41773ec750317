"""Credentials stay out of settings, logs, events and origins: told by where they lie, taken out of what is shown."""

from __future__ import annotations

import os
import re
from pathlib import Path

from store.errors import Refused

HIDDEN = "***"
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")
_USER = re.compile(r"(?<=://)([^/?#\s@]*):([^/?#\s]*)@")  # a password may hold an @: the last one ends it
_WORDS = r"pass(?:word|wd)?|pwd|secret|token|(?:api|access|secret|subscription)[_-]?key|sig(?:nature)?|credential|auth"
_PARAMETER = re.compile(rf"(?i)([?&;\s](?:[\w.-]*[_-])?(?:{_WORDS})=)([^&;\s'\"]+)")


def is_reference(text: str) -> bool:
    """Say whether a text tells where a secret lies: `env:NAME` or `file:PATH`."""
    return _REFERENCE.fullmatch(text) is not None


def holds_credential(text: str) -> bool:
    """Say whether a source's address holds a password or key."""
    return "://" in text and redacted(text) != text


def redacted(text: str, secret: str = "") -> str:
    """Return a text without the passwords of its addresses, and without `secret` wherever it stands."""
    if secret:
        text = text.replace(secret, HIDDEN)
    text = _USER.sub(rf"\1:{HIDDEN}@", text)
    return _PARAMETER.sub(rf"\1{HIDDEN}", text) if "://" in text else text


def secret_of(where: str, root: Path) -> str:
    """Return the credential that `env:NAME` or `file:PATH` leads to; relative paths are of the workspace.

    Raises:
        Refused: it is not there, is empty, or lies in a file that others may read.
    """
    kind, _, name = where.partition(":")
    if kind == "env":
        found = os.environ.get(name, "")
        if not found:
            raise Refused(
                f"the environment variable {name} is not set", "set it where the daemon is started, then restart that"
            )
        return found
    path = root / Path(name).expanduser()
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or "not UTF-8 text"
        remedy = f"write the credential into it, for its owner alone: chmod 600 {path}"
        raise Refused(f"the secret file {path} cannot be read ({told})", remedy) from None
    found_open, is_empty = bool(mode & 0o077), not text
    if found_open:
        also = ", and it is empty" if is_empty else ""
        raise Refused(f"others may read the secret file {path}{also}", f"chmod 600 {path}")
    if is_empty:
        raise Refused(f"the secret file {path} is empty", "write the credential into it")
    return text
