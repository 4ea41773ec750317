"""A window host by host and slice by slice: what each part was like, the worst first, small ones never judged."""

from __future__ import annotations

from typing import Any

import pytest
from looking import MIDNIGHT, key_of, look, outcomes

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.reference import reference_of
from store import versions, watching
from store.rows import WindowPart


def parts(deck: Deck, kind: str) -> dict[str, WindowPart]:
    """Return the parts of the newest window by value, in order."""
    return {one.value: one for one in watching.window_parts(deck.database, "rates", kind)}


def test_each_host_has_its_rows_latencies_errors_and_metric(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving()
    for host, rows, took, error in (("alpha", 200, 0.01, 10.0), ("beta", 100, 0.5, 30.0), ("gamma", 20, 0.01, 90.0)):
        sent = made.rates_rows(rows, len(host) + rows)
        ids = traffic.send(sent, at=MIDNIGHT, error=error, host=host, took_s=took)
        outcomes(ids[: len(ids) // 2], sent[: len(ids) // 2], deck)
    traffic.refuse(5, at=MIDNIGHT, status=500, host="beta")
    traffic.refuse(3, at=MIDNIGHT, status=500, host="gone")
    look(deck, settings)
    found = parts(deck, "host")
    assert list(found) == ["beta", "alpha", "gone", "gamma"]
    assert [(one.rows, one.errors, one.is_small) for one in found.values()] == [
        (105, 5, False), (200, 0, False), (3, 3, True), (20, 0, True)
    ]  # fmt: skip
    beta, alpha, gamma = found["beta"], found["alpha"], found["gamma"]
    assert beta.latency_p99_ms >= beta.latency_p50_ms >= 500 > alpha.latency_p99_ms
    assert beta.metrics["mae"]["value"] == pytest.approx(30, abs=1)
    assert (beta.coverage, beta.metrics["mae"]["n"]) == (0.5, 50)
    assert (beta.is_worse, alpha.is_worse, gamma.is_worse, found["gone"].is_worse) == (True, False, None, None)
    assert beta.ratio == pytest.approx(3.0, abs=0.1)  # the holdout promised 10
    (window,) = watching.windows(deck.database, "rates")
    assert (sum(one.rows for one in found.values()), sum(one.errors for one in found.values())) == (
        window.rows, window.errors
    )  # fmt: skip


def test_slices_add_up_to_the_window_and_the_one_that_is_wrong_comes_first(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving(slices=("segment", "guests"))
    rows = made.rates_rows(600, 5)
    good = [row for row in rows if row["segment"] != "group"]
    bad = [row for row in rows if row["segment"] == "group"]
    for part, error in ((good, 10.0), (bad, 25.0)):
        outcomes(traffic.send(part, at=MIDNIGHT, error=error, every_s=10), part, deck)
    collect(deck)
    look(deck, settings)
    found = watching.window_parts(deck.database, "rates", "slice")
    assert (found[0].name, found[0].value, found[0].is_worse) == ("segment", "group", True)
    assert found[0].metrics["mae"]["value"] == pytest.approx(25, abs=1)
    segments = {one.value: one.rows for one in found if one.name == "segment"}
    assert segments == {name: sum(row["segment"] == name for row in rows) for name in ("web", "group", "direct")}
    assert sum(one.rows for one in found if one.name == "guests") == 600
    assert [one.value for one in found if one.name == "segment" and one.is_worse] == ["group"]


def test_a_value_never_seen_is_of_the_others_and_null_is_missing(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving(slices=("segment", "country"))
    rows = [{**row, "segment": "moon", "country": None} for row in made.rates_rows(30)] + made.rates_rows(60, 3)
    traffic.send(rows, at=MIDNIGHT)
    look(deck, settings)
    found = parts(deck, "slice")
    assert (found["others"].rows, found["missing"].rows) == (30, 30)
    assert found["others"].is_small
    assert list(found.values())[-1].is_small


def test_a_slice_is_judged_by_what_was_promised_of_it(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving(slices=("segment",))
    promised = {"mae": {"value": 30.0, "low": 28.0, "high": 32.0, "n": 200}}
    hard = made.register(
        deck, "rates", made.snapshot_of(made.rates_rows(3000)), versions.version(deck.database, "rates", 1).signature,
        evaluation={"metric": "mae", "holdout": {"mae": {"value": 10.0, "low": 9.0, "high": 11.0}},
                    "slices": {"segment=group": promised}},
    )  # fmt: skip
    rows = made.rates_rows(400, segment="group") + made.rates_rows(400, segment="web")
    outcomes(traffic.send(rows, at=MIDNIGHT, error=30.0, version=hard.number), rows, deck)
    look(deck, settings)
    found = parts(deck, "slice")
    assert (found["web"].is_worse, found["group"].is_worse) == (True, False)
    assert found["group"].ratio == pytest.approx(1.0, abs=0.05)


def test_a_late_outcome_revises_parts_and_nothing_new_leaves_no_trace(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = serving(slices=("segment",))
    rows = made.rates_rows(300, 7)
    ids = traffic.send(rows, at=MIDNIGHT, every_s=10)
    look(deck, settings)
    assert all(one.coverage == 0.0 and not one.metrics for one in parts(deck, "slice").values())
    deck.clock.advance(3600)
    outcomes(ids, rows, deck)
    (verdict,) = look(deck, settings, day=2)
    assert verdict.window.revision == 2
    assert {one.coverage for one in parts(deck, "slice").values()} == {1.0}
    before = watching.window_parts(deck.database, "rates", "slice")
    look(deck, settings, day=3)
    assert len(watching.windows(deck.database, "rates", latest_revision_only=False)) == 2
    assert watching.window_parts(deck.database, "rates", "slice") == before


def test_personal_slices_are_numbered_and_never_named(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving(slices=("country",), personal=("country",))
    hidden = made.Traffic(deck, "rates", ("country",), key_of(deck))
    hidden.send(made.rates_rows(300, 3), at=MIDNIGHT)
    look(deck, settings)
    found = watching.window_parts(deck.database, "rates", "slice")
    assert sorted(one.value for one in found) == ["group 1", "group 2", "group 3"]
    assert sum(one.rows for one in found) == 300


def test_of_a_window_with_few_rows_hosts_alone_are_told(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = serving(slices=("segment",))
    traffic.send(made.rates_rows(20), at=MIDNIGHT)
    look(deck, settings)
    assert parts(deck, "slice") == {}
    assert parts(deck, "host")["local"].is_small


def test_the_reference_keeps_its_groups(deck: Deck, serving: Any):
    from engine.monitoring.reference import Reference

    settings = serving(slices=("segment", "lead_time", "no such column"))
    found = reference_of(deck, settings, versions.version(deck.database, "rates", 1))
    assert list(found.slicings) == ["segment", "lead_time"]
    again = Reference.from_state(found.to_state())
    assert again.slicings == found.slicings
    assert again.norms == found.norms
