"""`[gates] approvals`: a number or a table, whole again from a revision, refused where nobody could ever grant it."""

from __future__ import annotations

import pytest

from engine.settings.approvals import ApprovalSettings
from engine.settings.model import DeckSettings


def loaded(files, said: str) -> ApprovalSettings:
    files.add(f"\n[gates]\napprovals = {said}\n")
    deck = files.load()
    back = DeckSettings.from_body(deck.to_body())
    assert back.models["rates"].gates.approvals == deck.models["rates"].gates.approvals
    return deck.models["rates"].gates.approvals


def test_a_number_asks_approvers(files):
    assert loaded(files, "2") == ApprovalSettings(2, "approver", (), 86_400.0)


def test_a_table_says_whom_and_how_soon_an_emergency_is_looked_at(files):
    said = '{ count = 1, role = "admin", users = ["carla", "dora"], second_look = "8h" }'
    assert loaded(files, said) == ApprovalSettings(1, "admin", ("carla", "dora"), 28_800.0)


def test_a_revision_of_a_plain_number_is_the_one_that_it_always_was(files):
    files.add("\n[gates]\napprovals = 1\n")
    assert files.load().to_body()["models"]["rates"]["gates"]["approvals"] == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("-1", "greater than or equal to 0"),
        ("11", "less than or equal to 10"),
        ("true", "approvals"),
        ('{ count = 2, users = ["carla"] }', "2 people are asked, and users names 1"),
        ('{ count = 1, users = ["carla", "carla"] }', "users names somebody twice"),
        ('{ count = 1, second_look = "5s" }', 'second_look must be at least "1m"'),
        ('{ count = 1, role = "viewer" }', "approver"),
        ('{ role = "admin" }', "count"),
        ('{ count = 1, by = "carla" }', "by"),
        ('{ count = 1, users = ["a b"] }', "users"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(files, said: str, why: str) -> None:
    files.add(f"\n[gates]\napprovals = {said}\n")
    complaint = files.complaint()
    assert why in complaint
    assert "models/rates.toml" in complaint
