"""The driver that writes to the terminal, with fewer bytes than Textual's own."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver

from console.sgr import condense


class QuietDriver(LinuxDriver):
    """Textual's driver for Linux, its output condensed."""

    def write(self, data: str) -> None:
        """Write to the terminal."""
        super().write(condense(data) if "\x1b[" in data else data)
