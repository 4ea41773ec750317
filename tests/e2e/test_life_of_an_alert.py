"""An alert from its first drifted window to its return, by the command line alone, with a daemon that ticks."""

from __future__ import annotations

from typing import Any

import pytest
from moving_traffic import Traffic
from tiny_deck import MODEL, Tiny

pytestmark = pytest.mark.e2e

KEY = "drift:rates@1"
RULES = """
[alerts.performance]
enabled = false

[alerts.drift]
clear_windows = 2
cooldown = "{cooldown}"
"""


def the_alert(tiny: Tiny, *, all: bool = True) -> dict[str, Any]:
    """Return the one alert of the key: there is never a second."""
    found = [one for one in tiny("alerts", *(["--all"] if all else []), "--json").data if one["key"] == KEY]
    assert len(found) == 1, found
    return found[0]  # type: ignore[no-any-return]


def actions(tiny: Tiny, id: str) -> list[str]:
    """Return what happened to it, oldest first."""
    life = tiny("alerts", "show", id, "--json").data["life"]
    return [event["action"].removeprefix("alert.") for event in reversed(life)]


def test_an_alert_lives_and_comes_back(tiny: Tiny) -> None:
    tiny.write_model(MODEL + RULES.format(cooldown="1h"))
    version = str(tiny("train", "rates", "--json").data["result"]["version"])
    assert tiny("promote", "rates", version, "--yes").code == 0
    traffic = Traffic(tiny)
    for _ in range(3):
        traffic.window()
    assert tiny("alerts", "--all", "--json").data == []

    traffic.window(bad=True)
    opened = the_alert(tiny)
    assert (opened["state"], opened["severity"], opened["count"]) == ("open", "warning", 1)
    assert {one["name"] for one in opened["evidence"]["features"]} >= {"rooms", "season"}
    assert opened["evidence"]["harm"]["source"] == "realised"
    id = opened["id"]

    traffic.window(bad=True)
    assert (the_alert(tiny)["count"], actions(tiny, id)) == (2, ["opened"])

    assert "acknowledged by user:" in tiny("alerts", "ack", id, "--for", "2s", "--reason", "looking").out
    tiny.wait(lambda: the_alert(tiny)["state"] == "open")
    assert actions(tiny, id) == ["opened", "acknowledged", "reopened"]

    assert "snoozed until" in tiny("alerts", "snooze", id, "--for", "1h").out
    assert tiny("alerts", "maintenance", "rates", "--for", "2h", "--reason", "new till").code == 0
    traffic.window(bad=True)
    quiet = the_alert(tiny)
    assert (quiet["state"], quiet["count"]) == ("snoozed", 3)
    assert tiny("alerts", "maintenance", "rates", "--end").out == "maintenance of rates is over\n"

    traffic.window()
    assert the_alert(tiny)["state"] == "snoozed"  # one clear window is not yet the end
    traffic.window()
    over = the_alert(tiny)
    assert (over["state"], over["resolved_by"]) == ("resolved", "trigger:monitor:rates")
    assert tiny("alerts", "--json").data == []

    traffic.window(bad=True)  # within the cooldown
    assert (the_alert(tiny)["state"], the_alert(tiny)["count"]) == ("resolved", 4)

    tiny.write_model(MODEL + RULES.format(cooldown="0s"))
    assert tiny("apply").code == 0
    traffic.window(bad=True)
    back = the_alert(tiny, all=False)
    assert (back["id"], back["state"], back["count"], back["reopened"]) == (id, "open", 5, 1)
    life = ["opened", "acknowledged", "reopened", "snoozed", "resolved", "reopened"]
    assert actions(tiny, id) == life

    shown = " ".join(tiny("show", "alert", id).out.split())
    for said in ("drift of ", "Before it", "settings applied", "Harm", "modeldeck explain rates 1", "came back"):
        assert said in shown
    whole = tiny("show", "alert", id, "--json").data["body"]
    assert whole["state"] == "open"
    assert [point["value"] > whole["series"]["limit"] for point in whole["series"]["points"]] == [
        *[False] * 3, *[True] * 3, *[False] * 2, *[True] * 2,
    ]  # fmt: skip
    tiny.intact()
