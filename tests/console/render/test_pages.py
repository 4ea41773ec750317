from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample_deck import ALERTS, EVENTS, JOBS, PULSE, RUNS
from sample_releases import DAY, HOUR, NOW, PLAN, RELEASES, VERSIONS, identity, steps
from sample_told import NOTIFICATIONS

from console.render import alerts, describe, jobs, notifications, plans, pulse, releases, runs, version
from console.render.cells import Line, line_width, plain
from console.render.columns import Context
from console.widgets.document import Document
from engine.operations.alerts import AlertDetail, Point, Series
from engine.operations.serving import ReleaseDetail
from engine.plans import Preview

NIGHTLY, POSTS = PULSE.models


def text(lines: list[Line]) -> str:
    return "\n".join(plain(cells) for cells in lines)


def test_the_pulse_answers_the_four_questions() -> None:
    shown = text(pulse.answers(NIGHTLY, RELEASES, 79, NOW))
    assert "Serving   v2 since 00:12Z, 3h ago; ● ready; v3 waits, P promotes it" in shown
    assert "Changed   promoted v1 → v2 by anna, 3h ago" in shown
    assert "Hurting?  4,812 rows in 24 hours, no errors, p99 3.1 ms" in shown
    assert "~ drift in lead_time, market_segment, adults and 1 more" in shown
    assert "judged on 1,212 rows, 83% with outcomes; 2026-10-23 to 2026-11-22" in shown
    assert "mae 23.10, 21.42 in training (+8%, worse) ▁" in shown
    assert "Way back  R returns the traffic to v1, proof shown first" in shown


def test_the_pulse_says_what_is_unknown_and_never_calls_it_well() -> None:
    silent = replace(
        NIGHTLY, rows_24h=0, drift="no data", drifted=(), metric_value=None, coverage=None, judged_from_at=None
    )
    shown = text(pulse.answers(silent, (), 79, NOW))
    assert "no traffic in 24 hours" in shown
    assert "· drift unknown" in shown
    assert "· quality unknown: no outcomes have come" in shown
    assert "✓" not in shown


def test_what_the_monitor_calls_degraded_is_said_whatever_the_figure() -> None:
    shown = text(pulse.answers(replace(POSTS, metric_value=0.4), RELEASES, 79, NOW))
    assert "✗ degraded log_loss 0.400" in shown
    unmeasured = text(pulse.answers(replace(POSTS, metric_value=None), RELEASES, 79, NOW))
    assert "✗ degraded: no log_loss there, its alert says why" in unmeasured


def test_a_figure_from_another_window_says_which() -> None:
    older = replace(POSTS, metric_from_at=POSTS.judged_from_at - 30 * DAY)
    assert "; of 2026-09-23" in text(pulse.answers(older, RELEASES, 100, NOW))
    assert "; of " not in text(pulse.answers(POSTS, RELEASES, 100, NOW))


def test_what_changed_says_why() -> None:
    assert "Changed   rolled back v3 → v2 by ben, 1h ago: collapse" in text(pulse.answers(POSTS, RELEASES, 79, NOW))


def test_a_model_that_does_not_serve_says_what_to_do() -> None:
    bare = replace(NIGHTLY, champion=None, since_at=None, health="not deployed")
    assert "nothing serves; v3 waits, P promotes it" in text(pulse.answers(bare, (), 79, NOW))
    assert "T trains one" in text(pulse.answers(replace(bare, challenger=None), (), 79, NOW))


def test_a_challenger_whose_gates_failed_is_not_called_ready_for_promotion() -> None:
    failed = replace(
        RELEASES[0], endpoint="nightly-rates", to_version=3, state="failed", evidence={"cause": "gate"}, ended_at=NOW
    )
    shown = " ".join(text(pulse.answers(NIGHTLY, (failed,), 79, NOW)).split())
    assert "v3 waits, but its gates failed just now, P tries again" in shown
    broken = replace(failed, evidence={"cause": "work"})
    assert "but its release failed" in " ".join(text(pulse.answers(NIGHTLY, (broken,), 79, NOW)).split())
    assert "v3 waits, P promotes it" in text(pulse.answers(NIGHTLY, (), 79, NOW))


