"""What the terminal can do and what the link can bear; settled before Textual is imported, which reads it then."""

from __future__ import annotations

import locale
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

SSH_FPS = 15
LOCAL_FPS = 30
THEMES = ("dark", "light", "ansi", "mono")


@dataclass(frozen=True, slots=True)
class Profile:
    """The resolved profile; `modeldeck doctor` prints it."""

    is_remote: bool
    fps: int
    theme: str
    ascii_only: bool
    mouse: bool = False

    def lines(self) -> list[str]:
        """Return the profile as lines a person reads."""
        return [
            f"link: {'ssh' if self.is_remote else 'local'}, at most {self.fps} frames a second, no animations",
            f"theme: {self.theme}" + (", ASCII only" if self.ascii_only else ""),
            f"mouse: {'on' if self.mouse else 'off, the terminal selects text itself'}",
        ]


def profile(
    environ: Mapping[str, str], *, ascii_only: bool = False, encoding: str | None = None, theme: str = "auto"
) -> Profile:
    """Read the profile from the environment, and from the theme that a person set.

    Without one, `MODELDECK_THEME` names it; `NO_COLOR` gives the one without colours; a terminal that says its
    background is light gets the light one. An encoding other than UTF-8, or the Linux console, gets plain signs.
    """
    is_remote = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    encoding = encoding if encoding is not None else locale.getencoding()
    plain = encoding.lower().replace("-", "") != "utf8" or environ.get("TERM") in ("linux", "vt100", "dumb")
    return Profile(
        is_remote=is_remote,
        fps=SSH_FPS if is_remote else LOCAL_FPS,
        theme=theme if theme in THEMES else _theme(environ),
        ascii_only=ascii_only or plain or environ.get("MODELDECK_ASCII") == "1",
    )


def _theme(environ: Mapping[str, str]) -> str:
    if environ.get("NO_COLOR"):
        return "mono"
    named = environ.get("MODELDECK_THEME", "")
    if named in THEMES:
        return named
    background = environ.get("COLORFGBG", "").rsplit(";", 1)[-1]
    if background in ("7", "15"):
        return "light"
    return "ansi" if environ.get("TERM", "") in ("linux", "vt100", "xterm", "screen") else "dark"


def prepare(found: Profile, environ: MutableMapping[str, str]) -> None:
    """Set what Textual reads at import. `NO_COLOR` is settled by our own theme; Textual would paint grey instead."""
    environ.pop("NO_COLOR", None)
    for name in ("COLUMNS", "LINES"):  # where they are exported they would hold against every change of size
        environ.pop(name, None)
    environ["TEXTUAL_FPS"] = str(found.fps)
    environ["TEXTUAL_ANIMATIONS"] = "none"
    environ["TEXTUAL_SMOOTH_SCROLL"] = "0"
    leave_out_openssl()


def leave_out_openssl() -> None:
    """Keep OpenSSL from being loaded by asyncio, http.client and hashlib, which do without it: 8 MB of no use here.

    A console speaks to a Unix socket alone, and hashes a path at most, which Python does by itself. What was loaded
    before stays.
    """
    for name in ("ssl", "_hashlib"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
