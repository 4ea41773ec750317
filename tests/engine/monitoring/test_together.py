"""Inputs that no longer go together are found in the windows of a monitor, where none of them moved alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from looking import MIDNIGHT, feature, look

from engine.deck import Deck
from engine.monitoring.collect import collect
from engine.monitoring.reference import Reference, reference_of
from store import versions


def bound(made: Any, size: int, seed: int, *, turned: bool = False) -> list[dict[str, Any]]:
    """Rows in which many guests book early, or late where it is turned round; each column alone stays the same."""
    rows = made.rates_rows(size, seed)
    leads = sorted(row["lead_time"] for row in rows)
    draw = np.random.default_rng(seed)
    order = np.argsort([row["guests"] + draw.normal(0, 0.7) for row in rows])
    for place, row in enumerate(order[::-1] if turned else order):
        rows[int(row)]["lead_time"] = leads[place]
    return rows


def registered(deck: Deck, serving: Any, made: Any) -> tuple[Any, Any]:
    settings = serving()
    first = versions.version(deck.database, "rates", 1)
    return settings, made.register(deck, "rates", made.snapshot_of(bound(made, 4000, 1)), first.signature)


def test_a_pair_that_turned_round_is_drift_that_names_it(deck: Deck, serving: Any, traffic: Any, made: Any):
    settings, version = registered(deck, serving, made)
    traffic.send(bound(made, 600, 2, turned=True), at=MIDNIGHT, every_s=10, version=version.number)
    (verdict,) = look(deck, settings)
    assert [one["name"] for one in verdict.window.features if one["drifted"]] == ["joint"]
    joint = feature(verdict.window, "joint")
    assert set(joint["pairs"][0]["columns"]) == {"lead_time", "guests"}
    assert joint["pairs"][0]["before"] > 0.5 > -0.5 > joint["pairs"][0]["now"]
    assert (joint["importance"], verdict.window.verdict) == (0.6, "drift")
    assert verdict.window.notes[0]["title"] == "drift in joint"


def test_pairs_as_they_were_are_no_drift_and_collecting_changes_nothing(
    deck: Deck, serving: Any, traffic: Any, made: Any
):
    settings, version = registered(deck, serving, made)
    for seed in (3, 4):
        traffic.send(bound(made, 300, seed), at=MIDNIGHT + seed, every_s=10, version=version.number)
    (before,) = look(deck, settings, touch=False)
    assert feature(before.window, "joint")["drifted"] is False
    collect(deck)
    (after,) = look(deck, settings)
    assert after.window.id == before.window.id


def test_the_sample_of_the_reference_is_bounded_and_kept(deck: Deck, serving: Any, made: Any):
    settings, version = registered(deck, serving, made)
    found = reference_of(deck, settings, version)
    assert found.joint is not None
    assert found.joint.names[0] == "lead_time"  # the most important
    assert found.joint.codes.shape == (3_000, 4)
    again = Reference.from_state(found.to_state()).joint
    assert again is not None
    assert (again.codes == found.joint.codes).all()
