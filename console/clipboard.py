"""Text to the person's own clipboard, through the terminal: OSC 52, wrapped for tmux and screen. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping

LARGEST = 74_994  # encoded bytes; terminals drop longer ones


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """Return the sequence that copies the text, or nothing where it is too long for terminals to take."""
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    if len(encoded) > LARGEST:
        return ""
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environ.get("STY"):
        return f"\x1bP{sequence}\x1b\\"
    return sequence
