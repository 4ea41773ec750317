"""The one Textual widget that paints: it holds a frame of lines and repaints only the cells that changed."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console import theme
from console.render.cells import Line, exactly, width_of
from console.render.signs import to_ascii


class Surface(Widget):
    """A rectangle of styled cells. `show` compares with what stands and refreshes one small region per changed line.

    Textual sends every cell of a dirty region whether it changed or not, so the regions are what keeps a slow
    link quiet.
    """

    class Sized(Message):
        """The surface has a new size."""

    DEFAULT_CSS = "Surface { width: 1fr; height: 1; }"

    def __init__(
        self,
        *,
        id: str,
        look: str = "dark",
        ascii_only: bool = False,
        ground: str = "",
        opening: Callable[[int], list[Line]] = lambda width: [],
    ) -> None:
        """Make one; `opening` gives the lines, for a width, that it has before anything is shown on it."""
        super().__init__(id=id)
        self._opening = opening
        self._look = look
        self._ascii = ascii_only
        self._ground = ground
        self._frame: list[Line] = []
        self._strips: dict[int, Strip] = {}

    @property
    def frame_lines(self) -> list[Line]:
        """What stands on the surface, one line per row."""
        return self._frame

    def on_resize(self) -> None:
        """Ask to be painted for the new size."""
        self.post_message(self.Sized())

    def show(self, lines: list[Line]) -> None:
        """Put these lines on the surface; missing ones are blank, extra ones are not shown."""
        width, height = self.size
        if not width or not height:
            return
        frame = self._whole(lines, width, height)
        before, self._frame = self._frame, frame
        if len(before) != height:
            self._strips.clear()
            self.refresh()
            return
        regions = []
        for row, (old, new) in enumerate(zip(before, frame, strict=True)):
            if old == new:
                continue
            self._strips.pop(row, None)
            start, end = changed_span(old, new, width)
            if end > start:
                regions.append(Region(start, row, end - start, 1))
        if regions:
            self.refresh(*regions)

    def _whole(self, lines: list[Line], width: int, height: int) -> list[Line]:
        frame = [self._fitted(cells, width) for cells in lines[:height]]
        return frame + [self._fitted((), width)] * (height - len(frame))

    def _fitted(self, cells: Line, width: int) -> Line:
        cells = exactly(cells, width)
        if self._ascii:
            cells = tuple((to_ascii(text), name) for text, name in cells)
        if not self._ground:
            return cells
        return tuple((text, f"{name} {self._ground}".strip()) for text, name in cells)

    def render_line(self, y: int) -> Strip:
        """Return one row as Textual wants it."""
        if not self._frame:  # with the first layout: what is shown after it waits for a tick, 66 ms over SSH
            self._frame = self._whole(self._opening(self.size.width), *self.size)
        strip = self._strips.get(y)
        if strip is None:
            cells = self._frame[y] if y < len(self._frame) else self._fitted((), self.size.width)
            strip = Strip(segments(cells, self._look), self.size.width)
            self._strips[y] = strip
        return strip


def segments(cells: Line, look: str) -> list[Segment]:
    """Return the line as segments, as few as look the same: every change of style costs 20 to 40 bytes on the wire.

    Blanks take the style before them where only the colour of ink would change.
    """
    result: list[Segment] = []
    for text, name in cells:
        style = theme.style(look, name)
        before = result[-1].style if result else None
        if before is not None and (before == style or (text.isspace() and _same_ground(before, style))):
            result[-1] = Segment(result[-1].text + text, before)
        elif text:
            result.append(Segment(text, style))
    return result


def _same_ground(first: Style, second: Style) -> bool:
    return first.bgcolor == second.bgcolor and not first.reverse and not second.reverse


def changed_span(old: Line, new: Line, width: int) -> tuple[int, int]:
    """Return the first and the end cell in which two lines of `width` cells differ; equal lines give (0, 0).

    One stretch per line: going on to a second one costs about what the cells between the two do.
    """
    before, after = _cells(old), _cells(new)
    if len(before) != width or len(after) != width:
        return 0, width
    start = 0
    while start < width and before[start] == after[start]:
        start += 1
    if start == width:
        return 0, 0
    end = width
    while end > start and before[end - 1] == after[end - 1]:
        end -= 1
    while start > 0 and "" in (before[start][0], after[start][0]):
        start -= 1
    while end < width and "" in (before[end][0], after[end][0]):
        end += 1
    return start, end


def _cells(cells: Line) -> list[tuple[str, str]]:
    result: list[tuple[str, str]] = []
    for text, name in cells:
        if text.isascii():
            result.extend((character, name) for character in text)
            continue
        for character in text:
            result.append((character, name))
            result.extend([("", name)] * (width_of(character) - 1))
    return result
