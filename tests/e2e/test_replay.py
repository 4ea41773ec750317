"""A new version on what was asked of the champion, by the real command: logged by real servers, with real outcomes."""

from __future__ import annotations

import pytest
from tiny_deck import MODEL

pytestmark = pytest.mark.e2e

REPLAY = '\n[retrain]\ncron = "0 3 1 1 *"\ncompare = "replay"\n'


def test_challenger_is_replayed_beside_the_champion_and_both_views_show_it(tiny) -> None:  # type: ignore[no-untyped-def]
    tiny.write_model(MODEL + REPLAY)
    first = tiny("train", "rates", "--json").data
    kept = tiny("show", "version", "rates@1", "--json").data["body"]["evaluation"]["replay"]
    assert kept == {"note": "nothing serves yet"}
    assert first["state"] == "succeeded"
    assert tiny("promote", "rates", "1", "--yes").code == 0
    records = tiny("predict", "rates", str(tiny.asked(60)), "--json").data
    told = [
        {"prediction_id": record["prediction_id"], "value": row["price"]}
        for record, row in zip(records, tiny.rows[-60:], strict=True)
    ]
    assert tiny("outcomes", "rates", str(tiny.write_rows(told, "outcomes.csv"))).code == 0
    assert (
        tiny("train", "rates", "--estimator", "sklearn.dummy.DummyRegressor", "--json").data["result"]["version"] == 2
    )
    seen = tiny("show", "version", "rates@2", "--json").data["body"]["evaluation"]["replay"]
    assert (seen["champion"], seen["rows"]) == (1, 60)
    assert 0 <= seen["agreement"] < 0.9  # one answer for all
    logged = {record["prediction_id"]: record["value"] for record in records}
    assert len(seen["largest"]) == 5
    for one in seen["largest"]:
        assert abs(one["champion"] - logged[one["prediction_id"]]) < 0.01
    for one in seen["largest"]:  # of few columns all are told, so that they add up
        why = one["why"]
        moved = why["base"]["challenger"] - why["base"]["champion"]
        moved += sum(each["challenger"] - each["champion"] for each in why["columns"])
        assert abs(moved - (one["challenger"] - one["champion"])) < 0.05
        assert {each["column"] for each in why["columns"]} == {"night", "rooms", "season"}
        assert all(each["challenger"] == 0 for each in why["columns"])  # one answer for all
    apart = [abs(one["champion"] - one["challenger"]) for one in seen["largest"]]
    assert apart == sorted(apart, reverse=True)
    assert all(one["p50"] > 0 for one in seen["latency_ms"].values())
    known = seen["outcomes"]
    assert (known["metric"], known["n"], known["verdict"]) == ("mae", 60, "champion better")
    assert known["high"] < 0
    compared = tiny("versions", "compare", "rates@1", "rates@2").out
    assert "60 logged" in compared
    assert "champion better: mae" in compared
    assert "agreement" in tiny("show", "version", "rates@2").out

    tiny.write_model(MODEL.replace('target = "price"', 'target = "price"\npersonal = ["season"]') + REPLAY)
    refused = tiny("apply").refusal(2)
    assert "personal columns are logged as tokens, which cannot be replayed" in refused
