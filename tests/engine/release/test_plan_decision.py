"""What a plan says of a version's decision: a line that fits a dialog, never the rule's inside."""

from __future__ import annotations

from engine.release.plan import differences


def test_an_interval_is_said_by_its_level_and_width(version):
    bands = {"edges": [1.0], "floor": 0.0, "level": 0.9, "low": [-2.0, -4.0], "high": [2.0, 8.0]}
    before = version(1, decision={"interval": bands})
    after = version(2, decision={"interval": {**bands, "high": [2.0, 4.0]}})
    [found] = [one for one in differences(before, after) if one.name == "decision"]
    assert found.before == "an interval of 90%, 4 to 12 wide"
    assert found.after == "an interval of 90%, 4 to 8 wide"
