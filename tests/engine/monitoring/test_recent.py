"""The traffic of the last minutes: open segments and what the collector has counted, once each."""

from __future__ import annotations

import json

from engine.daemon.traffic import Traffic
from engine.monitoring.collect import collect
from engine.monitoring.recent import recent_traffic

MINUTE_US = 60_000_000


def test_rows_of_open_segments_and_collected_ones_are_counted_once(serving, traffic, made):
    serving()
    now = traffic.deck.clock.now()
    rows = made.rates_rows(200)
    traffic.send(rows[:120], at=now - 4 * MINUTE_US, every_s=1.0)
    before = recent_traffic(traffic.deck.workspace, traffic.model, now)
    collect(traffic.deck)
    Traffic(traffic.deck).count()
    after = recent_traffic(traffic.deck.workspace, traffic.model, now)
    assert (before.rows, after.rows) == (120, 120)
    assert before.rate == 120 / 240.0
    lines, _ = traffic.lines(rows[120:150], [{"value": 1.0}] * 30, at=now - MINUTE_US)
    traffic.write(lines, closed=False, folder="r2")
    assert recent_traffic(traffic.deck.workspace, traffic.model, now).rows == 150


def test_old_rows_failed_rows_and_other_endpoints(serving, traffic, made):
    serving()
    now = traffic.deck.clock.now()
    traffic.send(made.rates_rows(10), at=now - 90 * MINUTE_US)
    assert recent_traffic(traffic.deck.workspace, traffic.model, now).rows == 0
    traffic.refuse(5, at=now - MINUTE_US, status=500)
    traffic.refuse(5, at=now - MINUTE_US, status=422)
    seen = recent_traffic(traffic.deck.workspace, traffic.model, now)
    assert (seen.rows, seen.errors) == (10, 5)
    assert recent_traffic(traffic.deck.workspace, "other", now).rate == 0.0


def test_a_damaged_count_file_is_no_traffic(traffic):
    traffic.deck.workspace.predictions.mkdir(parents=True, exist_ok=True)
    (traffic.deck.workspace.predictions / "traffic-files.json").write_text(json.dumps({"x": 1})[:4])
    assert recent_traffic(traffic.deck.workspace, traffic.model, traffic.deck.clock.now()).rows == 0
