"""Rules of alerts: built-in where a file says none, changed in part by their name; each mistake is one line."""

from __future__ import annotations

import pytest

from engine.settings.alerts import BUILT_IN, make_rule, rules_of
from engine.settings.model import DeckSettings

SLOW = """
[alerts.slow]
on = "latency_p99"
threshold = 20
clear = 15
severity = "critical"
times = 2
of = 3
clear_windows = 4
cooldown = "6h"
"""


def rules(files):
    return files.load().models["rates"].alerts


def test_a_file_without_rules_has_the_built_in_ones_and_is_the_revision_that_it_was(files):
    assert rules(files) == {}
    assert "alerts" not in files.load().to_body()["models"]["rates"]
    held = rules_of({})
    assert set(held) == {"performance", "outcomes", "errors", "data", "drift", "fairness"}
    assert (held["drift"].harm, held["drift"].severity, held["errors"].severity) == (True, "warning", "critical")


def test_a_rule_is_read_whole_and_comes_back_from_a_revision(files):
    files.add(SLOW)
    slow = make_rule(
        "latency_p99",
        threshold=20.0,
        clear=15.0,
        severity="critical",
        times=2,
        of=3,
        clear_windows=4,
        cooldown_s=21_600.0,
    )
    assert rules(files) == {"slow": slow}
    assert rules_of(rules(files)) == {**BUILT_IN, "slow": slow}
    settings = files.load()
    assert DeckSettings.from_body(settings.to_body()).models["rates"].alerts == {"slow": slow}


def test_a_built_in_rule_is_changed_in_part_or_switched_off(files):
    files.add("[alerts.drift]\nharm = false\ntimes = 2\n[alerts.data]\nenabled = false\n")
    held = rules_of(rules(files))
    assert "data" not in held
    assert held["drift"] == make_rule("drift", harm=False, times=2, of=2)


def test_clear_follows_the_threshold_where_it_is_not_said(files):
    files.add('[alerts.errors]\nthreshold = 0.1\n[alerts.few]\non = "volume"\nthreshold = 0.5\n')
    assert rules(files)["errors"].clear == pytest.approx(0.05)
    assert rules(files)["few"].clear == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alerts.slow]\nthreshold = 20\n", "models/rates.toml:8: alerts.slow.on: this key is missing"),
        ('[alerts.slow]\non = "latency"\n', "models/rates.toml:9: alerts.slow.on: input should be 'drift', "),
        (
            '[alerts.slow]\non = "latency_p99"\n',
            "models/rates.toml:8: alerts.slow: latency_p99 needs a threshold, in ms",
        ),
        ("[alerts.drift]\ntreshold = 2\n", "unknown key 'treshold', did you mean 'threshold'?"),
        ("[alerts.errors]\nthreshold = 5\n", "models/rates.toml:8: alerts.errors: the threshold of errors is a share"),
        ("[alerts.errors]\nthreshold = 0\n", "a threshold of 0 is reached by every window"),
        ("[alerts.errors]\nthreshold = 0.1\nclear = 0.2\n", "clear = 0.2 is above the threshold 0.1: it would flap"),
        ('[alerts.few]\non = "volume"\nclear = 0.1\n', "clear = 0.1 is below the threshold 0.5: it would flap"),
        ("[alerts.errors]\ntimes = 3\nof = 2\n", "times = 3 is more than of = 2 windows"),
        ('[alerts.errors]\nfeature = "x"\n', 'feature belongs to on = "drift", not to errors'),
        ("[alerts.errors]\nharm = true\n", "harm and importance belong to drift, not to errors"),
        ("[alerts.performance]\nthreshold = 0.9\n", "is how many times the holdout's loss, such as 1.1"),
        ('[alerts.errors]\nseverity = "bad"\n', "alerts.errors.severity: input should be 'warning' or 'critical'"),
        ('[alerts.errors]\ncooldown = "soon"\n', "alerts.errors.cooldown: write a duration with its unit"),
        ("[alerts]\nerrors = 3\n", "alerts.errors: this must be a table, got 3"),
        ("alerts = 3\n", "data.alerts: unknown key 'alerts'"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_table_and_key(files, text, said):
    files.add(text)
    assert said in files.complaint()
