"""What goes to the terminal, with fewer bytes than Textual's own driver and repaint write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual._compositor import ChopsUpdate
from textual.drivers.linux_driver import LinuxDriver

from console.sgr import condense

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from textual.strip import Strip


class QuietDriver(LinuxDriver):
    """Textual's driver for Linux, its output condensed."""

    def write(self, data: str) -> None:
        """Write to the terminal."""
        super().write(condense(data) if "\x1b[" in data else data)


def narrowed(renderable: RenderableType | None) -> RenderableType | None:
    """Return a repaint that writes no more of a line than what changed in it; anything else as it is."""
    if isinstance(renderable, ChopsUpdate):
        return _Narrow(renderable.chops, renderable.spans, renderable.chop_ends)
    return renderable


class _Narrow(ChopsUpdate):
    """Textual writes a line from its beginning to the end of what changed; this one goes to where that begins.

    But not past signs of two cells: where a terminal holds one for narrower than we do, a line that is written from its
    beginning still stands as one piece.
    """

    def render_segments(self, console: Console) -> str:
        """Return text and escape sequences."""
        said: list[str] = []
        for y, left, right in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= right or end <= left:
                    continue
                start = _start(strip, left - x)
                said += [f"\x1b[{y + 1};{x + start + 1}H", strip.crop(start, min(end, right) - x).render(console)]
        return "".join(said)


def _start(strip: Strip, wanted: int) -> int:
    if wanted <= 0:
        return 0
    before = strip.crop(0, wanted)
    return wanted if len(before.text) == before.cell_length else 0
