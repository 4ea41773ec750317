"""What comes late, twice, out of order, with another shape or a wrong clock is counted and shown; nothing is lost, and
nobody is woken for it."""

from __future__ import annotations

import math
from typing import Any

import orjson
from looking import DAY_US, MIDNIGHT, look, outcomes

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.verdicts import findings
from store import watching

HOUR_US = 3_600_000_000


def rows_of(deck: Deck) -> dict[int, int]:
    """Return the rows of each day's window, by days since the first."""
    return {(one.from_at - MIDNIGHT) // DAY_US: one.rows for one in watching.windows(deck.database, "rates")}


def test_a_host_that_was_away_for_a_day_revises_the_windows_it_missed(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving()
    traffic.send(made.rates_rows(200, 3), at=MIDNIGHT, every_s=10, host="alpha")
    look(deck, settings)
    traffic.send(made.rates_rows(200, 4), at=MIDNIGHT + DAY_US, every_s=10, host="alpha")
    look(deck, settings, day=2)
    assert rows_of(deck) == {0: 200, 1: 200}
    back = made.rates_rows(150, 5)
    ids = traffic.send(back, at=MIDNIGHT + HOUR_US, every_s=10, host="beta")  # its log comes a day late
    collect(deck)
    verdicts = look(deck, settings, day=2.5)
    assert rows_of(deck) == {0: 350, 1: 200}
    assert [(one.window.revision, one.is_news) for one in verdicts] == [(2, False)]
    assert findings(verdicts) == []
    hosts = watching.window_parts(deck.database, "rates", "host", windows=2)
    assert {(one.from_at, one.value): one.rows for one in hosts}[MIDNIGHT, "beta"] == 150
    outcomes(ids, back, deck)
    assert look(deck, settings, day=3)[0].window.revision == 3


def test_after_a_late_host_the_next_look_has_nothing_to_do(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(200, 3), at=MIDNIGHT, every_s=10)
    look(deck, settings)
    traffic.send(made.rates_rows(100, 5), at=MIDNIGHT + HOUR_US, every_s=10, host="beta")
    traffic.refuse(7, at=MIDNIGHT + HOUR_US, status=500, host="beta")
    assert len(look(deck, settings, day=2.5)) == 1
    assert look(deck, settings, day=2.6) == []


def test_clocks_that_differ_put_each_row_into_one_window_and_lose_none(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving()
    for host, skew in (("alpha", 0), ("ahead", 5 * HOUR_US), ("behind", -5 * HOUR_US)):
        traffic.send(made.rates_rows(240, len(host)), at=MIDNIGHT + skew + 20 * HOUR_US, every_s=60, host=host)
    told = [*look(deck, settings, day=1), *look(deck, settings, day=2), *look(deck, settings, day=3)]
    assert sum(rows_of(deck).values()) == 720
    assert rows_of(deck) == {0: 480, 1: 240}
    assert findings(told) == []


def test_rows_out_of_order_are_in_the_windows_of_their_times(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    lines, _ = traffic.lines(made.rates_rows(288, 3), [{"value": 100.0}] * 288, at=MIDNIGHT, every_s=600)
    shuffled = b"".join(sorted(lines.splitlines(keepends=True), key=lambda line: line[60:]))
    traffic.write(shuffled)
    look(deck, settings, day=2)
    assert rows_of(deck) == {0: 144, 1: 144}


def test_a_column_of_another_type_in_the_middle_of_a_window_is_told_and_no_row_goes(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving()
    traffic.send(made.rates_rows(200, 3), at=MIDNIGHT, every_s=10)
    collect(deck)
    changed = [{**row, "lead_time": f"{row['lead_time']:.0f} days"} for row in made.rates_rows(200, 4)]
    traffic.send(changed, at=MIDNIGHT + HOUR_US, every_s=10)
    collect(deck)
    (verdict,) = look(deck, settings)
    assert verdict.window.rows == 400
    (fault,) = [one for one in verdict.window.quality["columns"] if one["name"] == "lead_time"]
    assert (fault["fault"], fault["rows"], fault["n"], fault["beyond"]) == ("another type", 200, 400, True)
    assert findings([verdict]) == []


def test_columns_that_come_and_go_within_a_window_are_told(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(200, 3), at=MIDNIGHT, every_s=10)
    fewer = [{name: value for name, value in row.items() if name != "segment"} for row in made.rates_rows(200, 4)]
    traffic.send([{**row, "colour": "red"} for row in fewer], at=MIDNIGHT + HOUR_US, every_s=10)
    collect(deck)
    (verdict,) = look(deck, settings)
    assert verdict.window.rows == 400
    told = {one["name"]: one for one in verdict.window.quality["columns"] if one["beyond"]}
    assert (told["segment"]["fault"], told["segment"]["rows"]) == ("nulls", 200)


def test_infinite_and_missing_numbers_are_counted_apart_and_no_alert(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(300, 3)
    lines, _ = traffic.lines(rows, [{"value": 100.0}] * 300, at=MIDNIGHT, every_s=10)
    told = [orjson.loads(line) for line in lines.splitlines()]
    for number, line in enumerate(told):
        if number < 30:  # what JSON has for it: a number that no float holds
            line["features"]["lead_time"] = "HUGE"
        elif number < 60:
            line["features"]["lead_time"] = None
    text = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in told)
    traffic.write(text.replace(b'"HUGE"', b"1e308").replace(b"1e308", b"-1.7e308", 10))
    (verdict,) = look(deck, settings)
    assert verdict.window.rows == 300
    faults = {one["fault"]: one["rows"] for one in verdict.window.quality["columns"] if one["name"] == "lead_time"}
    assert faults == {"outside": 30, "nulls": 30}
    assert all(math.isfinite(one["effect"]) for one in verdict.window.features if one["effect"] is not None)
    assert findings([verdict]) == []


def test_a_log_cut_in_the_middle_loses_its_torn_line_alone(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    lines, _ = traffic.lines(made.rates_rows(200, 3), [{"value": 100.0}] * 200, at=MIDNIGHT, every_s=10)
    traffic.write(lines[: len(lines) - 40])
    collect(deck)
    (verdict,) = look(deck, settings)
    assert verdict.window.rows == 199
    assert findings([verdict]) == []
