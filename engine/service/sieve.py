"""The same rows filtered again and again, as a filter is typed: what a row says is worked out once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from engine.service.filters import Filter, Not, Word, texts_of
from store.rows import to_json

Row = TypeVar("Row")
BETWEEN = "\x00"  # what nobody types, so that no word is found across two values


class Sieve(Generic[Row]):
    """Rows to choose among. Gives what `Filter.select` gives, in the same order."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._bodies: list[Any] = [None] * len(rows)
        self._texts: list[str | None] = [None] * len(rows)
        self._last: tuple[Filter, list[int]] | None = None

    def select(self, wanted: Filter) -> tuple[Row, ...]:
        """Return the rows that match. A filter that only says more than the last one looks among its matches."""
        if not wanted.terms:
            return tuple(self.rows)
        last = self._last
        among = last[1] if last is not None and says_more(wanted, last[0]) else range(len(self.rows))
        found = [number for number in among if all(self._holds(term, number) for term in wanted.terms)]
        self._last = (wanted, found)
        return tuple(self.rows[number] for number in found)

    def _holds(self, term: Any, number: int) -> bool:
        if isinstance(term, Word):
            return term.text.casefold() in self._text(number)
        if isinstance(term, Not) and isinstance(term.term, Word):
            return term.term.text.casefold() not in self._text(number)
        return bool(term.holds(self._body(number)))

    def _text(self, number: int) -> str:
        text = self._texts[number]
        if text is None:
            body = to_json(self.rows[number])  # not kept: of ten thousand rows the objects are ten megabytes
            text = self._texts[number] = BETWEEN.join(texts_of(body)).casefold()
        return text

    def _body(self, number: int) -> Any:
        body = self._bodies[number]
        if body is None:
            body = self._bodies[number] = to_json(self.rows[number])
        return body


def says_more(new: Filter, old: Filter) -> bool:
    """Say whether whatever matches `new` matches `old`: each of the old words is a part of the new one in its place."""
    if len(new.terms) < len(old.terms):
        return False
    for before, after in zip(old.terms, new.terms, strict=False):
        if before == after:
            continue
        if not (isinstance(before, Word) and isinstance(after, Word)):
            return False
        if before.text.casefold() not in after.text.casefold():
            return False
    return True
