"""Order, retries, bursts and quiet hours, decided over rows alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jobs.notifying.matching import Facts, headline, name_of
from engine.jobs.notifying.outcome import Outcome, parts_of
from engine.jobs.notifying.pacing import Send, Wait, backoff_s, next_turn, quiet_ends
from engine.settings.notify import NotifySettings
from store.rows import Event, Notification, microseconds

NOW = microseconds("2026-03-01T23:30:00Z")
S = 1_000_000
TARGET = NotifySettings("webhook", "https://example.com", per_minute=2)


def row(id: str, severity: str = "warning", **fields: object) -> Notification:
    made = Notification(
        id, "t", "webhook", "alert.opened", int(id), "alert", "x", None, severity, "", "pending", 0,
        None, None, NOW, None, None, None, "", "",
    )  # fmt: skip
    return replace(made, **fields)


def test_nothing_waits():
    assert next_turn(TARGET, [], [], NOW, "UTC") == Wait(None)


def test_few_go_one_by_one_and_many_as_one():
    assert next_turn(TARGET, [row("1"), row("2")], [], NOW, "UTC") == Send("1")
    assert next_turn(TARGET, [row("1"), row("2"), row("3")], [], NOW, "UTC") == Send("1", ("2", "3"))
    assert next_turn(TARGET, [row("1"), row("2")], [NOW - 5 * S], NOW, "UTC") == Send("1", ("2",))
    assert next_turn(TARGET, [row("1")], [NOW - 50 * S, NOW - S], NOW, "UTC") == Wait(NOW + 10 * S)


def test_one_that_is_tried_again_keeps_the_others_waiting():
    tried = row("1", attempts=1, not_before_at=NOW + 5 * S)
    assert next_turn(TARGET, [tried, row("2", "critical")], [], NOW, "UTC") == Wait(NOW + 5 * S)
    assert next_turn(TARGET, [tried, row("2")], [], NOW + 5 * S, "UTC") == Send("1")


def test_clock_that_was_set_back_delays_nothing_for_long():
    tried = row("1", attempts=1, not_before_at=NOW + 86_400 * S)
    assert next_turn(TARGET, [tried], [], NOW, "UTC") == Send("1")


def test_quiet_hours_let_through_only_what_is_critical():
    quiet = replace(TARGET, quiet=(22 * 60, 7 * 60))
    morning = microseconds("2026-03-02T07:00:00Z")
    assert next_turn(quiet, [row("1"), row("2")], [], NOW, "UTC") == Wait(morning)
    assert next_turn(quiet, [row("1"), row("2", "critical")], [], NOW, "UTC") == Send("2")
    assert next_turn(quiet, [row("1"), row("2"), row("3")], [], morning, "UTC") == Send("1", ("2", "3"))


@pytest.mark.parametrize(
    ("at", "zone", "ends"),
    [
        ("2026-03-01T21:59:59Z", "UTC", None),
        ("2026-03-01T22:00:00Z", "UTC", "2026-03-02T07:00:00Z"),
        ("2026-03-02T06:59:00Z", "UTC", "2026-03-02T07:00:00Z"),
        ("2026-03-02T07:00:00Z", "UTC", None),
        ("2026-03-01T21:30:00Z", "Europe/Rome", "2026-03-02T06:00:00Z"),
        ("2026-03-28T23:30:00Z", "Europe/Rome", "2026-03-29T05:00:00Z"),  # the night that summer time begins
    ],
)
def test_quiet_hours_end_in_the_decks_zone(at, zone, ends):
    found = quiet_ends((22 * 60, 7 * 60), microseconds(at), zone)
    assert found == (microseconds(ends) if ends else None)


def test_backoff_doubles_to_its_limit_and_spreads():
    assert [backoff_s(attempts, 0.5) for attempts in (1, 2, 3, 4)] == [5, 10, 20, 40]
    assert backoff_s(50, 0.5) == 900
    assert (backoff_s(1, 0.0), backoff_s(1, 1.0)) == (3.75, 6.25)
    assert 3600 < sum(backoff_s(attempts, 0.5) for attempts in range(1, 12)) < 7200


@pytest.mark.parametrize(
    "said",
    [
        "cannot POST https://hooks.slack.com/services/T0AAAA/B0BBBB/xoxb-123456-abc",
        "no route /services/T0AAAA/B0BBBB/xoxb-123456-abc here",
        "An invalid Slack Token (xoxb-123456-abc) was specified.",
    ],
)
def test_no_part_of_a_secret_address_is_kept(said):
    clean = Outcome(said, 404, said).without(["https://hooks.slack.com/services/T0AAAA/B0BBBB/xoxb-123456-abc"])
    assert not any(part in clean.error + clean.response for part in ("T0AAAA", "B0BBBB", "xoxb", "123456"))
    assert (clean.status, clean.final) == (404, False)


def test_parts_are_known_as_written_and_as_read():
    found = parts_of("mailtos://anna%40example.com:p%40ss-word@mail.example.com?to=ops@example.org")
    assert {"p%40ss-word", "p@ss-word", "anna@example.com"} <= found
    assert "mail.example.com" not in found


def test_texts_are_one_short_printable_line():
    clean = Outcome("", 200, "a\x1b[31mb\nc" + "x" * 500).without([])
    assert clean.response.startswith("a [31mb c")
    assert len(clean.response) == 200


@pytest.mark.parametrize(
    ("action", "subject", "model", "body", "line"),
    [
        ("settings.applied", ("settings", "4"), None, {}, "settings revision 4 applied"),
        ("version.registered", ("version", "rates@3"), "rates", {}, "rates: v3 registered"),
        (
            "release.aborted",
            ("release", "01"),
            "rates",
            {"kind": "promote", "from": 1, "to": 2, "verdict": "failed", "detail": "3 errors of 20"},
            "rates: promote to version 2 aborted: 3 errors of 20 (it fails)",
        ),
        (
            "release.completed",
            ("release", "01"),
            "rates",
            {"kind": "rollback", "from": 2, "to": 1},
            "rates: rolled back v2 → v1 (it fails)",
        ),
        ("job.ended", ("job", "01"), "rates", {"state": "abandoned"}, "rates: train job failed (it fails)"),
        ("alert.opened", ("alert", "01"), "rates", {"title": "a\nb", "severity": "warning"}, "rates: a b (it fails)"),
    ],
)
def test_line_of_an_event(action, subject, model, body, line):
    reason = "" if action in ("settings.applied", "version.registered") else "it fails"
    event = Event(1, NOW, "user:anna", None, action, *subject, model, reason, body, "", "")
    assert headline(name_of(event), event, Facts(job_kind="train")) == line


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60),
    before=st.text(max_size=300),
    kept=st.integers(min_value=4, max_value=60),
)
def test_no_secret_survives_wherever_an_answer_repeats_or_cuts_it(secret, before, kept):
    whole = Outcome("", 200, f"{before}{secret}{before}").without([secret])
    assert secret not in whole.response
    cut = Outcome("", 200, f"{' ' * 600}{secret[:kept]}").without([secret])
    assert secret[:kept] not in cut.response
