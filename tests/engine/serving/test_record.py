"""Lines of the prediction log: several rows in one line say what as many lines of one row would."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from engine.serving.record import Arrival, Recorder, unpacked
from engine.serving.tokens import LogKey

ROWS = [
    {"nights": 2, "price": 80.5, "country": "ES\nFR"},
    {"nights": 3, "price": None, "country": "É", "arrives": "2017-08-01"},
    {"nights": 4, "country": ""},
]
OUTPUTS = [{"value": 1.0}, {"value": -2.5}, {"value": 1e300}]
ARRIVAL = Arrival("0190-abc", "mine", "live", 1_500_000_000_000_000, 0)


def recorder(personal: tuple[str, ...] = (), time_column: str | None = None) -> Recorder:
    manifest = {
        "model": "rates",
        "version": 3,
        "log": {"mode": "durable", "personal": "token"},
        "personal": list(personal),
        "time_column": time_column,
        "time_zone": "Europe/Madrid",
    }
    return Recorder(manifest, "d1", "local", LogKey("k1", b"secret") if personal else None, "rates")


def one_by_one(made: Recorder) -> list[dict[str, Any]]:
    """The same as requests of one row; their ids say so."""
    found = [orjson.loads(made.rows(ARRIVAL, [row], [said])) for row, said in zip(ROWS, OUTPUTS, strict=True)]
    return [{**line, "prediction_id": f"0190-abc-{row}", "row": row, "latency_us": 0} for row, line in enumerate(found)]


@pytest.mark.parametrize("personal", [(), ("country",)])
@pytest.mark.parametrize("time_column", [None, "arrives"])
@pytest.mark.parametrize("indent", [None, 1])
def test_several_rows_are_one_line_that_says_the_same(
    personal: tuple[str, ...], time_column: str | None, indent: int | None
) -> None:
    made = recorder(personal, time_column)
    line = made.rows(ARRIVAL, ROWS, OUTPUTS, json.dumps(ROWS, indent=indent).encode())
    assert line.endswith(b"\n")
    assert len(line.splitlines()) == 1
    found = unpacked(orjson.loads(line))
    assert [{**row, "latency_us": 0} for row in found] == one_by_one(made)


def test_what_came_as_a_list_is_copied_unless_it_is_blown_up() -> None:
    made = recorder()
    written = orjson.dumps(ROWS)
    assert written in made.rows(ARRIVAL, ROWS, OUTPUTS, written)
    line = made.rows(ARRIVAL, ROWS, OUTPUTS, written + b" " * 100_000)
    assert len(line) < 1_000
    assert [row["features"] for row in unpacked(orjson.loads(line))] == ROWS


def test_values_that_are_hidden_are_never_copied() -> None:
    assert b"ES" not in recorder(("country",)).rows(ARRIVAL, ROWS, OUTPUTS, orjson.dumps(ROWS))


@pytest.mark.parametrize("change", [{"rows": 2}, {"rows": "3"}, {"features": None}, {"outputs": [1]}, {"event_at": 7}])
def test_a_line_that_does_not_hold_what_it_says_is_none(change: dict[str, Any]) -> None:
    line = orjson.loads(recorder().rows(ARRIVAL, ROWS, OUTPUTS))
    with pytest.raises(ValueError, match="as many"):
        unpacked({**line, **change})
