"""Late outcomes revise windows, realised performance is judged, and lost classes and failures are told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from looking import ANNA, DAY_US, MIDNIGHT, feature, look, of_kind, on_drift_alone, outcomes

from engine.deck import Deck
from engine.monitoring.verdicts import findings
from engine.monitoring.watch import watch
from store import jobs, watching
from store.clock import FrozenClock
from store.database import Fence
from store.errors import LeaseLost, Refused
from store.rows import microseconds


def test_late_outcomes_revise_the_window_once(deck: Deck, serving: Any, traffic: Any, made: Any, clock: FrozenClock):
    settings = serving()
    rows = made.rates_rows(200)
    ids = traffic.send(rows, at=MIDNIGHT, error=10.0, every_s=10)
    look(deck, settings)
    outcomes(ids[:100], rows[:100], deck)
    (verdict,) = look(deck, settings, day=2)
    window = verdict.window
    assert (window.revision, window.coverage, window.verdict) == (2, 0.5, "ok")
    mae = window.metrics["mae"]
    assert mae["low"] < mae["value"] < mae["high"]
    assert mae["n"] == 100
    again = look(deck, settings, day=2.001)
    assert [one.window.revision for one in again] in ([], [2])
    assert [one.revision for one in watching.windows(deck.database, "rates", latest_revision_only=False)] == [2, 1]


def test_realised_metric_worse_than_the_holdout_is_critical(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(200)
    outcomes(traffic.send(rows, at=MIDNIGHT, error=14.0, every_s=10), rows, deck)
    verdicts = look(deck, settings)
    assert verdicts[0].window.verdict == "degraded"
    (finding,) = of_kind(findings(verdicts), "performance")
    assert finding.severity == "critical"
    assert finding.evidence["n"] == 200
    assert finding.evidence["coverage"] == 1.0
    assert finding.evidence["ratio"] == pytest.approx(1.4, abs=0.1)
    assert finding.evidence["holdout"]["high"] == 10.5


def test_few_labels_judge_no_performance(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(200)
    outcomes(traffic.send(rows, at=MIDNIGHT, error=40.0, every_s=10)[:20], rows[:20], deck)
    (verdict,) = look(deck, settings)
    assert verdict.window.verdict == "ok"
    assert verdict.window.metrics["mae"]["value"] > 30


def test_window_without_a_positive_is_undefined_told_and_alerted(deck: Deck, serving: Any, made: Any):
    settings = serving("posts")
    posts = made.Traffic(deck, "posts")
    rows = made.posts_rows(150, 5, positive=0.0)
    outputs = [{"label": "false", "score": 0.7, "scores.false": 0.7, "scores.true": 0.3}] * 150
    lines, ids = posts.lines(rows, outputs, at=MIDNIGHT, every_s=10)
    posts.write(lines)
    outcomes(ids, rows, deck, "posts")
    verdicts = look(deck, settings)
    window = verdicts[0].window
    assert window.metrics["log_loss"]["value"] == pytest.approx(-math.log(0.7), abs=1e-4)
    assert window.metrics["roc_auc"]["value"] is None
    assert "only one class" in window.metrics["roc_auc"]["note"]
    assert window.metrics["accuracy"]["value"] == 1.0
    assert window.verdict == "degraded"
    (finding,) = of_kind(findings(verdicts), "performance")
    assert "no outcome 'true' (training 39.9%)" in finding.title
    assert "among 150 labels; 2026-" in finding.title


def test_drift_in_a_window_that_lost_a_class_is_an_alert_that_says_so(deck: Deck, serving: Any, made: Any):
    settings = serving("posts")
    posts = made.Traffic(deck, "posts")
    rows = [{"text": "covfefe hamberder yuge bigly winning tremendous sad losers media hoax", "y": False}] * 150
    outputs = [{"label": "false", "score": 0.7, "scores.false": 0.7, "scores.true": 0.3}] * 150
    lines, ids = posts.lines(rows, outputs, at=MIDNIGHT, every_s=10)
    posts.write(lines)
    outcomes(ids, rows, deck, "posts")
    (finding,) = of_kind(findings(look(deck, settings)), "drift")
    assert "text" in finding.title
    assert "is gone from the outcomes" in finding.title
    assert finding.evidence["harm"]["source"] == "realised"


def test_text_column_is_watched_by_its_words(deck: Deck, serving: Any, made: Any):
    settings = serving("posts")
    posts = made.Traffic(deck, "posts")
    rows = [{"text": "covfefe hamberder yuge bigly winning tremendous sad losers media hoax", "y": False}] * 150
    outputs = [{"label": "false", "score": 0.7, "scores.false": 0.7, "scores.true": 0.3}] * 150
    posts.write(posts.lines(rows, outputs, at=MIDNIGHT, every_s=10)[0])
    verdicts = look(deck, settings)
    text = feature(verdicts[0].window, "text")
    assert (text["kind"], text["drifted"]) == ("text", True)
    assert "hoax" in text["new"]["names"] or text["new"]["categories"] >= 5


def test_errors_beyond_the_bearable_are_critical(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(200), at=MIDNIGHT, every_s=10)
    traffic.refuse(20, at=MIDNIGHT + 1_000_000, status=500)
    verdicts = look(deck, settings)
    assert (verdicts[0].window.rows, verdicts[0].window.errors) == (220, 20)
    (finding,) = findings(verdicts)
    assert (finding.kind, finding.severity) == ("errors", "critical")
    assert "20 of 220 rows failed" in finding.title


def test_refusals_are_the_callers_and_warned_of(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(100), at=MIDNIGHT, every_s=10)
    traffic.refuse(100, at=MIDNIGHT + 1_000_000, status=422)
    verdicts = look(deck, settings)
    window = verdicts[0].window
    assert (window.rows, window.errors, window.metrics["refused"]["value"]) == (100, 0, 0.5)
    assert [one.kind for one in findings(verdicts)] == ["data"]


def test_windows_by_event_time_follow_the_time_column(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving(by="event", window_s=7 * 86_400)
    first = microseconds("2017-06-01T00:00:00Z")
    days = [str(np.datetime64(first // 1_000_000 + number * 86_400 // 4, "s"))[:10] for number in range(120)]
    rows = [{**row, "arrival": day} for row, day in zip(made.rates_rows(120), days, strict=True)]
    traffic.send(rows, at=MIDNIGHT)
    windows = [one.window for one in look(deck, settings, day=0.01)]
    assert sum(window.rows for window in windows) < 120
    assert all(window.to_at <= first + 30 * DAY_US for window in windows)
    later = [one.window for one in look(deck, settings, day=8)]
    assert sum(window.rows for window in [*windows, *later]) == 120


def test_rows_that_come_late_revise_their_event_window(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving(by="event")
    traffic.send([{**row, "arrival": "2017-06-01"} for row in made.rates_rows(60)], at=MIDNIGHT)
    traffic.send([{**row, "arrival": "2017-06-05"} for row in made.rates_rows(60)], at=MIDNIGHT + 10**9)
    assert [one.window.rows for one in look(deck, settings, day=0.1)] == [60]
    traffic.send([{**row, "arrival": "2017-06-01"} for row in made.rates_rows(5)], at=MIDNIGHT + DAY_US // 8)
    assert [(one.window.rows, one.window.revision) for one in look(deck, settings, day=0.2)] == [(65, 2)]


def test_two_versions_have_their_own_windows(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    made.register(deck, "rates", made.snapshot_of(made.rates_rows(400)), {"inputs": [], "outputs": []})
    traffic.send(made.rates_rows(60), at=MIDNIGHT, every_s=10)
    traffic.send(made.rates_rows(70), at=MIDNIGHT, every_s=10, version=2)
    traffic.send(made.rates_rows(70), at=MIDNIGHT, every_s=10, version=44)
    found = [(one.window.version, one.window.rows) for one in look(deck, settings)]
    assert found == [(1, 60), (2, 70)]


def test_hours_without_a_row_of_a_serving_champion_are_no_data(
    deck: Deck, serving: Any, traffic: Any, made: Any, champion: Any, clock: FrozenClock
):
    settings = serving()
    clock.advance((MIDNIGHT - clock.now()) / 1e6)
    champion(1)
    traffic.send(made.rates_rows(60), at=MIDNIGHT + DAY_US, every_s=10)
    windows = [one.window for one in look(deck, settings, day=3)]
    assert [(window.rows, window.verdict) for window in windows] == [(0, "no data"), (60, "ok"), (0, "no data")]
    assert look(deck, settings, day=3.01) == []


def test_look_that_died_before_its_alerts_tells_its_news_again(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = on_drift_alone(serving())
    traffic.send(made.rates_rows(300, lead_time=90.0), at=MIDNIGHT, every_s=10)
    first = findings(look(deck, settings, touch=False))
    second = findings(look(deck, settings, day=1.1))
    assert [one.key for one in second] == [one.key for one in first] == ["drift:rates@1"]
    assert len(watching.windows(deck.database, "rates", latest_revision_only=False)) == 1


def test_late_labels_do_not_repeat_a_drift_already_told(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = on_drift_alone(serving())
    rows = made.rates_rows(300, lead_time=90.0)
    ids = traffic.send(rows, at=MIDNIGHT, error=10.0, every_s=10)
    assert findings(look(deck, settings)) != []
    outcomes(ids, rows, deck)
    verdicts = look(deck, settings, day=2)
    assert [one.window.revision for one in verdicts] == [2]
    assert findings(verdicts) == []


def test_snapshot_that_is_gone_is_said_and_the_rest_still_watched(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(100)
    outcomes(traffic.send(rows, at=MIDNIGHT, every_s=10, error=10.0), rows, deck)
    for blob in deck.workspace.artifacts.rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.unlink()
    (verdict,) = look(deck, settings)
    assert all(one["drifted"] is None and "unavailable" in one["note"] for one in verdict.window.features)
    assert verdict.window.metrics["mae"]["value"] == pytest.approx(10.0, abs=0.5)


def test_fenced_look_writes_nothing_for_a_newer_attempt(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(60), at=MIDNIGHT)
    with deck.database.write() as tx:
        job = jobs.claim(tx, jobs.enqueue(tx, kind="monitor", model="rates", args={}, actor=ANNA).id)
    with pytest.raises(LeaseLost):
        watch(deck, settings, 1, now_us=MIDNIGHT + DAY_US, fence=Fence(job.id, job.attempt + 1))
    assert watching.windows(deck.database, "rates") == []


def test_backfill_computes_old_windows_that_no_later_look_takes_for_news(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving()
    traffic.send(made.rates_rows(300, lead_time=90.0), at=MIDNIGHT, every_s=10)
    assert look(deck, settings, day=500) == []  # so far back no look goes by itself
    (verdict,) = watch(deck, settings, 1, now_us=MIDNIGHT + 501 * DAY_US, span=(MIDNIGHT - DAY_US, MIDNIGHT + DAY_US))
    assert (verdict.window.from_at, verdict.window.rows, verdict.window.verdict) == (MIDNIGHT, 300, "drift")
    again = watch(deck, settings, 1, now_us=MIDNIGHT + 501 * DAY_US, span=(MIDNIGHT, MIDNIGHT + 1))
    assert [one.window for one in again] == [verdict.window]  # the same is no revision
    assert watch(deck, settings, 1, now_us=MIDNIGHT + 501 * DAY_US, span=(MIDNIGHT + 1, MIDNIGHT + DAY_US)) == []
    assert look(deck, settings, day=501) == []


def test_backfill_before_the_first_look_is_refused(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(100), at=MIDNIGHT)
    with pytest.raises(Refused, match="nobody has looked at rates yet"):
        watch(deck, settings, 1, now_us=MIDNIGHT + 2 * DAY_US, span=(MIDNIGHT, MIDNIGHT + DAY_US))
