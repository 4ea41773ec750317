"""A look computes what is due, revises what changed, and says what a person should see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from looking import DAY_US, MIDNIGHT, feature, look, of_kind, on_drift_alone, outcomes

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.verdicts import findings
from engine.settings.alerts import BUILT_IN, make_rule
from store import watching


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
    traffic.send(made.rates_rows(300, lead_time=150.0, segment="group"), at=MIDNIGHT, every_s=10)
    verdicts = look(deck, settings)
    window = verdicts[0].window
    assert window.verdict == "drift"
    assert [one["name"] for one in window.features[:2]] == ["lead_time", "segment"]
    assert findings(verdicts) == []
    (note,) = window.notes
    assert (note["rule"], note["title"]) == ("drift", "drift in lead_time, segment")
    assert "is not known" in note["why"]
    assert watching.windows(deck.database, "rates")[0].notes == window.notes


def test_the_model_file_says_how_much_drift_is_borne(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving(min_effect=0.95)
    traffic.send(made.rates_rows(300, lead_time=90.0, segment="group"), at=MIDNIGHT, every_s=10)
    (verdict,) = look(deck, settings)
    assert feature(verdict.window, "lead_time")["threshold"] == 0.95
    assert not any(one["drifted"] for one in verdict.window.features)
    assert verdict.window.verdict == "ok"


def test_drift_that_matters_and_harms_is_a_finding_with_all_three(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    rows = made.rates_rows(300, lead_time=150.0, segment="group")
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