def test_settings_that_the_servers_do_not_run_under_yet_are_named_with_the_key_that_deploys() -> None:
    changed = replace(NIGHTLY, challenger=None, undeployed=("deploy.replicas", "deploy.memory_mb"))
    shown = " ".join(text(pulse.answers(changed, RELEASES, 79, NOW)).split())
    assert "not yet under deploy.replicas, deploy.memory_mb as applied, D deploys" in shown
    under_way = replace(changed, release="v2 0 %, start 2 servers")
    assert "D deploys" not in text(pulse.answers(under_way, RELEASES, 79, NOW))


def test_after_a_deploy_the_way_back_leads_to_its_former_servers() -> None:
    deployed = replace(RELEASES[0], kind="deploy", state="completed", from_version=2, to_version=2, reverted_by=None)
    told = text(pulse.answers(NIGHTLY, (deployed, *RELEASES), 79, NOW))
    assert "R returns the servers from before the deploy, proof shown first" in told
    taken_back = replace(deployed, reverted_by="later")
    back = replace(deployed, kind="rollback")
    told = text(pulse.answers(NIGHTLY, (back, taken_back, *RELEASES), 79, NOW))
    assert "R returns the traffic to v1" in told
    page = text(releases.release_lines(ReleaseDetail(deployed, ()), 79, NOW))
    assert "v2 stays, its servers change" in page


def test_a_running_release_makes_rollback_its_abort() -> None:
    under_way = replace(NIGHTLY, release="10 %, held: no data")
    assert "R aborts the release: traffic returns to v2" in text(pulse.answers(under_way, RELEASES, 79, NOW))


def test_the_worst_alert_stands_first() -> None:
    lines = pulse.alert_lines(tuple(reversed(ALERTS)), 79, NOW, 5)
    assert "critical" in plain(lines[1])


def test_a_basis_that_moved_without_a_visible_change_says_so() -> None:
    assert "the steps are the same" in plans.changes_between(Preview(PLAN, "b1"), Preview(PLAN, "b2"))[0]


def test_a_live_release_says_how_many_samples_are_still_needed() -> None:
    shown = text(releases.release_lines(ReleaseDetail(RELEASES[0], steps(RELEASES[0].id, 8)), 80, NOW))
    assert "124 of 200 rows, 76 still needed" in shown
    assert "champion 1 error, p99 3.9 ms" in shown
    assert "X aborts: traffic returns to v2" in shown
    assert "mae vs champion  ✓ passed" in shown


def test_a_held_release_says_that_traffic_stays() -> None:
    held = replace(RELEASES[0], state="held", detail="at 10 %: 3 of 200 rows after 20s")
    shown = text(releases.release_lines(ReleaseDetail(held, steps(held.id, 8)), 80, NOW))
    assert "‖ held; traffic stays as it is. U resumes, X aborts" in shown
    assert "at 10 %: 3 of 200 rows after 20s" in shown


def test_a_release_says_what_its_answers_and_outcomes_were_judged() -> None:
    rows = list(steps(RELEASES[0].id, 8))
    at = next(number for number, one in enumerate(rows) if one.kind == "weight")
    judged = {
        "predictions": {
            "verdict": "inconclusive",
            "detail": "9 % of value moved by more than 4.1; it may be 0 to 31 %",
        },
        "metric": {"verdict": "no data", "detail": "no outcomes have come"},
    }
    rows[at] = replace(rows[at], observed={**rows[at].observed, **judged})
    shown = releases.release_lines(ReleaseDetail(RELEASES[0], tuple(rows)), 79, NOW)
    assert "answers   inconclusive: 9 % of value moved by more than 4.1" in text(shown)
    assert "outcomes  no data: no outcomes have come" in text(shown)
    assert all(line_width(cells) <= 79 for cells in shown)


ARMS = {
    "new": {"rows": 1203, "errors": 2, "refused": 0, "latency_p50_ms": 3.1, "latency_p99_ms": 5.9, "labels": {},
            "numbers": {"value": {"mean": 104.2}}, "metric": {"name": "mae", "value": 9.12, "labels": 812}},
    "champion": {"rows": 1198, "errors": 1, "refused": 0, "latency_p50_ms": 3.0, "latency_p99_ms": 5.1, "labels": {},
                 "numbers": {"value": {"mean": 103.0}}, "metric": {"name": "mae", "value": 10.02, "labels": 790}},
    "difference": {
        "errors": {"difference": 0.00083, "low": -0.0031, "high": 0.0052},
        "value": {"difference": 1.2, "low": -1.0, "high": 3.4},
        "mae": {"difference": -0.9, "low": -1.5, "high": -0.3},
    },
}  # fmt: skip


