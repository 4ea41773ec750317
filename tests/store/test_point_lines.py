"""Points as lines: what is written is read, whatever the keys, and what is damaged is no point and harms no other."""

from __future__ import annotations

import math
import struct
from base64 import b64encode
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import point_lines
from store.point_lines import Point

INT64 = st.integers(-(2**63), 2**63 - 1)
POINTS = st.lists(
    st.tuples(st.sampled_from(["mae", "a],[b", 'quo"te\\', "two\nlines", "ü"]), INT64, INT64, st.none() | st.floats()),
    max_size=120,
)
MANY: list[Point] = [("loss", step, step * 1000, 1 / (step + 1)) for step in range(10_000)]


def split(text: str) -> list[bytes]:
    assert not text or text.endswith("\n")
    return text.encode().split(b"\n")[:-1]


def points_of(lines: list[bytes]) -> list[Point]:
    return list(zip(*point_lines.read(lines).points, strict=True))


def by_key(points: list[Point]) -> dict[str, list[tuple[int, int, float | None]]]:
    """Return points of each key in order; a block cannot tell 'no value' from 'not a number', nor does the registry."""
    found = defaultdict(list)
    for key, step, at, value in points:
        found[key].append((step, at, None if value is None or math.isnan(value) else value))
    return found


@given(POINTS)
def test_what_is_written_is_read(points: list[Point]) -> None:
    assert by_key(points_of(split(point_lines.lines(points)))) == by_key(points)


def test_many_points_of_a_key_are_few_lines() -> None:
    lines = split(point_lines.lines(MANY))
    assert len(lines) == 3
    assert points_of(lines) == MANY


def test_steps_and_times_evenly_apart_are_two_numbers_each() -> None:
    for first, apart in ((7, 1), (2**63 - 1, 0), (100, -3), (-5, 10**6)):
        points: list[Point] = [("loss", first + apart * place, 2**62, 0.25) for place in range(4097)]
        lines = split(point_lines.lines(points))
        assert [line[: line.index(b',"')] for line in lines] == [
            b'["loss",[%d,%d],[%d,0]' % (first, apart, 2**62),
            b'["loss",[%d,0],[%d,0]' % (first + 4096 * apart, 2**62),
        ]
        assert points_of(lines) == points


def test_columns_that_are_not_even_are_written_out() -> None:
    points: list[Point] = [("loss", step * step, 5 if step == 30 else 6, 0.25) for step in range(40)]
    (line,) = split(point_lines.lines(points))
    assert b"[" not in line[1:]
    assert points_of([line]) == points


def test_lines_of_earlier_releases_are_read() -> None:
    column, values = b64encode(struct.pack("<2q", 3, 9)), b64encode(struct.pack("<2d", 0.5, 1.5))
    assert points_of([b'["loss","%b","%b","%b"]' % (column, column, values)]) == [
        ("loss", 3, 3, 0.5),
        ("loss", 9, 9, 1.5),
    ]


@pytest.mark.parametrize("beyond", [2**63, -(2**63) - 1, 2**70])
@pytest.mark.parametrize("count", [3, 40])
def test_a_step_or_a_time_beyond_64_bits_keeps_no_other_point_out(count: int, beyond: int) -> None:
    """The registry could not hold it, and whoever takes lines in would end at it for ever."""
    good: list[Point] = [("mae", step, 0, 0.5) for step in range(count)]
    for bad in (("mae", beyond, 0, 0.5), ("mae", 7, beyond, 0.5)):
        assert points_of(split(point_lines.lines([*good, bad]))) == good
    values = b64encode(struct.pack("<2d", 0.5, 1.5)).decode()
    for block in (f'["mae",[{beyond - 1},1],[0,0],"{values}"]', f'["mae",[0,1],[{beyond},0],"{values}"]'):
        some = split(point_lines.lines(good) + block + "\n")
        assert [one for one in points_of(some) if not -(2**63) <= one[1] < 2**63] == []
        assert points_of(some)[:count] == good


def test_a_value_that_is_missing_among_many_is_not_a_number_of_a_block() -> None:
    told = point_lines.read(split(point_lines.lines([*MANY[:40], ("loss", 40, 0, None)]))).points
    assert list(told.steps) == list(range(41))
    assert [place for place, value in enumerate(told.values) if value is None or math.isnan(value)] == [40]


def test_nothing_written_is_nothing_read() -> None:
    assert point_lines.read([]) == (point_lines.columns(iter(())), {})


def test_a_damaged_line_harms_no_other() -> None:
    (block,) = split(point_lines.lines(MANY[:100]))
    for damaged in (
        block[:-9] + block[-5:],
        block[: len(block) // 2],
        b'["mae",1,',
        b"null",
        b"[1,2]",
        b'["a","b","c","d"]',
        b'["a",[1],[1,0],"AAAAAAAA8D8="]',
        b'["a",[1,0],[1,0],1]',
        b'["a",["x",0],[1,0],"AAAAAAAA8D8="]',
    ):
        found = points_of([b'["mae",1,2,0.5]', damaged, block, b'["mae",2,2,null]'])
        assert found == [("mae", 1, 2, 0.5), *MANY[:100], ("mae", 2, 2, None)]


def test_params_are_texts_and_the_later_counts() -> None:
    lines = point_lines.param_line({"depth": 6, "why": "n\u00e4chtlich\n"}) + point_lines.param_line({"depth": 7})
    found = point_lines.read([*split(lines), b'["mae",1,2,0.5]'])
    assert found == (point_lines.columns([("mae", 1, 2, 0.5)]), {"depth": "7", "why": "n\u00e4chtlich\n"})
