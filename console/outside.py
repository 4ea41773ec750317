"""What the desk cannot do itself: the terminal, the threads that read and send, and the way out."""

from __future__ import annotations

from typing import Protocol

from console.poller import Read


class Outside(Protocol):
    """What the desk cannot do itself."""

    def watch_page(self, page: str, read: Read, is_always: bool) -> None:
        """Read for a page from now on."""

    def refresh_data(self) -> None:
        """Read again now."""

    def send(self, number: int, work: Read) -> None:
        """Carry out an errand; it comes back as `Returned` with the number."""

    def leave(self) -> None:
        """Quit."""

    def pause_program(self) -> None:
        """Suspend the program."""

    def copy(self, text: str) -> bool:
        """Copy to the clipboard; say whether that was possible."""