def test_the_arms_of_an_ab_stand_side_by_side_within_a_terminal_of_80() -> None:
    held = replace(RELEASES[0], state="held", verdict="to decide", evidence={"cause": "to decide"})
    split = replace(
        steps(held.id, 8)[7], kind="ab", state="held", args={"weight": 50}, observed={"arms": ARMS}, verdict="to decide"
    )
    lines = releases.release_lines(ReleaseDetail(held, (split,)), 79, NOW)
    shown = text(lines)
    said = " ".join(shown.split())
    assert "errors 2 (0.17 %) 1 (0.083 %) +0.083 % (-0.31 to 0.52)" in said
    assert "mae 9.12 of 812 10 of 790 -0.9 (-1.5 to -0.3)" in said
    assert "traffic stays split. P promotes" in shown
    assert all(line_width(cells) <= 79 for cells in lines)


def test_a_shadow_says_what_made_the_largest_differences() -> None:
    why = {
        "scale": {"champion": "value", "challenger": "value"},
        "base": {"champion": 90.0, "challenger": 91.0},
        "columns": [{"column": "nights", "champion": 1.5, "challenger": 24.0}],
    }
    largest = [
        {"prediction_id": "0198c2-0", "champion": 80.0, "challenger": 103.5, "why": why},
        {"prediction_id": "0198c3-0", "champion": 80.0, "challenger": 99.0, "note": "not explained: the time was up"},
    ]
    answers = {"rows": 60, "differ": 12, "difference": {}, "largest": largest}
    plan = {"steps": [{"kind": "shadow", "args": {"decide": True}}]}
    held = replace(RELEASES[0], state="held", verdict="to decide", evidence={"cause": "to decide"}, plan=plan)
    step = replace(steps(held.id, 8)[7], kind="shadow", state="held", observed={"answers": answers})
    lines = releases.release_lines(ReleaseDetail(held, (step,)), 79, NOW)
    said = " ".join(text(lines).split())
    assert "answers 48 of 60 agree" in said
    assert "0198c2-0: 80 → 104; nights +1.5 → +24" in said or "0198c2-0: 80.0 → 103.5; nights +1.5 → +24" in said
    assert "not explained: the time was up" in said
    assert "traffic stays as it is. P promotes" in said
    assert all(line_width(cells) <= 79 for cells in lines)


def test_outside_the_console_a_release_names_commands_not_keys() -> None:
    held = replace(RELEASES[0], state="held", detail="at 10 %: 3 of 200 live rows after 900 s")
    shown = text(releases.release_lines(ReleaseDetail(held, steps(held.id, 8)), 79, NOW, keys=False))
    assert "modeldeck releases resume nightly-rates --reason" in " ".join(shown.split())
    assert "modeldeck releases abort nightly-rates aborts" in shown


def test_a_finished_release_names_its_undo() -> None:
    shown = text(releases.release_lines(ReleaseDetail(RELEASES[1], steps(RELEASES[1].id, 99)), 80, NOW))
    assert "Way back    modeldeck rollback nightly-rates" in shown


def test_a_version_shows_evaluation_gates_signature_and_lineage() -> None:
    shown = text(version.version_lines(VERSIONS["nightly-rates"][1], RELEASES, 80, NOW))
    for part in (
        "● champion",
        "21.42 [20.35, 22.71]",
        "undefined: one class only",
        "market_segment=Groups",
        "HistGradientBoosting",
        "lead_time",
        "datetime",
        "9f86d081884c7d65",
        "✓ promote completed",
        "at most 30",
    ):
        assert part in shown


def test_a_version_without_an_evaluation_still_shows() -> None:
    bare = replace(VERSIONS["nightly-rates"][0], evaluation={}, signature={}, aliases=())
    shown = text(version.version_lines(bare, (), 80, NOW))
    assert "not evaluated" in shown
    assert "never released" in shown


