"""A page of text made of headings, labelled values, small tables and paragraphs, laid out for a width. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.cells import Line, Span, fit, line, line_width, width_of, wrap
from console.render.columns import Cell, spans

INDENT = 2


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
        head: Span = (" " * INDENT + fit(label, label_width), "dim")
        room = self.width - INDENT - label_width
        cells = line(*value)
        if line_width(cells) <= room or room < 10:
            self.lines.append((head, *cells))
            return
        if len(cells) > 1:
            first, rest = _split_at(cells, room)
            self.lines.append((head, *first))
            if rest:
                self.lines.append(((" " * (INDENT + label_width), ""), *rest))
            return
        text, style = cells[0]
        for position, part in enumerate(wrap(text, room)):
            before = head if position == 0 else (" " * (INDENT + label_width), "")
            self.lines.append((before, (part, style)))

    def paragraph(self, text: str, style: str = "") -> None:
        """Add text, wrapped."""
        self.lines.extend(line(" " * INDENT, (part, style)) for part in wrap(text, max(10, self.width - 2 * INDENT)))

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[Cell]], right: frozenset[int] = frozenset()) -> None:
        """Add a small table; columns named in `right` are numbers. The last column is cut where the page ends."""
        if not rows:
            return
        cells = [[spans(cell) for cell in row] for row in rows]
        widths = [
            max(width_of(titles[column]), *(line_width(row[column]) for row in cells)) for column in range(len(titles))
        ]
        self._cap(widths)
        if any(titles):
            head = "  ".join(
                fit(title, width, "right" if column in right else "left")
                for column, (title, width) in enumerate(zip(titles, widths, strict=True))
            )
            self.lines.append(line(" " * INDENT, (head, "title")))
        for row in cells:
            result: list[Span] = [(" " * INDENT, "")]
            for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
                if column:
                    result.append(("  ", ""))
                result.extend(_aligned(cell, width, column in right))
            self.lines.append(tuple(result))

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


def _split_at(cells: Line, room: int) -> tuple[Line, Line]:
    """Break a line of several spans where the span that does not fit begins."""
    used = 0
    for position, (text, style) in enumerate(cells):
        size = width_of(text)
        if used + size > room:
            if position == 0:
                return cells, ()
            return cells[:position], ((text.lstrip(" ;,"), style), *cells[position + 1 :])
        used += size
    return cells, ()
