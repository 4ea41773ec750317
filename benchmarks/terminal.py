"""A program under a pseudo-terminal: what it writes, when, how much, and what it costs while nobody types."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

QUIET_S = 0.08  # a repaint is over once nothing came for so long
WITHIN_S = 60.0
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\)|[ -/]*[0-~])", re.DOTALL)
LEFT_OUT = ("COLORTERM", "NO_COLOR", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY")


@dataclass(frozen=True, slots=True)
class Repaint:
    """What a key brought about: seconds from the key to the last byte, and how many bytes came. None: nothing came."""

    seconds: float | None
    bytes: int


class Terminal:
    """One program, 80x24 and 256 colours unless said otherwise, as it looks from behind an SSH link."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 80, lines: int = 24
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        self._spawned = time.perf_counter()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            os.execvpe(command[0], list(command), {**kept, "TERM": "xterm-256color", **environment})
        self._seen = b""
        self.bytes = 0

    def until(self, text: str, within_s: float = WITHIN_S) -> float:
        """Read until a text has been written; return the seconds since the program was spawned.

        Raises:
            TimeoutError: it was not.
        """
        deadline = time.perf_counter() + within_s
        while (now := time.perf_counter()) < deadline:
            if self._read(0.05) and text.encode() in _ESCAPE.sub(b"", self._seen):
                return time.perf_counter() - self._spawned
            if text.encode() in _ESCAPE.sub(b"", self._seen):
                return now - self._spawned
        raise TimeoutError(f"{text!r} was not shown within {within_s} s: {_ESCAPE.sub(b'', self._seen)[-300:]!r}")

    def _read(self, wait_s: float) -> int:
        if not select.select([self._file], [], [], wait_s)[0]:
            return 0
        try:
            piece = os.read(self._file, 65536)
        except OSError:
            return 0
        self._seen = (self._seen + piece)[-200_000:]
        self.bytes += len(piece)
        return len(piece)

    def settle(self, quiet_s: float = 0.5) -> None:
        """Read until nothing comes for a while."""
        while self._read(quiet_s):
            pass

    def press(self, keys: str, until: str = "", wait_s: float = 2.0) -> Repaint:
        """Press keys, and read what they bring about: all of it, and at least until a text has come."""
        self._seen = b""
        began = last = time.perf_counter()
        os.write(self._file, keys.encode())
        taken = 0
        while time.perf_counter() - began < WITHIN_S:
            has_come = bool(taken) and until.encode() in _ESCAPE.sub(b"", self._seen)
            got = self._read(QUIET_S if has_come else wait_s)
            if not got and (has_come or not until):
                break
            if got:
                taken, last = taken + got, time.perf_counter()
        return Repaint(last - began if taken else None, taken)

    def throttled(self, keys: str, until: str, bytes_per_s: float, delay_s: float) -> float:
        """Press keys that arrive late, read no faster than a link carries; return the seconds until a text stands.

        Raises:
            TimeoutError: it does not come.
        """
        self._seen = b""
        began = time.perf_counter()
        time.sleep(delay_s)
        os.write(self._file, keys.encode())
        while time.perf_counter() - began < WITHIN_S:
            if select.select([self._file], [], [], 0.02)[0]:
                piece = os.read(self._file, 512)
                time.sleep(len(piece) / bytes_per_s)
                self._seen = (self._seen + piece)[-200_000:]
            if until.encode() in _ESCAPE.sub(b"", self._seen):
                return time.perf_counter() - began
        raise TimeoutError(f"{until!r} was not shown within {WITHIN_S} s")

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size, as dragging its corner does."""
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def idle(self, seconds: float) -> tuple[float, float]:
        """Leave it alone; return bytes a second, and which share of a core it took."""
        began, cpu_s, before = time.perf_counter(), self.cpu_s(), self.bytes
        while (left := began + seconds - time.perf_counter()) > 0:
            self._read(left)
        took = time.perf_counter() - began
        return (self.bytes - before) / took, (self.cpu_s() - cpu_s) / took

    def cpu_s(self) -> float:
        """Return the processor time it has had."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pss_mb(self) -> float:
        """Return its memory, what it shares counted in part."""
        return memory_mb(self.pid, "Pss")

    def rss_mb(self) -> float:
        """Return its resident memory, what it shares counted whole."""
        return memory_mb(self.pid, "Rss")

    def close(self) -> None:
        """End it at once: what it is measured by is over, and some programs ask before they quit."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._file)


def memory_mb(pid: int, field: str) -> float:
    """Return a process's memory by a field of the kernel's summary, in MB: `Rss` or `Pss`."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0