@pytest.mark.parametrize("width", [48, 78, 118])
def test_pages_are_drawn_at_every_width(width: int) -> None:
    pages = [
        version.version_lines(VERSIONS["nightly-rates"][1], RELEASES, width, NOW),
        runs.run_lines(RUNS[1], width, NOW),
        alerts.alert_page(AlertDetail(ALERTS[0]), width, NOW),
        jobs.job_lines(JOBS[4], width, NOW),
        *(notifications.notification_lines(each, width, NOW) for each in NOTIFICATIONS),
        releases.release_lines(ReleaseDetail(RELEASES[0], steps("r", 8)), width, NOW),
        pulse.answers(NIGHTLY, RELEASES, width, NOW),
    ]
    for lines in pages:
        document = Document()
        document.set_content(lambda given, lines=lines: lines)
        assert {line_width(cells) for cells in document.draw(width, 20)} == {width}


def test_evidence_is_shown_as_tables_and_values() -> None:
    shown = text(alerts.alert_page(AlertDetail(ALERTS[0]), 80, NOW))
    assert "seen 3 times" in shown
    assert "2017-05-01" in shown
    assert "LOG LOSS" in shown


def test_describe_and_json_show_every_field() -> None:
    described, raw = text(describe.describe_lines(ALERTS[0], 80)), text(describe.json_lines(ALERTS[0], 80))
    for name in ("evidence", "acknowledged_by", "opened_at"):
        assert name.replace("_", " ") in described
        assert f'"{name}"' in raw


def test_the_evidence_of_an_alert_is_told_in_words() -> None:
    evidence = {
        "window": identity(7),
        "version": 1,
        "from_at": "2016-02-29T00:00:00Z",
        "to_at": "2016-03-30T00:00:00Z",
        "rows": 170,
        "metric": "average_precision",
        "value": 0.7163,
        "low": 0.6095,
        "high": 0.8218,
        "holdout": {"value": 0.9823, "low": 0.97, "high": 0.99},
        "coverage": 1.0,
        "windows": [identity(6), identity(7)],
        "windows_found": 8,
        "windows_looked": 11,
    }
    shown = text(alerts.alert_page(AlertDetail(replace(ALERTS[0], evidence=evidence)), 79, NOW))
    assert "Measured    average_precision 0.716 [0.610, 0.822]" in shown
    assert "Promised    0.982 [0.970, 0.990] on the holdout" in shown
    assert "Window      v1, 2016-02-29 to 2016-03-30: 170 rows, 100% with outcomes" in shown
    assert "8 of 11 windows looked at then say so" in shown
    assert "modeldeck monitors windows post-moderation" in shown
    assert identity(6) not in shown


def test_what_is_put_aside_stands_after_what_asks_for_somebody() -> None:
    aside = (replace(ALERTS[0], state="snoozed"), replace(ALERTS[1], state="open"))
    lines = text(pulse.alert_lines(aside, 79, NOW, 5)).splitlines()
    assert "lead_time" in lines[1]
    assert "snoozed" in text(pulse.alert_lines(aside, 119, NOW, 5)).splitlines()[2]


def test_drifted_columns_stand_in_one_table_that_fits() -> None:
    features = [
        {"name": "text", "kind": "text", "test": "document", "effect": 0.323, "threshold": 0.29, "psi": 1.2,
         "importance": 0.354, "js": 0.3, "p_adjusted": 1e-9, "weight": 0.1, "n": 192}
    ]  # fmt: skip
    evidence = {"window": identity(7), "version": 2, "from_at": NOW, "to_at": NOW, "rows": 192, "features": features}
    lines = alerts.alert_page(AlertDetail(replace(ALERTS[1], evidence=evidence)), 79, NOW)
    shown = text(lines)
    assert "DRIFTED  KIND  EFFECT  BEARABLE    PSI  MATTERS  TEST" in shown
    assert "…" not in shown
    assert max(line_width(cells) for cells in lines) <= 79


