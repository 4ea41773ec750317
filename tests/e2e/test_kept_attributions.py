"""Attributions that are kept beside the log, by the real daemon: asked for by a look, found by `explain`."""

from __future__ import annotations

import pytest
from tiny_deck import MODEL

pytestmark = pytest.mark.e2e


def test_a_look_has_its_predictions_explained_and_explain_finds_them(tiny) -> None:  # type: ignore[no-untyped-def]
    tiny.write_model(MODEL + "\n[log]\nattributions = 1.0\n")
    assert tiny("train", "rates").code == 0
    assert tiny("promote", "rates", "1", "--yes").code == 0
    records = tiny("predict", "rates", str(tiny.asked(30)), "--json").data
    id = records[4]["prediction_id"]
    before = tiny("explain", "rates", "1", "--prediction", id, "--json").data
    assert before["kept_at"] is None
    assert tiny("monitors", "run", "rates").code == 0
    done = tiny.wait(
        lambda: [one for one in tiny("jobs", "--json").data if one["kind"] == "attribute" and one["ended_at"]]
    )
    assert (done[0]["state"], done[0]["result"]["kept"]) == ("succeeded", 30)
    assert done[0]["actor"] == "trigger:monitor:rates"
    after = tiny("explain", "rates", "1", "--prediction", id, "--json").data
    assert after["kept_at"].endswith("Z")
    [told], [first] = after["explained"], before["explained"]
    assert [one["column"] for one in told["contributions"]] == [one["column"] for one in first["contributions"]]
    assert [one["value"] for one in told["contributions"]] == [one["value"] for one in first["contributions"]]
    assert abs(told["predicted"] - first["predicted"]) < 1e-6
    shown = " ".join(tiny("explain", "rates", "--prediction", id).out.split())
    assert f"Kept beside the log since {after['kept_at'][:10]}" in shown
    assert "by version 1." in shown
    tiny.write_model(
        MODEL.replace('target = "price"', 'target = "price"\npersonal = ["season"]') + "\n[log]\nattributions = 0.5\n"
    )
    assert "logged predictions cannot be explained" in tiny("apply").refusal(2)
