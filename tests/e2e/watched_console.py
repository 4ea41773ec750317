"""The real console in a terminal of its own, and what stands on its screen after each key."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import pyte
from tiny_deck import COMMAND, WITHIN_S, Tiny

QUIET_S = 0.7  # nothing more is drawn after so long


def walk(tiny: Tiny, keys: Sequence[str], columns: int = 160, lines: int = 200) -> Iterator[tuple[str, str]]:
    """Open the console and yield (key, screen as text) for the first screen and after each key."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", str(COMMAND)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tiny.root,
        env={**os.environ, "HOME": str(tiny.home), "TERM": "xterm-256color", "LANG": "C.UTF-8"},
    )
    os.close(theirs)
    screen = pyte.Screen(columns, lines)
    stream = pyte.ByteStream(screen)
    try:
        yield "", _settled(ours, screen, stream, "? help")
        for key in keys:
            os.write(ours, key.encode())
            yield key, _settled(ours, screen, stream)
    finally:
        with suppress(OSError):
            os.write(ours, b"\x11")  # ctrl+q
        os.close(ours)
        process.wait(WITHIN_S)


def _settled(ours: int, screen: pyte.Screen, stream: pyte.ByteStream, shows: str = "") -> str:
    """Return the screen once it shows a text, has read what it shows and is drawn no further."""
    deadline = time.monotonic() + WITHIN_S
    last = time.monotonic()
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.05)[0]:
            stream.feed(os.read(ours, 65536))
            last = time.monotonic()
        text = "\n".join(screen.display)
        if shows in text and "reading…" not in text and time.monotonic() - last > QUIET_S:
            return text
    raise AssertionError(f"the console does not come to rest with {shows!r}: {screen.display}")
