"""What the console sends over the wire at 80x24 with 256 colours, read through a real pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

QUIET_S = 0.45
DEADLINE_S = 20.0


class Terminal:
    """A console under a pseudo-terminal: what it wrote, counted between quiet moments."""

    def __init__(self) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if name not in ("COLORTERM", "NO_COLOR", "TMUX")},
            "TERM": "xterm-256color",
            "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22",
        }
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            program = str(Path(__file__).parent / "sample_console.py")
            os.execve(sys.executable, [sys.executable, program], environment)
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.text = b""

    def settle(self, until: bytes = b"") -> int:
        """Read until nothing comes for a moment, and `until` has come; return how many bytes came."""
        taken, deadline = b"", time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self._file], [], [], QUIET_S)
            if ready:
                taken += os.read(self._file, 65536)
            elif until in taken:
                break
        self.text += taken
        assert until in taken, taken[-400:]
        return len(taken)

    def press(self, keys: str, until: bytes = b"") -> int:
        """Press keys; return how many bytes the console answered with."""
        os.write(self._file, keys.encode())
        return self.settle(until)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._file, b"\x11")
        with contextlib.suppress(OSError):
            while os.read(self._file, 65536):
                pass
        os.waitpid(self.pid, 0)
        os.close(self._file)


@pytest.fixture(scope="module")
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def test_the_console_stays_within_its_bytes(terminal: Terminal) -> None:
    start = terminal.settle(until=b"Way back")
    idle = terminal.settle()
    switch = terminal.press("4", until=b"PROGRESS")
    cursor = max(terminal.press("j"), terminal.press("j"), terminal.press("k"))
    os.kill(terminal.pid, signal.SIGUSR1)
    row = terminal.settle(until=b"71")
    back = terminal.press("1", until=b"Way back")
    pulse_cursor = terminal.press("j")
    assert start <= 36_000
    assert idle == 0
    assert switch <= 14_000
    assert cursor <= 1_000
    assert row <= 150
    assert back <= 14_000
    assert pulse_cursor <= 2_000, "another model's answers are drawn too"
