"""Many rows held by their columns are the rows that they stand for."""

from __future__ import annotations

import pytest

from store.json_rows import MANY, columns
from store.many_rows import MadeRows, Rows, column
from store.rows import to_json
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    made_at: int | None
    tags: dict[str, str]


MADE = [Part(f"p{n}", n if n % 2 else None, {"n": str(n)} if n % 3 else {}) for n in range(MANY + 1)]


def held(parts: list[Part]) -> Rows:
    return Rows(Part, {name: [getattr(part, name) for part in parts] for name in ("name", "made_at", "tags")})


def test_rows_are_those_they_stand_for() -> None:
    rows = held(MADE)
    assert (len(rows), rows[0], rows[-1], list(rows)) == (len(MADE), MADE[0], MADE[-1], MADE)
    assert rows == MADE == list(rows[:])
    assert list(rows[3:5]) == MADE[3:5]
    assert rows != MADE[1:]
    assert MADE[4] in rows
    with pytest.raises(IndexError):
        rows[len(MADE)]


def test_rows_that_were_made_when_they_were_read_are_like_others() -> None:
    rows = MadeRows(Part, MADE)
    assert rows == held(MADE) == MADE == list(rows[:])
    assert (len(rows), rows[0], rows[-1], list(rows[3:5])) == (len(MADE), MADE[0], MADE[-1], MADE[3:5])
    assert {name: list(values) for name, values in held(MADE).columns().items()} == rows.columns()
    assert to_json(rows) == to_json(MADE)
    assert column(rows, "made_at") == column(MADE, "made_at")
    for of in (rows, held(MADE)):
        with pytest.raises(KeyError):
            of.column("count")


def test_no_rows_are_none() -> None:
    for rows in (held([]), Rows(Part, {}), MadeRows(Part, [])):
        assert (len(rows), list(rows), bool(rows)) == (0, [], False)


@pytest.mark.parametrize("many", [3, len(MADE)])
def test_their_json_is_that_of_the_rows(many: int) -> None:
    parts = MADE[:many]
    assert to_json(held(parts)) == to_json(parts)
    assert {name: list(values) for name, values in (columns(held(parts)) or {}).items()} == (columns(parts) or {})


def test_a_field_is_read_of_either() -> None:
    assert list(column(held(MADE), "made_at")) == column(MADE, "made_at")
