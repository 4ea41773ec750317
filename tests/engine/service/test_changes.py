from __future__ import annotations

from typing import Any

import pytest

from engine.governance.told_changes import is_told
from engine.operations.changes import words
from store.rows import Event


@pytest.mark.parametrize(
    ("action", "subject", "body", "said"),
    [
        ("release.completed", "0193a1", {"kind": "rollback", "from": 2, "to": 1}, "rolled back v2 → v1"),
        ("release.completed", "0193a1", {"kind": "promote", "from": None, "to": 1}, "promoted v1"),
        ("release.requested", "0193a1", {"kind": "promote", "from": 1, "to": 2}, "promotion v1 → v2 asked for"),
        ("release.held", "0193a1", {"kind": "promote", "from": 1, "to": 2}, "promotion v1 → v2 held"),
        ("release.completed", "0193a1", {"kind": "deploy", "from": 2, "to": 2}, "deployed v2"),
        ("release.requested", "0193a1", {"kind": "deploy", "from": 2, "to": 2}, "deploy v2 asked for"),
        ("release.completed", "0193a1", {}, "release completed"),
        ("version.abandoned", "posts@2", {}, "v2 abandoned"),
        ("alias.moved", "posts:champion", {"from": 2, "to": 1}, "champion v2 → v1"),
        ("alias.removed", "posts:challenger", {"from": 2}, "challenger removed"),
        ("alert.opened", "0193a1", {"kind": "drift"}, "drift alert opened"),
        ("fault.found", "far/connection", {"host": "far"}, "fault on far"),
        ("fault.cleared", "far/connection", {"host": "far"}, "fault over on far"),
        ("settings.applied", "3", {}, "settings applied"),
        (
            "approval.granted",
            "0193a1",
            {"kind": "approval", "version": 7, "granted": 1, "asked": 2},
            "approval of v7 granted, 1 of 2",
        ),
        ("approval.requested", "0193a1", {"kind": "second look", "version": 7}, "second look of v7 requested"),
    ],
)
def test_a_change_is_said_in_words(action: str, subject: str, body: dict[str, Any], said: str) -> None:
    event = Event(1, 0, "user:anna", None, action, action.partition(".")[0], subject, "posts", "", body, "", "")
    assert words(event) == said


@pytest.mark.parametrize(("reason", "told"), [("", False), ("nobody books at night", True)])
def test_a_release_that_somebody_let_go_on_is_a_change_and_one_that_begins_is_none(reason: str, told: bool) -> None:
    body = {"kind": "promote", "from": 1, "to": 2}
    event = Event(1, 0, "user:bo", None, "release.running", "release", "0193a1", "posts", reason, body, "", "")
    assert is_told(event) is told
    assert words(event) == f"promotion v1 → v2 {'resumed' if told else 'running'}"
