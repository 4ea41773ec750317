"""The one filter grammar, pure: words, `col>0.2`, `metrics.mae < 12`, `!x`, `~regex`, joined by spaces or `and`.

A row is what `store.rows.to_json` makes of it, so times compare as the RFC 3339 text a person sees. Bare words are
substrings of any value, without regard to case; quotes keep spaces and signs: `"two words"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from engine.service.expressions import compiled
from store import comparing
from store.errors import Refused
from store.rows import to_json
from store.rows.frozen import dataclass
from store.search import terms as searched

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PATH = r"[A-Za-z_]\w*(?:\.[\w@-]+)*"
# A sign may stand apart from its column, but `word ~regex` is two terms.
_SIGN = r"\s*(?:>=|<=|!=|==?|>|<)|~|\s+~(?=\s)"
_TERM = re.compile(
    rf"""(?P<negated>!?)(?:
        (?P<column>{_PATH})(?P<sign>{_SIGN})\s*(?P<value>{_QUOTED}|[^\s"]\S*)
      | ~(?P<regex>{_QUOTED}|\S+)
      | (?P<quoted>{_QUOTED})
      | (?P<word>\S+)
    )""",
    re.VERBOSE,
)
_UNFINISHED = re.compile(rf"{_PATH}\s*(?:>=|<=|!=|==?|>|<|~)$")
_JOIN = re.compile(r"\s*(?:and\s+|and$)*", re.IGNORECASE)

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Word:
    """Some value contains this text."""

    text: str

    def holds(self, row: dict[str, Any]) -> bool:
        """Tell whether it does."""
        wanted = self.text.casefold()
        return any(wanted in value.casefold() for value in texts_of(row))


@dataclass(frozen=True, slots=True)
class Pattern:
    """Some value matches this expression."""

    expression: re.Pattern[str]

    def holds(self, row: dict[str, Any]) -> bool:
        """Tell whether it does."""
        return any(self.expression.search(value) for value in texts_of(row))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The column stands so to the value. A row without the column never matches."""

    column: str
    sign: str
    value: str

    def holds(self, row: dict[str, Any]) -> bool:
        """Tell whether it does."""
        found, value = _lookup(row, self.column)
        if not found or value is None:
            return False
        if isinstance(value, list | tuple | dict):
            inside = any(item.casefold() == self.value.casefold() for item in texts_of(value))
            return inside if self.sign == "=" else not inside and self.sign == "!="
        return comparing.compares(value, self.sign, self.value)


@dataclass(frozen=True, slots=True)
class ColumnPattern:
    """The column matches this expression."""

    column: str
    expression: re.Pattern[str]

    def holds(self, row: dict[str, Any]) -> bool:
        """Tell whether it does."""
        found, value = _lookup(row, self.column)
        return found and any(self.expression.search(item) for item in texts_of(value))


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: Word | Pattern | Comparison | ColumnPattern

    def holds(self, row: dict[str, Any]) -> bool:
        """Tell whether it does not."""
        return not self.term.holds(row)


Term = Word | Pattern | Comparison | ColumnPattern | Not


@dataclass(frozen=True, slots=True)
class Filter:
    """Every term must hold; no terms, and everything matches."""

    terms: tuple[Term, ...] = ()

    def matches(self, row: Any) -> bool:
        """Tell whether a frozen row, or a dict of JSON values, matches."""
        if not self.terms:
            return True
        values = to_json(row)
        return all(term.holds(values) for term in self.terms)

    def select(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows that match, in their order."""
        return (row for row in rows if self.matches(row))

    def searched(self) -> list[searched.Term]:
        """Return the terms as the plain data that a search in the registry takes."""
        return [_plain_term(term) for term in self.terms]


def parse(text: str) -> Filter:
    """Read a filter.

    Raises:
        Refused: a comparison has no value, an expression is not a regular expression, or the terms are too many.
    """
    terms: list[Term] = []
    at = _skip(text, 0)
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise Refused(f"the filter cannot be read at {text[at:]!r}", _HINT)
        if len(terms) == MOST_TERMS:
            raise Refused(f"the filter has more than {MOST_TERMS} terms", "leave some out")
        terms.append(_term(match))
        at = _skip(text, match.end())
    return Filter(tuple(terms))


def fields_of(wanted: Filter) -> list[str]:
    """Return the fields that a filter's comparisons name, in their order."""
    terms = (term.term if isinstance(term, Not) else term for term in wanted.terms)
    return [term.column for term in terms if isinstance(term, Comparison | ColumnPattern)]


MOST_TERMS = 64
_HINT = "write words, col>0.2, metrics.mae < 12, !x or ~regex, joined by spaces"


def _plain_term(term: Term, negated: bool = False) -> searched.Term:
    if isinstance(term, Not):
        return _plain_term(term.term, not negated)
    if isinstance(term, Comparison):
        return searched.Compare(term.column, term.sign, term.value, negated)
    return searched.Contains(term.text, negated) if isinstance(term, Word) else searched.Beyond()


def _skip(text: str, at: int) -> int:
    match = _JOIN.match(text, at)
    return match.end() if match else at


def _term(match: re.Match[str]) -> Term:
    term: Word | Pattern | Comparison | ColumnPattern
    sign = (match["sign"] or "").strip()
    if match["column"] and sign == "~":
        term = ColumnPattern(match["column"], compiled(_plain(match["value"])))
    elif match["column"]:
        term = Comparison(match["column"], sign.replace("==", "="), _plain(match["value"]))
    elif match["regex"]:
        term = Pattern(compiled(_plain(match["regex"])))
    elif match["quoted"]:
        term = Word(_plain(match["quoted"]))
    else:
        if match["word"] in comparing.SIGNS or _UNFINISHED.match(match["word"]):
            raise Refused(f"{match['word']!r} compares with nothing", _HINT)
        term = Word(match["word"])
    return Not(term) if match["negated"] else term


def _plain(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def _lookup(row: Any, path: str) -> tuple[bool, Any]:
    """Follow `a.b.c` through dicts; a key may itself hold dots."""
    if isinstance(row, dict):
        if path in row:
            return True, row[path]
        head, dot, rest = path.partition(".")
        while dot:
            if head in row:
                return _lookup(row[head], rest)
            more, dot, rest = rest.partition(".")
            head = f"{head}.{more}"
    return False, None


def texts_of(value: Any) -> Iterator[str]:
    """Yield every value as the text that words are looked for in."""
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_of(item)
    elif value is not None:
        yield _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
