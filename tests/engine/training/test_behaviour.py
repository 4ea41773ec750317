"""Behaviour tests of a version: what holds, what does not, and every way in which a test can be no test."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.settings.behaviour import BehaviourTest, hash_of
from engine.training.behaviour.running import run_on_artifact

NOTE = "a room with a view of the sea, please 3"
ROW = {"at": "2026-03-01T00:00:00", "segment": "online", "country": "ES", "note": NOTE, "discount": 1.0, "kept": True}
ASKED = {"at": ROW["at"], "country": "ES", "discount": 1.0}

CODE = """
import os, signal, time


def dearer(predict, rows):
    short, long = (predict([{**row, "nights": nights} for row in rows]) for nights in (1, 7))
    assert all(b["value"] > a["value"] for a, b in zip(short, long))
    assert len(short) == 20


def dearer_with_words(predict, rows):
    assert predict(rows)[0]["value"] > 1000, "a night costs a thousand"


def says_so(predict, rows):
    return "nobody pays that" if len(rows) == 20 else None


def is_false(predict, rows):
    return predict(rows)[0]["value"] < 0


def raises(predict, rows):
    return rows[0]["pool"]


def never_ends(predict, rows):
    while True:
        time.sleep(0.05)


def nonsense(predict, rows):
    return [0.5]


def leaves(predict, rows):
    raise SystemExit(0)


def is_killed(predict, rows):
    os.kill(os.getpid(), signal.SIGKILL)


def asks_nonsense(predict, rows):
    return predict("all")


def asks_a_wrong_column(predict, rows):
    predict([{**rows[0], "nigths": 3}])
