"""Terms of a filter as plain data, and the SQL that answers each; what SQL cannot answer is told as None.

Two functions stand in the SQL that the dialect must offer, see `store.database`: `casefold(text)` and
`number(text)`, the latter null where the text is no number. Their meaning is that of `store.comparing`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from store import comparing
from store.database import Reader, holds
from store.rows import EPOCH

FEW = 64  # distinct values of a key that are compared one by one, so that an index finds the rows of each
MOST_VALUES = 20_000  # distinct values that are looked at for a word before the rows are asked instead

_LONGEST = 1000  # signs of a word that LIKE is asked for
_NUMBER_OR_TIME = set("0123456789.+-:etz")  # a word of these may stand in a number or a time, which SQL does not spell
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(t\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?z?")
_SLACK_US = 60_000_000  # texts of times order by their signs, up to a minute away from the order of the times


class Compare(NamedTuple):
    """A column stands so to a value. A row without the column never does."""

    column: str
    sign: str
    value: str
    negated: bool = False


class Contains(NamedTuple):
    """Some value contains this text."""

    text: str
    negated: bool = False


class Beyond(NamedTuple):
    """A term that only the row itself can tell, such as a regular expression."""


Term = Compare | Contains | Beyond


class Keyed(NamedTuple):
    """A table of values by key beside the rows: `owner` ties it to them, `{t}` is its name in the query."""

    table: str
    owner: str
    numeric: bool = False


class Columns(NamedTuple):
    """What can be asked of one kind of row, by the name it has in the frozen row; each value is an SQL expression.

    `texts` may be null; `whole` says that a word can only stand in `texts`, `keyed` texts, numbers or times.
    """

    texts: Mapping[str, str]
    numbers: Mapping[str, str]
    times: Mapping[str, str]
    keyed: Mapping[str, Keyed]
    beyond: frozenset[str]  # columns of the row that SQL is not asked about
    whole: bool


class Chosen(NamedTuple):
    """Rows of a keyed table that a term asks for; `single` says that all of them hold one value."""

    keyed: Keyed
    sql: str  # over {t}
    single: bool


class Asked(NamedTuple):
    """One term as SQL: `exact` says that it lets no other row through; `chosen` is where an index may begin.

    `scanned` says that every row has to be read to find those it lets through.
    """

    sql: str
    exact: bool
    chosen: Chosen | None = None
    scanned: bool = False


class Bound:
    """Parameters of one query, each under a name of its own."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}

    def name(self, value: Any) -> str:
        """Bind a value and return its placeholder."""
        name = f"v{len(self.params)}"
        self.params[name] = value
        return f":{name}"


def sql_of(reader: Reader, term: Term, columns: Columns, bound: Bound) -> Asked | None:
    """Return a term as SQL, None where only the row itself can tell.

    What comes back never rules out a row that the term lets through.
    """
    if isinstance(term, Beyond):
        return None
    if isinstance(term, Contains):
        asked = _contains(reader, term, columns, bound)
    else:
        asked = _compare(reader, term, columns, bound)
    if asked is None or not term.negated:
        return asked
    return Asked(f"NOT ({asked.sql})", exact=True) if asked.exact else None


def _compare(reader: Reader, term: Compare, columns: Columns, bound: Bound) -> Asked | None:
    if not _storable(term.value):
        return None
    wanted = comparing.number(term.value)
    if term.column in columns.texts:
        expression = columns.texts[term.column]
        return Asked(f"({expression} IS NOT NULL AND {_text(expression, term, bound)})", exact=True)
    if term.column in columns.numbers:
        if wanted is None:
            return None
        expression = columns.numbers[term.column]
        return Asked(f"({expression} IS NOT NULL AND {expression} {_sign(term)} {bound.name(wanted)})", exact=True)
    if term.column in columns.times:
        return _time(columns.times[term.column], term, bound)
    if term.column in columns.beyond:
        return None
    head, _, key = term.column.partition(".")
    if head in columns.keyed and key:
        return _keyed(reader, columns.keyed[head], key, term, bound)
    return None if head in columns.beyond or head in columns.keyed else Asked("1 = 0", exact=True)


