"""Lines of styled cells: the only thing a screen draws. Values are cleaned and measured, never parsed as markup."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size

Span = tuple[str, str]  # text without control characters, and the name of a style in console.theme
Line = tuple[Span, ...]

ELLIPSIS = "…"
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def width_of(text: str) -> int:
    """Return how many cells the text takes."""
    return len(text) if text.isascii() else cell_len(text)


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """Return the text fit for a screen: control, format and direction characters become a middle dot.

    Marks that combine with the character before them take no cell of their own and are dropped, so that every
    terminal agrees about the width.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = []
    for character in text:
        if character in "\t\n\r":
            kept.append(" ")
        elif unicodedata.category(character) in _UNSAFE:
            kept.append("·")
        elif get_character_cell_size(character) > 0:
            kept.append(character)
    return "".join(kept)


def fit(text: str, width: int, align: str = "left") -> str:
    """Return the text in exactly `width` cells, cut with an ellipsis or padded on the side `align` leaves free."""
    if width <= 0:
        return ""
    size = width_of(text)
    if size > width:
        text = cut(text, width)
        size = width_of(text)
    space = " " * (width - size)
    return space + text if align == "right" else text + space


def cut(text: str, width: int) -> str:
    """Return the text in at most `width` cells; a cut shows as an ellipsis."""
    if width_of(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, used = [], 0
    for character in text:
        size = get_character_cell_size(character)
        if used + size > width - 1:
            break
        kept.append(character)
        used += size
    return "".join(kept) + ELLIPSIS


def line(*spans: Span | str) -> Line:
    """Build a line from spans, bare text being plain; every text is cleaned."""
    return tuple((clean(span), "") if isinstance(span, str) else (clean(span[0]), span[1]) for span in spans)


def line_width(cells: Line) -> int:
    """Return how many cells a line takes."""
    return sum(width_of(text) for text, _ in cells)


def plain(cells: Line) -> str:
    """Return the line's text without styles."""
    return "".join(text for text, _ in cells)


def exactly(cells: Line, width: int, style: str = "") -> Line:
    """Return the line in exactly `width` cells; the padding takes `style`."""
    kept: list[Span] = []
    left = width
    for text, name in cells:
        if left <= 0:
            break
        size = width_of(text)
        if size > left:
            kept.append((fit(text, left), name))
            return tuple(kept)
        kept.append((text, name))
        left -= size
    if left > 0:
        kept.append((" " * left, style))
    return tuple(kept)


def restyle(cells: Line, style: str) -> Line:
    """Return the line with `style` laid under every span, as a cursor or a box does."""
    return tuple((text, f"{name} {style}".strip()) for text, name in cells)


def spread(left: Line, right: Line, width: int) -> Line:
    """Return one line with `left` at the left and `right` at the right edge; the left side is cut first."""
    room = width - line_width(right)
    if room <= 0:
        return exactly(right, width)
    return (*exactly(left, room), *right)


def wrap(text: str, width: int) -> list[str]:
    """Break cleaned text into lines of at most `width` cells, at spaces where there are any."""
    lines: list[str] = []
    current = ""
    for word in clean(text).split(" "):
        candidate = f"{current} {word}" if current else word
        if width_of(candidate) <= width:
            current = candidate
            continue
        if current:
            lines.append(current)
        current = word
        while width_of(current) > width:
            piece = _head(current, width)
            lines.append(piece)
            current = current[len(piece) :]
    if current or not lines:
        lines.append(current)
    return lines


def _head(text: str, width: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > width:
            return text[: max(index, 1)]
    return text


def overlay(below: list[Line], box: Iterable[Line], left: int, top: int, width: int) -> list[Line]:
    """Return `below` with a box laid over it; every line of `below` is `width` cells wide."""
    result = list(below)
    for offset, cells in enumerate(box):
        row = top + offset
        if 0 <= row < len(result):
            size = line_width(cells)
            result[row] = (*_slice(result[row], 0, left), *cells, *_slice(result[row], left + size, width))
    return result


def _slice(cells: Line, start: int, end: int) -> Line:
    kept: list[Span] = []
    at = 0
    for text, name in cells:
        piece = []
        for character in text:
            size = get_character_cell_size(character)
            if at >= start and at + size <= end:
                piece.append(character)
            elif at < end and at + size > start:  # a wide character cut by the edge
                piece.append(" " * (min(at + size, end) - max(at, start)))
            at += size
        if piece:
            kept.append(("".join(piece), name))
    return tuple(kept)
