"""Rows made quickly are what the standard decorator makes."""

from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import pickle
from typing import Any

import pytest

from store.rows import Alias, Version
from store.rows.frozen import dataclass
from store.rows.making import all_of, maker, making_many


class Row:
    a: int
    b: dict[str, int] = dataclasses.field(default_factory=dict)
    c: str = "x"


def made_by(decorate: Any) -> Any:
    kind = type(
        "Row", (), {**{name: value for name, value in vars(Row).items() if name not in ("__dict__", "__weakref__")}}
    )
    kind.__qualname__ = "Row"
    return decorate(frozen=True, slots=True)(kind)


OURS, STANDARD = made_by(dataclass), made_by(dataclasses.dataclass)


def test_a_row_shows_compares_and_hashes_as_a_standard_one() -> None:
    for values in ((1,), (1, {"k": 2}), (1, {"k": 2}, "y")):
        ours, standard = OURS(*values), STANDARD(*values)
        assert repr(ours) == repr(standard)
        assert dataclasses.asdict(ours) == dataclasses.asdict(standard)
        assert ours == OURS(*values)
        assert ours != OURS(2)
        assert (ours == values) is (standard == values) is False
        assert ours != standard
    assert [field.name for field in dataclasses.fields(OURS)] == [field.name for field in dataclasses.fields(STANDARD)]
    assert OURS.__match_args__ == STANDARD.__match_args__ == ("a", "b", "c")
    alias = Alias("m", "champion", 1, 1, "user:a", 0)
    assert hash(alias) == hash(Alias("m", "champion", 1, 1, "user:a", 0))
    with pytest.raises(TypeError, match="unhashable type: 'dict'"):
        hash(OURS(1))


def test_a_row_is_frozen_has_slots_and_can_be_replaced_copied_and_pickled() -> None:
    row = OURS(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.a = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del row.a
    assert not hasattr(row, "__dict__")
    assert dataclasses.replace(row, c="z") == OURS(1, {}, "z")
    assert copy.deepcopy(row) == row
    alias = Alias("m", "champion", 1, 1, "user:a", 0)
    assert pickle.loads(pickle.dumps(alias)) == alias


def test_a_row_that_holds_itself_can_be_shown() -> None:
    row = OURS(1)
    row.b["self"] = row
    assert repr(row) == "Row(a=1, b={'self': ...}, c='x')"


def test_what_a_class_says_itself_stays() -> None:
    @dataclass(frozen=True, slots=True)
    class Said:
        a: int

        def __repr__(self) -> str:
            return "said"

    assert repr(Said(1)) == "said"
    assert Said(1) == Said(1)


def test_only_frozen_rows_with_slots_are_made() -> None:
    with pytest.raises(TypeError, match="frozen and have slots"):
        dataclass(frozen=False, slots=True)
    assert Version.__slots__


def test_a_row_made_quickly_is_one_made_by_its_class() -> None:
    values = ("m", "champion", 1, 1, "user:a", 0)
    for alias in (maker(Alias)(*values), *all_of(Alias, [values])):
        assert type(alias) is Alias
        assert alias == Alias(*values)
        assert pickle.loads(pickle.dumps(alias)) == alias
        with pytest.raises(dataclasses.FrozenInstanceError):
            alias.name = "challenger"  # type: ignore[misc]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'moved_at'"):
        maker(Alias)(*values[:-1])


def test_rows_made_by_the_thousand_are_not_looked_through_for_having_been_made() -> None:
    with making_many():
        assert not gc.isenabled()
        made = [[number] for number in range(50_000)]
        assert gc.get_count()[0] >= len(made)
    assert gc.isenabled()
    assert gc.get_count()[0] < 10_000


def test_what_a_process_has_frozen_stays_so() -> None:
    gc.freeze()
    try:
        with making_many():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_what_makes_a_row_is_compiled_when_the_first_is_made() -> None:
    @dataclass(frozen=True, slots=True)
    class Base:
        a: int
        b: tuple[int, ...] = ()

        def __post_init__(self) -> None:
            if self.a < 0:
                raise ValueError("a is negative")

    class Sub(Base):
        pass

    @dataclass(frozen=True, slots=True)
    class Whole(Base):
        c: list[int] = dataclasses.field(default_factory=list)

    assert "a" not in Base.__init__.__code__.co_varnames
    assert (Sub(1).a, Sub(a=2, b=(3,)).b) == (1, (3,))
    assert "a" in Base.__init__.__code__.co_varnames
    first, second = Whole(1, (2,)), Whole(1)
    assert (first.b, first.c, first.c is second.c) == ((2,), [], False)
    with pytest.raises(ValueError, match="a is negative"):
        Whole(-1)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        Base()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Base(1, z=2)  # type: ignore[call-arg]
    assert inspect.signature(Base).parameters.keys() == {"a", "b"}


def test_a_field_that_is_not_given_when_a_row_is_made_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Odd:
        a: int = dataclasses.field(init=False, default=1)

    with pytest.raises(TypeError, match=r"Odd\.a: rows are made of all their fields"):
        Odd()
