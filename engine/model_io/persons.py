"""Whose rows are whose: a person is sought by keyed tokens of columns, so that nothing has to keep the value itself.

A row is the person's where any of the sought columns holds the value, or its token as the prediction log does. A value
typed as text is sought as the text and as the number or yes/no that it may be in the data.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.model_io.log_key import log_key
from engine.serving.tokens import LogKey
from store import erasures
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from store.database import Reader
    from store.erasures import Standing

LONGEST = 1000  # characters of a value
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")  # 031 is text: number 31 is somebody else
_TRUTH = {"true": True, "false": False}


class ErasedMeanwhile(Exception):
    """An erasure was asked for since the rows were read: they are to be looked through once more."""


class Persons:
    """The people of one or more erasures, told by their tokens."""

    def __init__(self, key: LogKey, sought: Iterable[Mapping[str, tuple[str, ...]]]) -> None:
        self._key = key
        self.tokens: dict[str, frozenset[str]] = {}
        for each in sought:
            for column, tokens in each.items():
                self.tokens[column] = self.tokens.get(column, frozenset()) | frozenset(tokens)

    def is_of(self, row: Mapping[str, Any]) -> bool:
        """Say whether a row of plain values or tokens is one of theirs."""
        return any(self.holds(column, row[column]) for column in self.tokens if column in row)

    def holds(self, column: str, value: Any) -> bool:
        """Say whether a value of a column, a list of values, or a token is theirs."""
        if isinstance(value, list | tuple):
            return any(self.holds(column, one) for one in value)
        tokens = self.tokens[column]
        if isinstance(value, str) and value in tokens:
            return True
        return any(self._key.token(column, form) in tokens for form in _forms(value))

    def rows_in(self, table: pa.Table, prefix: str = "") -> Any:
        """Return which rows of a table are theirs, (rows,) bool; `prefix` is before its columns' names."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        mine = np.zeros(table.num_rows, dtype=bool)
        for column in self.tokens:
            if prefix + column not in table.column_names or not table.num_rows:
                continue
            values = table.column(prefix + column).combine_chunks()
            if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
                mine |= np.array([self.holds(column, one or []) for one in values.to_pylist()], dtype=bool)
                continue
            distinct = pc.unique(values)
            theirs = [self.holds(column, one) for one in distinct.to_pylist()]
            if any(theirs):
                hit = pc.is_in(values, value_set=distinct.filter(pa.array(theirs)))
                mine |= np.asarray(pc.fill_null(hit, False))
        return mine


def parsed(terms: Iterable[str]) -> dict[str, str]:
    """Return column -> value of words such as `user_id=31`.

    Raises:
        Refused: there is no word, a word is none, or a value is empty, too long or no text. No value is in the message.
    """
    found: dict[str, str] = {}
    for number, term in enumerate(terms, 1):
        column, equals, value = term.partition("=")
        if not equals or not column or not value:
            raise Refused(f"word {number} names no person", "write COLUMN=VALUE, such as user_id=31")
        if not column.isprintable() or len(column) > LONGEST:
            raise Refused(f"word {number} names no column", "write COLUMN=VALUE, such as user_id=31")
        if len(value) > LONGEST:
            raise Refused(f"the value of {column!r} is longer than {LONGEST} characters", "no row is sought by that")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refused(f"the value of {column!r} is no text", "type it in the terminal's encoding") from None
        if column in found:
            raise Refused(f"{column!r} is named twice", "one erasure is of one person")
        found[column] = value
    if not found:
        raise Refused("no person is named", "write COLUMN=VALUE, such as user_id=31")
    return found


def tokens_of(key: LogKey, said: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the tokens of everything that a typed value may be in the data, by column."""
    return {
        column: tuple(sorted({key.token(column, form) or "" for form in _meant(value)}))
        for column, value in said.items()
    }


def key_of(deck: Deck) -> LogKey:
    """Return the deck's log key, made if absent.

    Raises:
        StorageUnwritable: it cannot be made. Refused: the file holds no key.
    """
    place = log_key(deck.workspace.keys)
    try:
        return LogKey.read(place)
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused(f"{place} holds no log key", "restore it from a backup made --with-keys") from None


def left_out(deck: Deck, reader: Reader, model: str) -> tuple[tuple[Standing, ...], Persons | None]:
    """Return the erasures that stand for a model, and the people whose rows are to stay out of it; None for none.

    Raises:
        WorkFailed: one was asked for under another log key, so that its person cannot be told.
    """
    standing = erasures.standing(reader, model)
    if not standing:
        return standing, None
    key = key_of(deck)
    for one in standing:
        if one.key_id != key.id:
            raise WorkFailed(
                f"whom erasure {one.id[:12]} is about cannot be told: its log key {one.key_id} is not here",
                f"restore .modeldeck/keys/log from a backup, or modeldeck erasures lift {one.id[:12]}",
            )
    return standing, Persons(key, (one.sought for one in standing))


def _meant(text: str) -> Iterator[Any]:
    yield text
    if _NUMBER.fullmatch(text):
        yield float(text) if "." in text else int(text)
    if text.lower() in _TRUTH:
        yield _TRUTH[text.lower()]


def _forms(value: Any) -> Iterator[Any]:
    if value is None:
        return
    if isinstance(value, dt.datetime):
        yield value.isoformat()
        yield value.isoformat().removesuffix("T00:00:00")
    elif isinstance(value, dt.date):
        yield value.isoformat()
    elif isinstance(value, str | int | float | bool):
        yield value
    else:
        yield str(value)
