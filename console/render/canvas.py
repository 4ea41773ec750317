"""A field of cells on which lines are drawn: eight braille dots a cell, or a letter where there are none. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from console.render.cells import Span
from console.render.display import SHOWN

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, by row and column
_BRAILLE = 0x2800

Point = tuple[float, float]  # across and down, each from 0 to 1

STYLES = ("accent", "warn", "ok", "bad", "spark", "strong")  # of lines, in their order


class Canvas:
    """Holds what is drawn. Where two lines meet in a cell, the later one is seen."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._fine = SHOWN.glyphs in ("auto", "braille")
        across, down = (2, 4) if self._fine else (1, 1)
        self._most = (max(1, width * across - 1), max(1, height * down - 1))
        self._cell = (across, down)
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}  # (row, column) -> (dots, line)

    def line(self, points: Sequence[Point], number: int, *, dotted: bool = False) -> None:
        """Draw a line through points in their order, under a number that says its letter and style."""
        placed = [(x * self._most[0], y * self._most[1]) for x, y in points]
        for at, (x, y) in enumerate(_joined(placed)):
            if not dotted or at % 4 == 0:
                self._dot(x, y, number)

    def row(self, row: int, styles: Sequence[str]) -> list[Span]:
        """Return the cells of a row, each line in its own style."""
        spans: list[Span] = []
        for column in range(self._width):
            dots, number = self._cells.get((row, column), (0, 0))
            sign = " " if not dots else chr(_BRAILLE + dots) if self._fine else letter(number)
            spans.append((sign, styles[number % len(styles)] if dots else ""))
        return spans

    def _dot(self, x: int, y: int, number: int) -> None:
        across, down = self._cell
        place = (y // down, x // across)
        dots, owner = self._cells.get(place, (0, number))
        dot = _DOTS[y % 4][x % 2] if self._fine else 1
        self._cells[place] = ((dots if owner == number else 0) | dot, number)


def letter(number: int) -> str:
    """Return the letter of a line."""
    return LETTERS[number % len(LETTERS)]


def _joined(points: Sequence[Point]) -> list[tuple[int, int]]:
    """Return the dots of a line through the points, without a gap."""
    dots = [(round(x), round(y)) for x, y in points[:1]]
    for (left, top), (right, foot) in pairwise(points):
        steps = max(1, abs(round(right) - round(left)), abs(round(foot) - round(top)))
        for step in range(1, steps + 1):
            share = step / steps
            dots.append((round(left + share * (right - left)), round(top + share * (foot - top))))
    return dots
