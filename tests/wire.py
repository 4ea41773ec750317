"""A program under a pseudo-terminal, over a link as good or bad as a test wants it, read by a terminal emulator."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

DEADLINE_S = 40.0
QUIET_S = 0.4
LEFT_OUT = ("COLORTERM", "NO_COLOR", "TMUX", "SSH_CONNECTION", "SSH_TTY")


class Link:
    """A program behind a link: `bytes_per_s` is all that comes through, and keys arrive `delay_s` late.

    It `inherits` our environment unless told otherwise; `become` runs in it first, to make it another account's.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: Path | None = None,
        bytes_per_s: float = float("inf"),
        delay_s: float = 0.0,
        columns: int = 80,
        lines: int = 24,
        inherits: bool = True,
        become: Callable[[], None] = lambda: None,
    ):
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._rate, self._delay_s = bytes_per_s, delay_s
        self._keys: list[tuple[float, bytes]] = []
        self._read_at = time.monotonic()
        kept = {name: value for name, value in os.environ.items() if inherits and name not in LEFT_OUT}
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            if cwd is not None:
                os.chdir(cwd)
            become()
            os.execvpe(command[0], list(command), {**kept, "TERM": "xterm-256color", **environment})
        self._size(columns, lines)

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size, as dragging its corner does."""
        self.screen.resize(lines, columns)
        self._size(columns, lines)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self.screen.display)

    def press(self, keys: str | bytes) -> None:
        """Send keys; they arrive after the link's delay."""
        body = keys if isinstance(keys, bytes) else keys.encode()
        self._keys.append((time.monotonic() + self._delay_s, body))

    def step(self, wait_s: float = 0.02) -> bool:
        """Let a moment pass on the link; say whether anything came through."""
        now = time.monotonic()
        while self._keys and self._keys[0][0] <= now:
            body = self._keys.pop(0)[1]
            while body:
                if not select.select([], [self._file], [], 0)[1]:
                    self._keys.insert(0, (now, body))
                    break
                body = body[os.write(self._file, body[:512]) :]
        if not select.select([self._file], [], [], wait_s)[0]:
            self._read_at = time.monotonic()
            return False
        room = 65536 if self._rate == float("inf") else max(64, int(self._rate * (time.monotonic() - self._read_at)))
        self._read_at = time.monotonic()
        with contextlib.suppress(OSError):
            self._stream.feed(os.read(self._file, min(room, 65536)))
        if self._rate != float("inf"):
            time.sleep(0.01)
        return True

    def until(self, holds: Callable[[str], bool] | str, within_s: float = DEADLINE_S) -> str:
        """Let time pass until the screen shows a text, or a condition holds of it; return the screen."""
        deadline = time.monotonic() + within_s
        while not (holds in self.text if isinstance(holds, str) else holds(self.text)):
            assert time.monotonic() < deadline, f"waited for {holds!r}\n{self.text}"
            self.step()
        return self.text

    def rest(self) -> str:
        """Let time pass until nothing comes any more; return the screen."""
        last = time.monotonic()
        while time.monotonic() - last < QUIET_S or self._keys:
            if self.step():
                last = time.monotonic()
        return self.text

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        os.kill(self.pid, number)

    def ended(self) -> int:
        """Wait until the program has ended; return its wait status."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return status
            self.step()
        raise AssertionError(f"the program did not end\n{self.text}")

    def stopped(self) -> bool:
        """Say whether the program is suspended."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def close(self) -> None:
        """End the program."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        os.close(self._file)
