"""Behaviour tests of a version on its page: the newest run of each place, and what each test saw. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.columns import Cell
from console.render.sheet import Sheet
from console.render.signs import glyph_of, style_of
from console.render.words import ago
from store.rows import BehaviourResult, BehaviourRun

RESULT_TITLES = ("test", "kind", "verdict", "seen", "asked")
PLACES = {
    "training": "after its training",
    "promotion": "at its promotion",
    "endpoint": "against its endpoint",
    "asked": "on demand",
}


def headline(run: BehaviourRun) -> str:
    """Say in a few words what came of a run, where, and by which tests."""
    passed = sum(one.verdict == "passed" for one in run.results)
    tests = run.tests_hash.removeprefix("sha256:")[:12]
    return f"{PLACES[run.place]}: {run.verdict}, {passed} of {len(run.results)} tests ({tests})"


def result_cells(one: BehaviourResult) -> tuple[str, ...]:
    """Return a result as cells under RESULT_TITLES."""
    return one.name, one.kind, one.verdict, one.seen, one.expected


def put_behaviour(sheet: Sheet, runs: Sequence[BehaviourRun], now: int) -> None:
    """Put the runs on a version's page; the tests of the newest, and of others those that did not pass."""
    if not runs:
        return
    sheet.heading("Behaviour tests")
    for place, run in enumerate(runs):
        sheet.paragraph(
            f"{headline(run)}, {ago(run.ran_at, now)}", "dim" if run.verdict == "passed" else style_of("failed")
        )
        shown = [one for one in run.results if place == 0 or one.verdict != "passed"]
        if shown:
            sheet.table(("", "TEST", "KIND", "SEEN"), [_row(one) for one in shown])


def _row(one: BehaviourResult) -> tuple[Cell, ...]:
    state = "passed" if one.verdict == "passed" else "failed"
    seen = one.seen if one.verdict != "broken" else f"broken: {one.seen}"
    return (glyph_of(state), style_of(state)), (one.name, "name"), one.kind, (seen, style_of(state))
