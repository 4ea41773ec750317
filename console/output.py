"""What the command line prints: tables and JSON on stdout, narration and errors on stderr. Imports no library."""

from __future__ import annotations

import json
import math
import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, TextIO

from store.errors import ModeldeckError
from store.rows import column, to_json

GAP = "  "
PIPED_WIDTH = 80
PAD_MOST = 60  # piped, a cell is never cut; one longer than this does not widen the lines of the others
ELLIPSIS = "…"
NAME_FLOOR = 16  # the first column names the row, and gives way last
FLOOR = 6
SHORT_ID = 12  # digits of an id: its milliseconds; more are shown where two ids share them


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `shrink` columns give way when the line is too long.

    `cell` reads its text from a row, or names the field that holds it; `said` then writes that field's value, the same
    for every value that is equal.
    """

    title: str
    cell: Callable[[Any, Output], str] | str
    right: bool = False
    shrink: bool = False
    said: Callable[[Any], str] | None = None

    def texts(self, rows: Sequence[Any], out: Output) -> Texts:
        """Return its cell of each row; of a field no row has to be made for it."""
        if not isinstance(self.cell, str):
            return Texts([self.cell(row, out) for row in rows])
        return Texts(column(rows, self.cell), self.said)


class Texts:
    """The cells of a column, one below the other: where most of them are equal, each different one is written once."""

    __slots__ = ("_all", "_of")

    def __init__(self, values: Sequence[Any], said: Callable[[Any], str] | None = None) -> None:
        known = set(values)
        self._of: dict[Any, str] | None = None
        self._all = values
        if len(known) * 2 <= len(values):
            self._of = {value: said(value) for value in known} if said else {value: value for value in known}
        elif said:
            self._all = list(map(said, values))

    def different(self) -> Sequence[str]:
        """Return each different text at least once."""
        return self._all if self._of is None else list(self._of.values())

    def change(self, change: Callable[[str], str]) -> None:
        """Make another text of each."""
        if self._of is None:
            self._all = list(map(change, self._all))
        else:
            self._of = {value: change(text) for value, text in self._of.items()}

    def all(self) -> Sequence[str]:
        """Return the text of each row."""
        return self._all if self._of is None else list(map(self._of.__getitem__, self._all))


@dataclass(slots=True)
class Output:
    """Where one command writes, and how: `as_json` prints data as JSON."""

    as_json: bool = False
    zone_or_how: tzinfo | Callable[[], tzinfo] = UTC
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    id_digits: int = SHORT_ID

    @property
    def zone(self) -> tzinfo:
        """The deck's time zone, looked up when the first time is written: most lists have none."""
        if not isinstance(self.zone_or_how, tzinfo):
            self.zone_or_how = self.zone_or_how()
        return self.zone_or_how

    @property
    def can_ask(self) -> bool:
        """True where a person can read a question and type an answer."""
        return _is_terminal(self.stdin) and _is_terminal(self.stderr)

    @property
    def moves(self) -> bool:
        """True where a progress display may redraw itself."""
        return _is_terminal(self.stderr) and os.environ.get("TERM") != "dumb"

    def data(self, value: Any) -> None:
        """Write a row, or any nesting of rows, as JSON on stdout."""
        self.stdout.write(json_text(to_json(value)) + "\n")

    def line(self, text: str) -> None:
        """Write one line of data on stdout."""
        self.stdout.write(plain(text) + "\n")

    def block(self, text: str) -> None:
        """Write text of several lines on stdout, its newlines kept and its control characters made harmless."""
        self.stdout.write("\n".join(plain(line) for line in text.split("\n")))

    def note(self, text: str) -> None:
        """Write one line of narration on stderr."""
        self.stderr.write(plain(text) + "\n")
        self.stderr.flush()

    def error(self, error: ModeldeckError) -> None:
        """Write one error on stderr: a line, or with `as_json` its JSON object."""
        if self.as_json:
            body = {"code": error.code, "message": error.message, "hint": error.hint}
            self.stderr.write(json.dumps({"error": body}, ensure_ascii=False) + "\n")
        else:
            self.note(f"error: {error.line()}")
        self.stderr.flush()

    def table(self, columns: Sequence[Column], rows: Sequence[Any]) -> None:
        """Write rows as a table that fits the terminal; piped, every cell is whole, for who searches or cuts them."""
        fits = self.fits
        titles = [one.title for one in columns]
        cells = [one.texts(rows, self) for one in columns]
        for texts in cells:
            if not "".join(texts.different()).isprintable():  # one look at all of them
                texts.change(plain)
        different = [texts.different() for texts in cells]
        if fits:
            widths = fit(titles, different, [one.shrink for one in columns], self.width())
        else:
            widths = [min(width, PAD_MOST) for width in natural(titles, different)]
        for texts, width, one in zip(cells, widths, columns, strict=True):
            _fill(texts, width, one.right, cut=fits)
        heads = [
            _filled(title, width, one.right, cut=fits)
            for title, width, one in zip(titles, widths, columns, strict=True)
        ]
        header = GAP.join(heads).rstrip()
        lines = map(str.rstrip, map(GAP.join, zip(*(texts.all() for texts in cells), strict=True)))
        bold = _is_terminal(self.stdout) and not os.environ.get("NO_COLOR")
        self.stdout.write("\n".join([f"\x1b[1m{header}\x1b[0m" if bold else header, *lines, ""]))

    def pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Write names and values, one pair a line, the values aligned."""
        width = max((text_width(name) for name, _ in pairs), default=0)
        for name, value in pairs:
            self.line(f"{pad(plain(name), width)}{GAP}{value}".rstrip())

    @property
    def fits(self) -> bool:
        """True where lines must fit a width: on a terminal, or where COLUMNS names one."""
        return _is_terminal(self.stdout) or os.environ.get("COLUMNS", "").isdigit()

    def width(self) -> int:
        """Return how many columns a line of stdout may take."""
        if not self.fits:
            return PIPED_WIDTH
        said = os.environ.get("COLUMNS", "")
        return max(40, int(said) if said.isdigit() and int(said) else _columns(self.stdout))

    def time(self, at_us: int | None) -> str:
        """Return a moment as the deck's own clock shows it, to the second; `-` where there is none."""
        if at_us is None:
            return "-"
        moment = datetime.fromtimestamp(at_us / 1_000_000, tz=UTC).astimezone(self.zone)
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    def minute(self, at_us: int | None) -> str:
        """Return a moment for narrow tables: month, day and minute within this year, else the date."""
        shown = self.second(at_us)
        return shown[:-3] if len(shown) == len("MM-DD HH:MM:SS") else shown[:10]

    def second(self, at_us: int | None) -> str:
        """Return a moment to the second, without the year while it is this one."""
        shown = self.time(at_us)
        return shown.removeprefix(f"{datetime.now(tz=self.zone).year}-")

    def short(self, id: str | None) -> str:
        """Return the first digits of an id, enough to tell those of one list apart."""
        return id[: self.id_digits] if id else "-"

    def tell_apart(self, ids: Sequence[str]) -> None:
        """Show as many digits of ids from here on as these need to differ."""
        different = len(set(ids))
        longest = max((len(id) for id in ids), default=0)
        self.id_digits = SHORT_ID
        while self.id_digits < longest and len({id[: self.id_digits] for id in ids}) < different:
            self.id_digits += 1


