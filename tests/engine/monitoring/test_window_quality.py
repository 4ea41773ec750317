"""What is wrong with the inputs of a window: counted, shown, and an alert where a rule asks for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq
import pytest
from looking import MIDNIGHT, look, of_kind

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.layout import parts
from engine.monitoring.verdicts import findings
from engine.settings.alerts import make_rule


def told(verdict: Any) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["name"], one["fault"]): one for one in verdict.window.quality["columns"]}


def test_a_window_like_the_reference_has_no_fault(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(500, 7), at=MIDNIGHT, every_s=10)
    (verdict,) = look(deck, settings)
    assert verdict.window.quality["beyond"] == 0


def test_nulls_new_categories_and_values_out_of_range_are_told_the_worst_first(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving()
    rows = made.rates_rows(400, 7)
    for number, row in enumerate(rows):
        if number % 2:
            row["lead_time"] = None
        if number % 4 == 0:
            row["segment"] = "moon"
        if number % 10 == 0:
            row["guests"] = 40
    traffic.send(rows, at=MIDNIGHT, every_s=10)
    (verdict,) = look(deck, settings)
    found = told(verdict)
    assert list(found)[:3] == [("lead_time", "nulls"), ("segment", "unseen"), ("guests", "outside")]
    assert [one["rows"] for one in list(found.values())[:3]] == [200, 100, 40]
    assert verdict.window.quality["beyond"] == 3


def test_a_rule_on_quality_opens_for_inputs_that_matter(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = replace(serving(), alerts={"inputs": make_rule("quality", threshold=0.3)})
    rows = [{**row, "guests": 40, "lead_time": None if number % 2 else 30.0} for number, row in
            enumerate(made.rates_rows(400, 7))]  # fmt: skip
    traffic.send(rows, at=MIDNIGHT, every_s=10)
    (finding,) = of_kind(findings(look(deck, settings)), "quality")  # guests does not matter
    assert finding.title.startswith("v1 lead_time: nulls 50.0% of rows, usual 0.0%; 2026-02-01")
    assert finding.evidence["columns"][0]["rows"] == 200


def test_freshness_is_the_age_of_the_newest_row_and_a_rule_may_bear_on_it(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = replace(serving(), alerts={"stale": make_rule("freshness", threshold=86_400.0)})
    rows = [{**row, "arrival": "2026-01-29"} for row in made.rates_rows(100)]
    traffic.send(rows, at=MIDNIGHT, every_s=1)
    verdicts = look(deck, settings)
    fresh = verdicts[0].window.quality["freshness"]
    assert fresh["age_s"] == pytest.approx(3 * 86_400 + 99)
    assert fresh["without"] == 0
    (finding,) = of_kind(findings(verdicts), "freshness")
    assert "the newest row was 259299 s old" in finding.title


def test_rows_without_event_times_have_no_age(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = replace(serving(), alerts={"stale": make_rule("freshness", threshold=60.0)})
    traffic.send(made.rates_rows(100), at=MIDNIGHT)
    verdicts = look(deck, settings)
    assert verdicts[0].window.quality["freshness"] == {"age_s": None, "median_s": None, "without": 100}
    assert findings(verdicts) == []


def test_a_column_that_the_log_lost_within_a_window_is_told(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    for seed in (3, 4):
        traffic.send(made.rates_rows(100, seed), at=MIDNIGHT, every_s=5)
        collect(deck)
    first = parts(deck.workspace, "rates", None, None)[1][0]
    pq.write_table(pq.ParquetFile(first).read().drop_columns(["features.segment"]), first)
    (verdict,) = look(deck, settings)
    found = told(verdict)["segment", "not logged"]
    assert (found["rows"], found["n"], found["beyond"]) == (100, 200, True)


def test_repeated_rows_are_counted_and_left_out(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    lines, _ = traffic.lines(made.rates_rows(100, 6), [{"value": 1.0}] * 100, at=MIDNIGHT)
    for replica in ("r1", "r2"):
        traffic.write(lines, folder=replica)
    (verdict,) = look(deck, settings)
    assert verdict.window.rows == 100
    assert verdict.window.quality["repeated"] == 100
