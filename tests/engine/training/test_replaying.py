"""A new forecast beside the champion on logged inputs: both know the same of the past."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from test_forecasting import HOUR_US, put, settings_of

from engine.model_io.load import load_version, score_version
from engine.model_io.rows import read_snapshot
from engine.monitoring.outcomes import record
from engine.serving.log import SegmentLog, hold
from engine.serving.record import Arrival, Recorder
from engine.training.replaying import replay
from store import models, snapshots
from store.ids import new_id
from store.rows import Version

HOURS = 168 * 5


def ask_champion(bench: Any, champion: Version, rows: Any) -> list[str]:
    """Log what the champion answers to rows, as its server does; returns the prediction ids."""
    answers = load_version(bench.deck, champion).predict(rows)
    folder = bench.deck.workspace.segments / "r1"
    hold(folder)
    log, ids = SegmentLog(folder), []
    manifest = {
        "model": champion.model,
        "version": champion.number,
        "log": {"personal": "keep"},
        "personal": [],
        "time_column": "at",
    }
    recorder = Recorder({**manifest, "time_zone": "UTC"}, "d1", "local", None, champion.model)
    for row, answer in zip(rows, answers, strict=True):
        arrival = Arrival(new_id(bench.deck.clock), None, "live", bench.deck.clock.now(), time.monotonic_ns())
        log.write(recorder.rows(arrival, [row], [answer]))
        ids.append(f"{arrival.request_id}-0")
    log.roll()
    return ids


def test_a_forecast_is_replayed_by_what_the_champion_remembered_and_not_by_what_came_since(
    bench: Any, rates: Any
) -> None:
    settings = settings_of(rates)
    put(bench, HOURS)
    champion = bench.train(settings)
    with bench.deck.database.write() as tx:
        models.set_alias(tx, "rates", "champion", champion.number, actor="user:anna")
    put(bench, HOURS + 24)
    new = bench.train(settings)
    table = read_snapshot(bench.deck, new.snapshot_id).slice(2 * HOURS)
    asked = table.select(["at", "place", "hot"]).to_pylist()
    ids = ask_champion(bench, champion, [{**row, "at": row["at"].isoformat()} for row in asked])
    truth = table["count"].to_pylist()
    record(bench.deck, "rates", [{"prediction_id": a, "value": b} for a, b in zip(ids, truth, strict=True)], "t", "me")

    told = replay(bench.deck, "rates", load_version(bench.deck, new), "mae", champion.cutoff_at)
    end = snapshots.snapshot(bench.deck.database, champion.snapshot_id, "rates").to_at or 0
    as_of = {one: score_version(bench.deck, new, table, one).values for one in (end + 1, end + 24 * HOUR_US)}
    theirs = score_version(bench.deck, champion, table).values
    assert told["rows"] == 48
    assert np.isclose(told["mean_difference"], np.mean(as_of[end + 1] - theirs), rtol=1e-3)
    assert not np.isclose(told["mean_difference"], np.mean(as_of[end + 24 * HOUR_US] - theirs), rtol=1e-3)
    gains = np.abs(theirs - np.array(truth)) - np.abs(as_of[end + 1] - np.array(truth))
    assert told["outcomes"]["n"] == 48
    assert np.isclose(told["outcomes"]["gain"], gains.mean(), rtol=1e-3)