def alert_told(width: int = 79, **changed: Any) -> str:
    """Return the page of a latency alert with its figure and what changed before."""
    points = tuple(
        Point(NOW - (20 - number) * HOUR, NOW - (19 - number) * HOUR, 200, 35.0 if number > 16 else 12.0)
        for number in range(20)
    )
    evidence = {"window": identity(7), "version": 2, "from_at": NOW, "to_at": NOW, "rows": 192, "on": "latency_p99",
                "limit": 20.0, "latency_p99_ms": 35.0, "breaches": 2, "of": 3, "predictions": ["a1-0"]}  # fmt: skip
    alert = replace(ALERTS[0], kind="latency", rule="slow", evidence=evidence, **changed)
    detail = AlertDetail(alert, Series("p99", "ms", 20.0, None, points), EVENTS[3:5], (), None)
    lines = alerts.alert_page(detail, width, NOW)
    assert max(line_width(cells) for cells in lines) <= width
    return text(lines)


def test_an_alert_shows_its_figure_the_limit_and_what_changed_before() -> None:
    shown = alert_told()
    assert "p99 ms  20 windows, limit 20" in shown
    limit = next(row for row in shown.splitlines() if row.strip().startswith("20 ┤"))
    assert "─" * 30 in limit
    assert "█" in limit  # the newest reach beyond it
    assert "Before it" in shown
    assert "2 of the newest 3 windows" in shown
    assert "latency, rule slow" in shown
    for key in ("A take it", "Z snooze 4 h", "V it is over", "R roll back", "modeldeck explain post-moderation 2"):
        assert key in shown
    assert "modeldeck trace a1-0" in shown
    assert shown.index("p99 ms") < shown.index("Before it") < shown.index("Evidence") < shown.index("Next")


def test_an_alert_offers_only_what_can_be_done_with_it() -> None:
    taken = replace(ALERTS[0], state="acknowledged", owner="user:ben", acknowledged_at=NOW)
    shown = text(alerts.alert_page(AlertDetail(taken, returnable=False), 79, NOW))
    assert "A take it" not in shown
    assert "R roll back" not in shown
    assert "Z snooze 4 h" in shown
    told = text(alerts.alert_page(AlertDetail(taken, returnable=False), 79, NOW, keys=False))
    assert "alerts ack" not in told
    assert "modeldeck rollback" not in told
    assert "alerts resolve" in told
    over = replace(ALERTS[0], state="resolved", resolved_at=NOW, resolved_by="user:ben")
    assert "snooze" not in text(alerts.alert_page(AlertDetail(over), 79, NOW, keys=False))


@pytest.mark.parametrize("width", [48, 79, 119])
def test_an_alert_says_who_has_it_and_when_it_comes_back(width: int) -> None:
    taken = alert_told(width, state="acknowledged", owner="user:ben", acknowledged_at=NOW, until_at=NOW + 2 * HOUR)
    assert "acknowledged by ben" in " ".join(taken.split())
    assert "comes back in 2h" in " ".join(taken.split())
    assert "nobody was told" in " ".join(alert_told(width, state="muted").split())


def test_a_plot_draws_gaps_limits_and_nothing_at_all() -> None:
    from console.render.plot import plot

    rows = [text([cells]) for cells in plot([1.0, None, 4.0], 2.0, 40, 4)]
    assert len(rows) == 4
    assert rows[0].strip().startswith("4 ┤")
    assert "─" in next(row for row in rows if row.strip().startswith("2 ┤"))
    assert text(plot([None, float("nan")], 2.0, 40, 4)).strip() == "no window has this figure"
    assert len(plot([0.0, 0.0], None, 40, 4)) == 4
    assert max(line_width(cells) for cells in plot([float(n) for n in range(500)], 3.0, 79, 5)) <= 79


def test_what_vanished_is_told() -> None:
    gone = {"class": "true", "training_share": 0.298}
    evidence = {"window": identity(7), "version": 2, "from_at": NOW, "to_at": NOW, "vanished": [gone], "labels": 192}
    shown = text(alerts.alert_page(AlertDetail(replace(ALERTS[1], evidence=evidence)), 79, NOW))
    assert "no outcome true among 192 labels" in shown
    assert "30% in training" in shown


def test_runs_name_the_metric_they_were_trained_by_first() -> None:
    measured = {"accuracy": 0.9, "average_precision": 0.8, "brier": 0.1, "recall": 0.7}
    run = replace(RUNS[1], state="finished", reason="", metrics=measured, params={"metric": "recall"})
    column = next(one for one in runs.COLUMNS if one.title == "RESULT")
    told = column.cell(run, Context(NOW))
    assert told == ("recall 0.700  accuracy 0.900  average_precision 0.800", "")
