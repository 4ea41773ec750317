"""A look computes what is due, revises what changed, and says what a person should see."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.outcomes import record
from engine.monitoring.verdicts import Finding, Verdict, findings
from engine.monitoring.watch import watch
from engine.settings.alerts import BUILT_IN, make_rule
from store import jobs, watching
from store.clock import FrozenClock
from store.database import Fence
from store.errors import LeaseLost, Refused
from store.rows import Window, microseconds

MIDNIGHT = microseconds("2026-02-01T00:00:00Z")
DAY_US = 86_400_000_000
ANNA = "user:anna"


def look(deck: Deck, settings: Any, *, day: float = 1, touch: bool = True) -> list[Verdict]:
    """Watch at a time, and end the look as the job does."""
    verdicts = watch(deck, settings, 1, now_us=MIDNIGHT + round(day * DAY_US))
    json.dumps([[one.evidence for one in findings(verdicts)]], allow_nan=False)
    if touch:
        with deck.database.write() as tx:
            at = {"at": MIDNIGHT + round(day * DAY_US) + 1, "name": settings.name}
            tx.execute("UPDATE monitor SET last_run_at = :at WHERE name = :name", at)
    return verdicts


def outcomes(ids: list[str], rows: list[dict[str, Any]], deck: Deck, model: str = "rates") -> None:
    given = [{"prediction_id": one, "value": row["y"]} for one, row in zip(ids, rows, strict=True)]
    record(deck, model, given, "till", ANNA)


def on_drift_alone(settings: Any) -> Any:
    """Return the settings with the rule of drift asking for no harm."""
    return replace(settings, alerts={"drift": make_rule("drift", harm=False)})


def feature(window: Window, name: str) -> dict[str, Any]:
    return next(one for one in window.features if one["name"] == name)


def of_kind(found: list[Finding], kind: str) -> list[Finding]:
    return [one for one in found if one.kind == kind]


def test_quiet_window_is_ok_and_kept(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(300, 7), at=MIDNIGHT, every_s=10)
    collect(deck)
    (verdict,) = look(deck, settings)
    window = verdict.window
    assert (window.verdict, window.rows, window.errors, window.coverage) == ("ok", 300, 0, 0.0)
    assert (window.from_at, window.to_at, window.revision) == (MIDNIGHT, MIDNIGHT + DAY_US, 1)
    assert window.latency_p99_ms is not None
    assert findings([verdict]) == []
    assert watching.windows(deck.database, "rates") == [window]


def test_look_again_without_news_computes_nothing(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(100), at=MIDNIGHT)
    look(deck, settings)
    assert look(deck, settings, day=1.5) == []


def test_open_window_waits(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(100), at=MIDNIGHT)
    assert look(deck, settings, day=0.9) == []


def test_window_with_few_rows_is_no_data_and_never_ok(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(49, lead_time=300.0)
    outcomes(traffic.send(rows, at=MIDNIGHT, error=90.0), rows, deck)
    (verdict,) = look(deck, settings)
    assert verdict.window.verdict == "no data"
    assert verdict.window.features == ()
    assert findings([verdict]) == []


def test_shifted_column_is_drift_ranked_by_importance_times_magnitude_and_noted_while_no_harm_is_known(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving()
    traffic.send(made.rates_rows(300, lead_time=90.0, segment="group"), at=MIDNIGHT, every_s=10)
    verdicts = look(deck, settings)
    window = verdicts[0].window
    assert window.verdict == "drift"
    assert [one["name"] for one in window.features[:2]] == ["lead_time", "segment"]
    assert findings(verdicts) == []
    (note,) = window.notes
    assert (note["rule"], note["title"]) == ("drift", "drift in lead_time, segment")
    assert "is not known" in note["why"]
    assert watching.windows(deck.database, "rates")[0].notes == window.notes


def test_drift_that_matters_and_harms_is_a_finding_with_all_three(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(300, lead_time=90.0, segment="group")
    ids = traffic.send(rows, at=MIDNIGHT, error=14.0, every_s=10)
    outcomes(ids, rows, deck)
    verdicts = look(deck, settings)
    (finding,) = of_kind(findings(verdicts), "drift")
    assert (finding.severity, finding.key, finding.rule) == ("warning", "drift:rates@1", "drift")
    assert "drift in lead_time, segment" in finding.title
    assert "realised mae 14" in finding.title
    ranked, harm = finding.evidence["features"], finding.evidence["harm"]
    assert ranked[0]["weight"] > ranked[1]["weight"] > 0
    assert ranked[0]["importance"] == pytest.approx(0.6)
    assert (harm["source"], harm["metric"], harm["n"]) == ("realised", "mae", 300)
    assert harm["ratio"] == pytest.approx(1.4, abs=0.1)
    assert verdicts[0].window.notes == ()
    assert finding.evidence["predictions"] == ids[-3:]


def test_drift_while_realised_performance_is_as_promised_is_a_note(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(300, lead_time=90.0)
    outcomes(traffic.send(rows, at=MIDNIGHT, error=10.0, every_s=10), rows, deck)
    verdicts = look(deck, settings)
    assert findings(verdicts) == []
    assert "realised mae 1" in verdicts[0].window.notes[0]["why"]


def test_a_rule_that_asks_for_no_harm_finds_drift_alone(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = on_drift_alone(serving())
    traffic.send(made.rates_rows(300, lead_time=90.0), at=MIDNIGHT, every_s=10)
    (finding,) = findings(look(deck, settings))
    assert (finding.kind, finding.key) == ("drift", "drift:rates@1")


def test_a_rule_of_one_feature_looks_at_it_alone(deck: Deck, serving: Any, traffic: Any, made: Any):
    rules = {
        "drift": replace(BUILT_IN["drift"], enabled=False),
        "segments": make_rule("drift", feature="segment", harm=False),
        "leads": make_rule("drift", feature="lead_time", harm=False, severity="critical"),
    }
    settings = replace(serving(), alerts=rules)
    traffic.send(made.rates_rows(300, lead_time=90.0), at=MIDNIGHT, every_s=10)
    (finding,) = findings(look(deck, settings))
    assert (finding.key, finding.severity) == ("leads:rates@1", "critical")


def test_a_rule_of_a_feature_that_the_version_has_not_is_told_and_not_silent(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = replace(serving(), alerts={"leads": make_rule("drift", feature="lead_tiem", harm=False)})
    traffic.send(made.rates_rows(300), at=MIDNIGHT, every_s=10)
    verdicts = look(deck, settings)
    assert findings(verdicts) == []
    assert [(note["rule"], note["why"]) for note in verdicts[0].window.notes] == [
        ("leads", "v1 has no input of that name")
    ]


def test_drift_of_a_column_the_version_does_not_use_is_shown_and_not_alerted(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving()
    traffic.send([{**row, "guests": 9} for row in made.rates_rows(300)], at=MIDNIGHT, every_s=10)
    (verdict,) = look(deck, settings)
    assert feature(verdict.window, "guests")["drifted"] is True
    assert verdict.window.verdict == "ok"
    assert findings([verdict]) == []
    assert verdict.window.notes[0]["why"] == "guests matters less than 1%"


def test_times_are_left_out_and_say_so(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send([{**row, "arrival": "2030-01-01"} for row in made.rates_rows(100)], at=MIDNIGHT)
    (verdict,) = look(deck, settings)
    arrival = feature(verdict.window, "arrival")
    assert arrival["drifted"] is None
    assert arrival["note"] == "left out: times always move"


def test_more_rows_of_the_same_never_become_drift(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    traffic.send(made.rates_rows(8000, 11, lead_time=31.0), at=MIDNIGHT, every_s=5)
    (verdict,) = look(deck, settings)
    assert verdict.window.verdict == "ok"


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


# windows of times gone by


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
