"""`[tests.NAME]`: each form whole again from a revision, and every wrong one told in one line that names it."""

from __future__ import annotations

import pytest

from engine.settings.model import DeckSettings

SAID = """
[tests.longer]
change = { nights = { add = 1 } }
expect = "not down"
within = 0.5
share = 0.9

[tests.country]
change = { country = { to = ["PRT", "GBR"] }, segment = "online" }
expect = "same"
rows = [{ nights = 1, country = "FRA" }]

[tests.known]
cases = [{ row = { nights = 7 }, min = 90 }, { row = { nights = 1 }, max = 60.5 }]

[tests.mine]
function = "python:behaves:mine"
timeout = "5s"
"""


def test_tests_are_whole_again_from_a_revision(files):
    files.add(SAID)
    deck = files.load()
    tests = deck.models["rates"].tests
    assert DeckSettings.from_body(deck.to_body()) == deck
    assert {name: one.kind for name, one in tests.items()} == {
        "country": "invariance", "known": "minimum functionality", "longer": "direction", "mine": "function",
    }  # fmt: skip
    assert tests["mine"].timeout_s == 5.0
    assert tests["known"].cases == ({"row": {"nights": 7}, "min": 90.0}, {"row": {"nights": 1}, "max": 60.5})


def test_a_model_without_tests_is_the_revision_that_it_always_was(files):
    assert "tests" not in files.load().to_body()["models"]["rates"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "give exactly one of change (with expect), cases, function"),
        ('change = { a = 1 }\nexpect = "same"\nfunction = "python:a:b"', "give exactly one of"),
        ("change = { a = 1 }", "change and expect go together"),
        ('change = { a = 1 }\nexpect = "sideways"', "sideways"),
        (
            'change = { a = { add = 1, times = 2 } }\nexpect = "same"',
            "a: a change is a value, or a table",
        ),
        ('change = { a = { rise = 1 } }\nexpect = "same"', "a: a change is a value, or a table"),
        ('change = { a = { add = "one" } }\nexpect = "same"', "a.add: a number"),
        ('change = { a = { to = [] } }\nexpect = "same"', "a.to: a list of 1 to 100 values"),
        ('change = { a = { missing = false } }\nexpect = "same"', "a.missing: true"),
        (
            'change = { a = { to = [1] }, b = { to = [2] } }\nexpect = "same"',
            "only one column may be changed to several",
        ),
        ('change = { a = 2026-01-01 }\nexpect = "same"', "a: a change is a value"),
        ("cases = [{ row = { a = 1 } }]", "a case needs what its answer must be"),
        ("cases = [{ row = { a = [1] }, min = 1 }]", "a: a value of a row is a number, a text, true or false"),
        ('cases = [{ row = { a = 1 }, label = "x" }]', "tests.it: label is of classes"),
        ('cases = [{ row = { a = 1 }, lacks = ["x"] }]', "tests.it: contains and lacks are of items"),
        ('change = { a = 1 }\nexpect = "up"\nof = "x"', "tests.it: of names a class"),
        ('function = "behaves:mine"', "function is written python:module:function"),
        ('function = "python:a:b"\nshare = 0.5', "share goes with change"),
        ('function = "python:a:b"\ntimeout = "1h"', 'timeout must be from "1s" to "10m"'),
        ('function = "python:a:b"\nrepeat = 3', "unknown key 'repeat'"),
    ],
)
def test_a_test_that_is_none_is_refused_in_one_line(complaint_about, said, why):
    told = complaint_about(f"\n[tests.it]\n{said}\n")
    assert why in told, told
    assert "models/rates.toml" in told


def test_a_schedule_may_run_tests_and_not_after_the_alert_that_they_raise(files, complaint_about):
    files.add('\n[schedules.nightly]\nrun = "test"\ncron = "0 4 * * *"\n')
    assert files.load().models["rates"].schedules["nightly"].kind == "test"
    assert "it would never end" in complaint_about('\n[schedules.loop]\nrun = "test"\nafter = "alert.opened"\n')
