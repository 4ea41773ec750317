"""A retrained version as a shadow of the live traffic, by the real daemon: compared, held for a person, gone on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tiny_deck import MODEL, Tiny, made_rows

pytestmark = pytest.mark.e2e

SHADOW = """
[retrain]
on = ["rows"]
rows = 50
cooldown = "1s"
compare = "shadow"
"""


def newest(tiny: Tiny) -> dict[str, Any]:
    found: dict[str, Any] = tiny("releases", "rates", "--json").data[0]
    return found


def under_traffic(tiny: Tiny, state: str) -> dict[str, Any]:
    """Ask the endpoint until the newest release is in a state, and return it."""
    asked = str(tiny.asked(30))

    def seen() -> dict[str, Any] | None:
        assert tiny("predict", "rates", asked).code == 0
        release = newest(tiny)
        assert release["state"] in ("pending", "running", state), release
        return release if release["state"] == state else None

    found: dict[str, Any] = tiny.wait(seen, within_s=240.0)
    return found


def test_a_retrained_version_is_compared_on_live_traffic_and_waits_for_a_person(tiny: Tiny) -> None:
    tiny.write_model(MODEL.replace('max_wait = "1s"', 'max_wait = "120s"') + SHADOW)
    assert tiny("train", "rates", "--json").data["result"]["version"] == 1
    assert tiny("promote", "rates", "1", "--yes").code == 0
    moved = [{**row, "price": row["price"] + 20} for row in made_rows(460)]
    tiny.write_rows(moved)
    assert tiny("data", "ingest", "rates").code == 0
    opened = tiny.wait(
        lambda: next((one for one in tiny("releases", "rates", "--json").data if one["to_version"] == 2), None)
    )
    assert opened["actor"] == "policy:retrain"

    held = under_traffic(tiny, "held")
    assert (held["id"], held["verdict"]) == (opened["id"], "to decide")
    assert held["detail"].startswith("compared as a shadow: ")
    assert tiny.champion() == 1
    shown = tiny("releases", "show", "rates", "--json").data
    [shadow] = [one for one in shown["steps"] if one["kind"] == "shadow"]
    answers = shadow["observed"]["answers"]
    assert answers["rows"] >= 20
    assert answers["differ"] == answers["rows"]  # the world of the new version costs 20 more
    assert abs(answers["difference"]["value"]["mean"] - 20) < 5
    assert len(answers["largest"]) == 5
    for one in answers["largest"]:
        why = one["why"]
        told = why["base"]["challenger"] - why["base"]["champion"]
        told += sum(each["challenger"] - each["champion"] for each in why["columns"])
        assert abs(told - (one["challenger"] - one["champion"])) < 0.05
    assert shadow["observed"]["new"]["latency_p99_ms"] > 0
    said = " ".join(tiny("releases", "show", "rates").out.split())
    assert f"answers 0 of {answers['rows']} agree" in said
    assert "traffic stays as it is. modeldeck promote rates 2 promotes" in said
    assert '"season"' in json.dumps(answers)  # the name of a column, never what was in it
    assert '"high"' not in json.dumps(answers)

    assert tiny("promote", "rates", "2", "--yes", "--detach").code == 0
    done = under_traffic(tiny, "completed")
    assert (done["id"], tiny.champion()) == (opened["id"], 2)
    tiny.intact()