def _keyed(reader: Reader, keyed: Keyed, key: str, term: Compare, bound: Bound) -> Asked | None:
    if not _storable(key):
        return None
    wanted = comparing.number(term.value)
    single = False
    if keyed.numeric:
        if wanted is None:
            return None
        condition = f"{{t}}.value {_sign(term)} {bound.name(wanted)}"
    else:
        values = _values(reader, keyed.table, key)
        if values is None:
            condition = _text("{t}.value", term, bound)
        else:
            fitting = [value for value in values if comparing.compares(value, term.sign, term.value)]
            if not fitting:
                return Asked("1 = 0", exact=True)
            single = len(fitting) == 1
            listed = ", ".join(bound.name(value) for value in fitting)
            condition = f"{{t}}.value = {listed}" if single else f"{{t}}.value IN ({listed})"
    rows = f"{{t}}.key = {bound.name(key)} AND {condition}"
    inner = f"{keyed.owner} AND {rows}".format(t="own")
    chosen = Chosen(keyed, rows, single)
    return Asked(f"EXISTS (SELECT 1 FROM {keyed.table} own WHERE {inner})", exact=True, chosen=chosen)


def _values(reader: Reader, table: str, key: str) -> list[str] | None:
    """Return the distinct values of a key, leaping from one to the next along the index; None where they are many."""
    found = reader.rows(
        f"WITH RECURSIVE leap (value, n) AS (SELECT min(value), 1 FROM {table} WHERE key = :key UNION ALL"
        f" SELECT (SELECT min(o.value) FROM {table} o WHERE o.key = :key AND o.value > leap.value), n + 1 FROM leap"
        " WHERE leap.value IS NOT NULL AND n <= :few) SELECT value FROM leap WHERE value IS NOT NULL",
        {"key": key, "few": FEW},
    )
    return [row["value"] for row in found] if len(found) <= FEW else None


def _text(expression: str, term: Compare, bound: Bound) -> str:
    """Compare text: as numbers where both are, else without regard to case."""
    as_text = f"casefold({expression}) {_sign(term)} {bound.name(term.value.casefold())}"
    wanted = comparing.number(term.value)
    if wanted is None:
        return as_text
    return f"coalesce(number({expression}) {_sign(term)} {bound.name(wanted)}, {as_text})"


def _sign(term: Compare) -> str:
    return "<>" if term.sign == "!=" else term.sign


def _time(expression: str, term: Compare, bound: Bound) -> Asked | None:
    """Narrow by time; the row's own text then decides."""
    written = _TIME.fullmatch(term.value.casefold())
    if written is None or term.sign in ("=", "!="):
        return None
    try:
        moment = datetime.fromisoformat(written[1] + (written[2] or "").upper()).replace(tzinfo=UTC)
    except ValueError:
        return None
    at_us = int((moment - EPOCH).total_seconds() * 1_000_000)
    if term.sign in (">", ">="):
        return Asked(f"{expression} >= {bound.name(at_us - _SLACK_US)}", exact=False)
    return Asked(f"{expression} <= {bound.name(at_us + _SLACK_US)}", exact=False)


def _contains(reader: Reader, term: Contains, columns: Columns, bound: Bound) -> Asked | None:
    wanted = term.text.casefold()
    if not columns.whole or set(wanted) <= _NUMBER_OR_TIME or len(wanted) > _LONGEST or not _storable(wanted):
        return None
    escaped = re.sub(r"([!%_])", r"!\1", wanted)
    like, ascii = bound.name(f"%{escaped}%"), wanted.isascii()
    places = [holds(expression, like, ascii=ascii) for expression in columns.texts.values()]
    texts = [keyed for keyed in columns.keyed.values() if not keyed.numeric]
    places += filter(None, (_in_keyed(reader, keyed, wanted, like, bound) for keyed in texts))
    return Asked(f"({' OR '.join(places)})", exact=True, scanned=True)


def _in_keyed(reader: Reader, keyed: Keyed, wanted: str, like: str, bound: Bound) -> str | None:
    """Return the condition that a keyed value holds the word; None where no value does.

    Values repeat: where they are not too many, each is looked at once and not once for every row that has it.
    """
    found = reader.rows(f"SELECT DISTINCT key, value FROM {keyed.table} LIMIT :most", {"most": MOST_VALUES + 1})
    condition = holds("own.value", like, ascii=wanted.isascii())
    if len(found) <= MOST_VALUES:
        fitting = sorted({row["value"] for row in found if wanted in row["value"].casefold()})
        if not fitting:
            return None
        if len(fitting) <= FEW:
            condition = f"own.value IN ({', '.join(map(bound.name, fitting))})"
    return f"EXISTS (SELECT 1 FROM {keyed.table} own WHERE {keyed.owner.format(t='own')} AND {condition})"


def _storable(text: str) -> bool:
    """Tell whether text can be handed to the registry and stands in it as it is."""
    return not any(sign < " " or "\ud800" <= sign <= "\udfff" for sign in text)
