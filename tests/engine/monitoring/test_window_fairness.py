"""How far groups are apart in a window: from realised outcomes, judged by its interval against the gate's limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from looking import MIDNIGHT, key_of, look, of_kind, outcomes

from engine.deck import Deck
from engine.monitoring.verdicts import Verdict, ends, findings
from engine.settings.model import FairnessLimit, FairnessSettings, GateSettings
from store import watching


def compared(settings: Any, columns: tuple[str, ...] = ("segment",), **limit: float) -> Any:
    """Return settings that compare the groups of columns, with a gate where a limit is given."""
    gates = GateSettings(fairness=FairnessLimit(**limit)) if limit else GateSettings()
    return replace(settings, fairness=FairnessSettings(columns), gates=gates)


def send(deck: Deck, traffic: Any, made: Any, *, web: float, group: float, few: int = 0, at: int = MIDNIGHT) -> None:
    """Log answers whose error differs by segment, with all their outcomes; `few` rows of a third are far off."""
    for segment, error, size in (("web", web, 200), ("group", group, 130), ("direct", 90.0, few)):
        rows = made.rates_rows(size, len(segment) + at % 97, segment=segment)
        if rows:
            outcomes(traffic.send(rows, at=at, error=error, every_s=10), rows, deck)


def gap(verdict: Verdict, name: str = "fairness_segment") -> dict[str, Any]:
    return verdict.window.metrics[name]


def test_groups_that_are_apart_beyond_the_limit_open_an_alert(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = compared(serving(), max_difference=5.0)
    send(deck, traffic, made, web=10.0, group=25.0)
    verdicts = look(deck, settings)
    told = gap(verdicts[0])
    assert told["value"] == pytest.approx(15.0, abs=0.5)
    assert told["low"] > 5.0
    assert (told["measure"], told["lowest"], told["highest"], told["judged"], told["n"]) == (
        "mae", "web", "group", 2, 330
    )  # fmt: skip
    (finding,) = of_kind(findings(verdicts), "fairness")
    assert (finding.key, finding.severity) == ("fairness:rates@1", "warning")
    assert "mae of segment is apart by 1" in finding.title
    assert "allowed 5: web to group" in finding.title


def test_a_gap_whose_interval_reaches_into_the_limit_is_no_alert(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = compared(serving(), max_difference=15.0)
    send(deck, traffic, made, web=10.0, group=25.0)
    verdicts = look(deck, settings)
    assert gap(verdicts[0])["low"] < 15.0 < gap(verdicts[0])["high"]
    assert of_kind(findings(verdicts), "fairness") == []


def test_a_ratio_is_judged_too(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = compared(serving(), min_ratio=0.8)
    send(deck, traffic, made, web=10.0, group=25.0)
    verdicts = look(deck, settings)
    assert gap(verdicts[0], "fairness_ratio_segment")["value"] == pytest.approx(0.4, abs=0.05)
    (finding,) = of_kind(findings(verdicts), "fairness")
    assert "allowed 0.8" in finding.title


def test_a_group_of_few_rows_is_shown_and_never_judged(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = compared(serving(), max_difference=5.0)
    send(deck, traffic, made, web=10.0, group=10.0, few=20)
    verdicts = look(deck, settings)
    assert gap(verdicts[0])["judged"] == 2
    assert gap(verdicts[0])["value"] < 5.0
    assert of_kind(findings(verdicts), "fairness") == []
    parts = {one.value: one for one in watching.window_parts(deck.database, "rates", "slice")}
    assert (parts["direct"].is_small, parts["direct"].metrics["mae"]["n"]) == (True, 20)


def test_without_a_gate_gaps_are_shown_and_nothing_is_judged(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = compared(serving())
    send(deck, traffic, made, web=10.0, group=40.0)
    verdicts = look(deck, settings)
    assert gap(verdicts[0])["value"] > 25
    assert of_kind(findings(verdicts), "fairness") == []


def test_before_outcomes_come_and_for_columns_not_logged_nothing_is_said(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings = compared(serving(), ("segment", "gender"), max_difference=5.0)
    rows = made.rates_rows(200, 4)
    ids = traffic.send(rows, at=MIDNIGHT, every_s=10)
    (before,) = look(deck, settings)
    assert not [name for name in before.window.metrics if name.startswith("fairness_")]
    outcomes(ids, rows, deck)
    (after,) = look(deck, settings, day=2)
    assert after.window.revision == 2
    assert gap(after)["value"] is not None
    told = gap(after, "fairness_gender")
    assert (told["value"], told["note"]) == (None, "unavailable: the log does not hold the column")


def test_a_gap_that_closed_ends_its_alert(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings = compared(serving(), max_difference=5.0)
    day_us = 86_400_000_000
    for day, group in enumerate((25.0, 10.0, 10.0, 10.0)):
        send(deck, traffic, made, web=10.0, group=group, at=MIDNIGHT + day * day_us)
    verdicts = look(deck, settings, day=4)
    assert "fairness:rates@1" in ends(verdicts)


def test_groups_of_a_personal_column_are_numbered(deck: Deck, serving: Any, made: Any):
    settings = compared(serving(personal=("country",)), ("country",))
    hidden = made.Traffic(deck, "rates", ("country",), key_of(deck))
    rows = made.rates_rows(400, 3)
    outcomes(hidden.send(rows, at=MIDNIGHT, every_s=10), rows, deck)
    (verdict,) = look(deck, settings)
    told = gap(verdict, "fairness_country")
    assert {told["lowest"], told["highest"]} <= {"group 1", "group 2", "group 3"}
    assert told["judged"] == 3
