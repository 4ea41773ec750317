"""Trainings that nobody asked for, by a real daemon: more rows come, a version is made, and each step is explained."""

from __future__ import annotations

import json

import pytest
from tiny_deck import MODEL, made_rows

pytestmark = pytest.mark.e2e

RETRAIN = """
[retrain]
on = ["rows"]
rows = 50
cooldown = "1h"
"""


def test_new_rows_make_a_version_and_the_cooldown_holds_the_next(tiny) -> None:  # type: ignore[no-untyped-def]
    tiny.write_model(MODEL + RETRAIN)
    assert tiny("train", "rates", "--json").data["result"]["version"] == 1
    assert "! missing     a newer snapshot" in tiny("monitors", "why-not", "rates").out
    with_reset = tiny("monitors", "why-not", "rates", "--json").data
    [cooldown] = [one for one in with_reset["dampers"] if one["name"] == "cooldown"]
    assert cooldown["holds"] is True
    assert cooldown["until_at"].endswith("Z")

    tiny.write_model(MODEL + RETRAIN.replace('"1h"', '"1s"'))
    assert tiny("apply").code == 0
    tiny.write_rows(made_rows(460))
    assert tiny("data", "ingest", "rates").code == 0
    jobs = tiny.wait(lambda: [one for one in tiny("jobs", "--json").data if one["actor"] == "trigger:retrain:rates"])
    job = tiny.wait(
        lambda: next(
            (one for one in tiny("jobs", "--json").data if one["id"] == jobs[0]["id"] and one["ended_at"]), None
        )
    )
    assert (job["state"], job["result"]["version"]) == ("succeeded", 2)
    assert job["args"]["why"]["evidence"]["rows"] == 60
    shown = tiny("jobs", "show", job["id"]).out
    assert "rows: 60 more: 460 in the newest snapshot, 400 in v1's" in " ".join(shown.split())
    run = tiny("show", "run", job["result"]["run_id"], "--json").data["body"]
    assert run["tags"]["trigger"] == "rows"
    assert json.loads(run["tags"]["evidence"]) == job["args"]["why"]["evidence"]
    after = tiny("monitors", "why-not", "rates", "--json").data
    assert after["last_job_id"] == job["id"]
    assert after["trains"] is False
    tiny.intact()


def test_why_not_of_no_model_is_one_line(tiny) -> None:  # type: ignore[no-untyped-def]
    assert "no model 'rats': did you mean rates?" in tiny("monitors", "why-not", "rats").refusal(3)
