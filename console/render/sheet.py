"""A page of text made of headings, labelled values, small tables and paragraphs, laid out for a width. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.render.cells import Line, Span, fit, line, line_width, width_of, wrap
from console.render.columns import Cell, spans

INDENT = 2
LEAST_WRAPPED = 16  # cells of a column that goes on below itself


class Sheet:
    """Collects lines for one width; `lines` gives them."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[Line] = []

    def blank(self) -> None:
        """Leave one line free, never two."""
        if self.lines and self.lines[-1]:
            self.lines.append(())

    def heading(self, text: str, note: str = "") -> None:
        """Start a part."""
        self.blank()
        self.lines.append(line(" ", (text, "strong"), (f"  {note}" if note else "", "dim")))

    def rule(self, text: str, note: Cell = "") -> None:
        """Start a part with a line across the page; `note` stands beside its name."""
        beside = spans(note)
        cells: list[Span] = [("─ ", "rule"), (text, "strong")]
        if beside[0][0]:
            cells += [("  ", ""), *beside]
        room = self.width - line_width(line(*cells)) - 1
        self.lines.append(line(*cells, (f" {'─' * max(0, room)}", "rule")))

    def pair(self, label: str, *value: Span | str, label_width: int = 12) -> None:
        """Add a labelled value; a value longer than the page goes on below itself."""
        head: Span = (" " * INDENT + (f"{fit(label, label_width - 1)} " if label_width else ""), "dim")
        before: Span = (" " * (INDENT + label_width), "")
        for position, cells in enumerate(flow(line(*value), max(10, self.width - INDENT - label_width))):
            self.lines.append((before if position else head, *cells))

    def paragraph(self, text: str, style: str = "") -> None:
        """Add text, wrapped."""
        self.lines.extend(line(" " * INDENT, (part, style)) for part in wrap(text, max(10, self.width - 2 * INDENT)))

    def table(
        self,
        titles: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        right: frozenset[int] = frozenset(),
        *,
        wraps: bool = False,
    ) -> None:
        """Add a small table; columns named in `right` are numbers.

        Where the page is too narrow the widest columns are cut; with `wraps` the last goes on below itself instead.
        """
        if not rows:
            return
        cells = [[spans(cell) for cell in row] for row in rows]
        widths = [
            max(width_of(titles[column]), *(line_width(row[column]) for row in cells)) for column in range(len(titles))
        ]
        if wraps:
            widths[-1] = max(
                LEAST_WRAPPED, min(widths[-1], self.width - INDENT - sum(widths[:-1]) - 2 * len(widths) + 2)
            )
        self._cap(widths)
        if any(titles):
            head = "  ".join(
                fit(title, width, "right" if column in right else "left")
                for column, (title, width) in enumerate(zip(titles, widths, strict=True))
            )
            self.lines.append(line(" " * INDENT, (head, "title")))
        for row in cells:
            result: list[Span] = [(" " * INDENT, "")]
            parts = flow(row[-1], widths[-1]) if wraps else [row[-1]]
            for column, (cell, width) in enumerate(zip((*row[:-1], parts[0]), widths, strict=True)):
                if column:
                    result.append(("  ", ""))
                result.extend(_aligned(cell, width, column in right))
            self.lines.append(tuple(result))
            below = " " * (INDENT + sum(widths[:-1]) + 2 * (len(widths) - 1))
            self.lines.extend(line((below, ""), *part) for part in parts[1:])

    def _cap(self, widths: list[int]) -> None:
        over = sum(widths) + 2 * (len(widths) - 1) + INDENT - self.width
        while over > 0:
            widest = max(range(len(widths)), key=lambda column: widths[column])
            if widths[widest] <= 6:
                return
            taken = min(over, max(1, widths[widest] - 6), 1 + widths[widest] // 8)
            widths[widest] -= taken
            over -= taken


def _aligned(cell: tuple[Span, ...], width: int, right: bool) -> list[Span]:
    size = line_width(cell)
    if size > width:
        text, style = "".join(text for text, _ in cell), cell[0][1]
        return [(fit(text, width), style)]
    space = (" " * (width - size), "")
    return [space, *cell] if right else [*cell, space]


def flow(cells: Line, room: int) -> list[Line]:
    """Break a line of several spans into lines of at most `room` cells, between words, each keeping its style."""
    if line_width(cells) <= room:
        return [cells]
    lines: list[list[Span]] = [[]]
    left = room
    for text, style in cells:
        for piece in _words(text, room):
            size = width_of(piece)
            if size > left and lines[-1]:
                lines.append([])
                left = room
                piece = piece.lstrip(" ")  # noqa: PLW2901
                size = width_of(piece)
            if piece:
                lines[-1].append((piece, style))
                left -= size
    return [tuple(one) for one in lines if one]


def _words(text: str, room: int) -> list[str]:
    """Return the words, each with the blanks before it; one that is longer than a line in parts."""
    pieces: list[str] = []
    for word in re.findall(r" *[^ ]+| +$", text):
        if width_of(word) <= room:
            pieces.append(word)
        else:
            pieces.extend(wrap(word.strip(), room))
    return pieces