def json_text(value: Any) -> str:
    """Return JSON of plain values; a number that JSON cannot say becomes null."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, indent=2)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(text: str) -> str:
    """Return text with control characters made visible, so that no value can move the cursor or colour a terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _visible(sign) for sign in text)


def _visible(sign: str) -> str:
    if sign in "\n\r\t":
        return " "
    return "�" if unicodedata.category(sign)[0] == "C" else sign


def text_width(text: str) -> int:
    """Return how many terminal columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(_sign_width(sign) for sign in text)


def _sign_width(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def clip(text: str, width: int) -> str:
    """Return the text cut to `width` terminal columns, an ellipsis marking the cut."""
    if text_width(text) <= width:
        return text
    kept, used = [], 0
    for sign in text:
        used += _sign_width(sign)
        if used > width - 1:
            break
        kept.append(sign)
    return "".join(kept) + ELLIPSIS if width > 0 else ""


def pad(text: str, width: int, right: bool = False) -> str:
    """Return the text filled with spaces to `width` terminal columns."""
    spaces = " " * max(0, width - text_width(text))
    return spaces + text if right else text + spaces


def natural(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    """Return the width each column takes when nothing is cut; `cells` holds a column's one below the other."""
    return [_widest([title, *below]) or 1 for title, below in zip(titles, cells, strict=True)]


def _widest(texts: Sequence[str]) -> int:
    return max(map(len if "".join(texts).isascii() else text_width, texts))


def fit(titles: Sequence[str], cells: Sequence[Sequence[str]], shrink: Sequence[bool], width: int) -> list[int]:
    """Return the width of each column, so that a line takes at most `width`: the widest shrinking one gives first."""
    widths = natural(titles, cells)
    floors = [
        min(widths[n], max(NAME_FLOOR if n == 0 else FLOOR, text_width(titles[n]))) if shrink[n] else widths[n]
        for n in range(len(titles))
    ]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0:
        n = max(range(len(widths)), key=lambda n: (widths[n] > floors[n], widths[n]))
        if widths[n] <= floors[n]:
            break
        widths[n] -= 1
        excess -= 1
    return widths


def _filled(text: str, width: int, right: bool, *, cut: bool) -> str:
    return pad(clip(text, width) if cut else text, width, right)


def _fill(texts: Texts, width: int, right: bool, *, cut: bool) -> None:
    """Fill each cell of one column to its width."""
    different = texts.different()
    if not "".join(different).isascii() or (cut and max(map(len, different), default=0) > width):
        texts.change(lambda text: _filled(text, width, right, cut=cut))
    elif right:
        texts.change(lambda text: text.rjust(width))
    else:
        texts.change(lambda text: text.ljust(width))


def _columns(stream: TextIO) -> int:
    """Return how wide a terminal is; `shutil` would load three compressors for it."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or PIPED_WIDTH
    except (OSError, ValueError):
        return PIPED_WIDTH


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False
