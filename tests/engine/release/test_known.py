"""Figures of two holdouts are of different rows: what may be held against each other, and what each did live."""

from __future__ import annotations

import pytest

from engine.release import preview_promote, preview_rollback, submit_promote
from engine.release.known import known_of, same_holdout
from engine.release.plan import differences
from store import watching
from store.rows import Window

DAY = 86_400_000_000
SHORT = {"evaluation": {"metric": "mae", "holdout": {"mae": {"value": 12.0, "low": 11.0, "high": 13.0, "n": 300}}}}


def window(version, value, *, to_at=30 * DAY, name="mae", verdict="degraded"):
    """A judged month of a version of the stage's model."""
    metrics = {name: {"value": value, "low": value - 1, "high": value + 1, "n": 120, "note": ""}}
    fields = {"latency_p50_ms": None, "latency_p99_ms": None, "coverage": 1.0, "features": (), "computed_at": to_at}
    return Window("", "rates", "rates", version, to_at - 30 * DAY, to_at, 1, verdict, 200, 0, metrics=metrics, **fields)


def test_figures_of_two_snapshots_are_said_to_be_of_different_rows(version):
    shown = {one.name: one.note for one in differences(version(1), version(2, **SHORT))}
    assert shown["mae"] == "tested on different rows"
    assert shown["version"] == shown["snapshot"] == ""


def test_figures_of_one_holdout_may_be_held_against_each_other(version):
    same = {"snapshot_id": "sha256:snapshot1"}
    shown = {one.name: one.note for one in differences(version(1), version(2, **SHORT, **same))}
    assert shown["mae"] == ""


def test_a_holdout_drawn_by_other_settings_is_another(version):
    drawn = {"snapshot_id": "sha256:snapshot1", "cutoff_at": None}
    first = version(1, cutoff_at=None)
    assert same_holdout(first, version(2, **drawn))
    assert not same_holdout(first, version(2, settings_revision=2, **drawn))
    assert same_holdout(first, version(2, settings_revision=2, derived_from=1, **drawn))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.0, 3.0, "v2 better than v1: mae gains 2 [1, 3]; 300 rows that neither was trained on"),
        (-3.0, -1.0, "v2 worse than v1: mae gains -2 [-3, -1]; 300 rows that neither was trained on"),
        (-1.0, 5.0, "no clear difference of v2 from v1: mae gains 2 [-1, 5]; 300 rows that neither was trained on"),
    ],
)
def test_the_comparison_on_the_same_rows_is_shown_whichever_way_one_goes(serving, version, low, high, said):
    against = {"metric": "mae", "value": (low + high) / 2, "low": low, "high": high, "n": 300, "version": 1}
    newer = version(2, evaluation={**SHORT["evaluation"], "against_champion": against})
    for before, after in ((version(1), newer), (newer, version(1))):
        assert known_of(serving.deck.database, before, after)[0].told == said


def test_a_rollback_says_what_each_version_did_live(serving):
    with serving.deck.database.write() as tx:
        watching.put_window(tx, window(1, 41.0))
        watching.put_window(tx, window(1, 3.0, to_at=60 * DAY, verdict="no data"))  # too few rows to say anything
    serving.run(submit_promote(serving.deck, serving.model, 2, actor="user:anna"))
    known = {one.name: one.told for one in preview_rollback(serving.deck, serving.model).plan.known}
    assert known == {
        "v1 live": "mae 41 realised, promised 10; 120 outcomes, 1970-01-01 to 1970-01-31: degraded",
        "v2 live": "not judged yet, for want of outcomes or an estimate of its traffic",
    }


def test_where_no_outcome_has_come_the_estimate_is_told_as_one(serving):
    with serving.deck.database.write() as tx:
        watching.put_window(tx, window(1, 14.0, name="estimated_mae", verdict="ok"))
    known = {one.name: one.told for one in preview_promote(serving.deck, serving.model, 2).plan.known}
    assert known["v1 live"].startswith("mae 14 estimated, promised 10; 120 rows, ")


def test_a_plan_says_beforehand_that_present_traffic_will_not_fill_a_step(serving):
    [warning] = preview_promote(serving.deck, serving.model, 2).plan.warnings
    assert warning == (
        "the step of 10 % wants 200 rows within 20s; nobody asks it now:"
        " without more, the release will be held there (exit 7)"
    )