"""


@pytest.fixture(name="run")
def run_on(regression):
    """Return a function that runs one test on the trained regression, and returns its result."""
    (regression.deck.workspace.root / "behaves.py").write_text(CODE)

    def run(**said):
        settings = replace(regression.settings, tests={"it": BehaviourTest(**said)})
        (result,) = run_on_artifact(regression.deck, settings, regression.version).results
        assert "\n" not in result.seen
        return result

    return run


def function(name, **said):
    return {"function": f"python:behaves:{name}", **said}


def test_direction_holds_where_one_more_night_costs_more(run):
    found = run(change={"nights": {"add": 1}}, expect="not down")
    assert (found.kind, found.verdict, found.seen) == ("direction", "passed", "20 of 20 changed rows")
    assert found.expected == "no answer goes down with another nights"


def test_direction_that_is_wrong_fails_and_tells_of_the_worst_row(run):
    found = run(change={"nights": {"add": 3}}, expect="down")
    assert found.verdict == "failed"
    assert found.seen.startswith("0 of 20 changed rows; row ")
    assert " became " in found.seen


def test_invariance_forgives_what_it_says_it_forgives(run):
    loose = run(change={"segment": "online"}, expect="same", within=1e6)
    strict = run(change={"segment": {"to": ["online", "groups"]}}, expect="same")
    assert (loose.kind, loose.verdict) == ("invariance", "passed")
    assert strict.verdict == "failed"


def test_only_rows_that_are_changed_are_counted(run):
    online = int(run(change={"segment": "online"}, expect="same", within=1e6).seen.split()[2])
    groups = int(run(change={"segment": "groups"}, expect="same", within=1e6).seen.split()[2])
    assert 0 < online < 20
    assert online + groups == 20


def test_share_of_rows_is_enough_where_the_test_says_so(run):
    assert run(change={"nights": {"times": 2}}, expect="up", share=0.5).verdict == "passed"


def test_minimum_functionality_looks_at_known_answers(run):
    row = {**ROW, "nights": 7}
    good, bad = ({"row": row, "min": low, "max": high} for low, high in ((90.0, 160.0), (0.0, 10.0)))
    found = run(cases=(good, bad))
    assert (found.kind, found.verdict) == ("minimum functionality", "failed"), found.seen
    assert found.seen.startswith("1 of 2 cases; case 2: ")
    assert found.seen.endswith("must be at most 10")
    assert run(cases=(good,)).verdict == "passed"


def test_function_that_holds_passes(run):
    found = run(**function("dearer"))
    assert (found.kind, found.verdict, found.seen) == ("function", "passed", "holds")
    assert found.expected == "behaves:dearer"


def test_rows_of_the_test_stand_instead_of_the_golden_ones(run):
    found = run(**function("dearer"), rows=(ROW,))
    assert (found.verdict, found.seen) == ("failed", "assert len(short) == 20 (line 8 of behaves.py)")


@pytest.mark.parametrize(
    ("name", "verdict", "seen"),
    [
        ("dearer_with_words", "failed", r"^a night costs a thousand \(line \d+ of behaves\.py\)$"),
        ("says_so", "failed", "^nobody pays that$"),
        ("is_false", "failed", "^returned False$"),
        ("raises", "broken", r"^raised KeyError: 'pool' \(line \d+ of behaves\.py, in raises\)$"),
        ("nonsense", "broken", "^returned list: a test returns nothing, True, False, or a text on what is wrong$"),
        ("leaves", "broken", "^raised SystemExit: 0"),
        ("is_killed", "broken", "^its process was killed by SIGKILL$"),
        ("asks_nonsense", "broken", "^raised TypeError: predict takes a list of rows"),
        ("asks_a_wrong_column", "broken", "unknown column 'nigths': did you mean 'nights'"),
        ("missing", "broken", "behaves.py has no function 'missing'"),
    ],
)
def test_function_that_does_not_hold_or_is_no_test_is_one_line(run, says, name, verdict, seen):
    found = run(**function(name))
    assert found.verdict == verdict
    assert re.search(seen, found.seen), found.seen


def test_function_that_never_ends_is_ended(run):
    found = run(**function("never_ends", timeout_s=1.0))
    assert (found.verdict, found.seen) == ("broken", "did not end within 1 s")


def test_module_that_is_not_there_breaks_its_test_alone(regression):
    tests = {
        "gone": BehaviourTest(function="python:nowhere:it"),
        "stays": BehaviourTest({"nights": 3}, "same", "", 1e6),
    }
    ran = run_on_artifact(regression.deck, replace(regression.settings, tests=tests), regression.version)
    assert [one.verdict for one in ran.results] == ["broken", "passed"]
    assert ran.line().startswith("1 of 2 behaviour tests: gone broken: 'python:nowhere:it' names a module")


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ({"change": {"nigths": 3}, "expect": "same"}, "the model has no column 'nigths': did you mean 'nights'?"),
        ({"change": {"segment": {"add": 1}}, "expect": "same"}, "column 'segment' holds string: only numbers"),
        ({"change": {"nights": {"append": "x"}}, "expect": "same"}, "column 'nights' holds long: only texts"),
        ({"change": {"nights": "many"}, "expect": "same"}, "column 'nights' must hold a whole number, got text"),
        ({"change": {"nights": {"add": 0}}, "expect": "same"}, "no row is changed"),
        ({"cases": ({"row": {"at": ROW["at"], "nights": 1}, "min": 0.0},)}, "column 'segment' is missing"),
        ({"change": {"nights": 3}, "expect": "up", "of": "dear"}, "the model has no class 'dear': it has none"),
    ],
)
def test_declared_test_that_asks_what_cannot_be_asked_is_broken(run, said, seen):
    found = run(**said)
    assert found.verdict == "broken"
    assert seen in found.seen, found.seen


def test_labels_of_cases_are_looked_at_by_their_class(classification):
    cases = (
        {"row": {**ASKED, "nights": 7, "segment": "online", "price": 128.0}, "label": "true"},
        {"row": {**ASKED, "nights": 1, "segment": "groups", "price": 49.0}, "label": "false"},
    )
    tests = {
        "plain": BehaviourTest(cases=cases),
        "longer": BehaviourTest({"price": {"add": 50.0}}, "not down", of="true"),
        "same-label": BehaviourTest({"country": "PT"}, "same"),
        "no-such": BehaviourTest(cases=({**cases[0], "label": "maybe"},)),
    }
    ran = run_on_artifact(classification.deck, replace(classification.settings, tests=tests), classification.version)
    found = {one.name: one for one in ran.results}
    assert (found["plain"].verdict, found["plain"].seen) == ("passed", "2 of 2 cases"), found["plain"]
    assert found["longer"].verdict == "passed"
    assert found["no-such"].seen.startswith("the model has no label 'maybe'")


def test_hash_is_of_what_is_asked_and_of_the_code_only_where_there_is_a_function(regression):
    plain = {"it": BehaviourTest({"nights": 3}, "same")}
    ours = {**plain, "mine": BehaviourTest(function="python:behaves:dearer")}
    assert hash_of(plain, "sha256:a") == hash_of(plain, "sha256:b")
    assert hash_of(ours, "sha256:a") != hash_of(ours, "sha256:b")
    assert hash_of(plain, "") != hash_of({"it": BehaviourTest({"nights": 4}, "same")}, "")
