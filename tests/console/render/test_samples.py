"""A row's page names each column whole, however long, beside its value."""

from __future__ import annotations

import pytest

from console.render.cells import plain
from console.render.samples import Record, record_lines

LONG = "share_of_guests_who_asked_for_a_refund_within_seven_days_of_their_arrival"
ROW = {"country": "PRT", "days_in_waiting_list_before_it_was_confirmed": 12, LONG: 0.25}


@pytest.mark.parametrize("width", [80, 120])
def test_long_names_of_columns_are_whole(width: int) -> None:
    record = Record("1", "rates", "sha256:00", 1, 10, ROW, ())
    lines = [plain(cells).rstrip() for cells in record_lines(record, width)]
    assert all(len(line) <= width for line in lines)
    assert [line.split() for line in lines if "waiting" in line] == [
        ["days_in_waiting_list_before_it_was_confirmed", "12"]
    ]
    at = next(place for place, line in enumerate(lines) if LONG in line)
    assert "0.25" in "".join(lines[at : at + 2])
