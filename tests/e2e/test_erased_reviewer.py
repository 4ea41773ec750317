"""One reviewer of the real MovieLens ratings is erased end to end, from every snapshot and the prediction log."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from test_examples import lay_out
from tiny_deck import Tiny

pytestmark = pytest.mark.e2e

NAME = "movie-recommendations"
REVIEWER, OTHER = 15, 547
WITHIN_S = 200
ERASE = ("data", "erase", f"user_id={REVIEWER}", "--reason", "request 12 of 3 March")


def rated_by(deck: Tiny, user: int) -> int:
    """Return how many rows of a user lie in Parquet files below `.modeldeck`, whichever they are."""
    found = 0
    for path in (deck.root / ".modeldeck").rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"PAR1":
            table = pq.ParquetFile(path).read()
            for column in ("user_id", "in.user_id"):
                if column in table.column_names:
                    found += pc.sum(pc.equal(pc.cast(table[column], "string"), str(user))).as_py() or 0
    return found


@pytest.mark.timeout(900)
def test_a_reviewer_is_erased_from_snapshots_and_log_and_each_model_is_decided(tmp_path: Path) -> None:
    deck = lay_out(tmp_path, NAME)
    try:
        for until in ("2002-01-01", "2003-01-01"):  # two snapshots with the reviewer in them, a version of each
            trained = deck("train", NAME, "--until", until, "--estimator", "factors", "--json", timeout=WITHIN_S)
            assert trained.code == 0, trained
        assert deck("promote", NAME, "2", "--yes", timeout=WITHIN_S).code == 0
        asked = [{"user_id": REVIEWER}, {"user_id": OTHER}, {"user_id": REVIEWER}]
        (deck.root / "asked.json").write_text(json.dumps(asked))
        answers = deck("predict", NAME, "asked.json", "--json", timeout=WITHIN_S).data
        told = [{"prediction_id": one["prediction_id"], "value": 31} for one in answers]
        (deck.root / "told.json").write_text(json.dumps(told))
        assert deck("outcomes", NAME, "told.json", timeout=WITHIN_S).code == 0
        versions = deck("versions", NAME, "--json").data
        plan = deck(*ERASE, "--dry-run", timeout=WITHIN_S).out
        for said in (
            "rows in 2 snapshots left out",
            "2 rows of outcomes",
            "@2 (alias champion of",
            "text that mentions",
        ):
            assert said in plan, plan
        done = deck(*ERASE, "--yes", timeout=WITHIN_S)
        assert done.code == 0, done
        _is_proven(deck, versions)
        _is_decided(deck)
        assert deck("audit", "verify", "--deep", "--json", timeout=WITHIN_S).data["ok"] is True
        again = deck("predict", NAME, "asked.json", "--json", timeout=WITHIN_S).data
        assert len(again) == len(asked)  # it serves all the while
    finally:
        assert deck("daemon", "stop", "--all").code == 0
    (deck.root / "asked.json").unlink()


def _is_proven(deck: Tiny, versions: list[dict[str, object]]) -> None:
    """Look that each place is on record with what took it, and that no file holds a row any more."""
    one = deck("erasures", "--json").data[0]
    shown = deck("erasures", "show", one["id"], "--json").data
    rows: dict[str, list[int]] = {}
    for item in shown["items"]:
        assert item["state"] == "erased", item
        rows.setdefault(item["kind"], []).append(item["rows"])
    assert len(rows["snapshot"]) == 2
    assert min(rows["snapshot"]) > 0
    assert (sum(rows["predictions"]), sum(rows["outcomes"])) == (2, 2)
    assert [(each["version"], each["held"].partition(" ")[0]) for each in shown["derived"]] == [(1, ""), (2, "alias")]
    assert shown["undecided"] == [NAME]
    assert rated_by(deck, REVIEWER) == 0
    assert rated_by(deck, OTHER) > 0
    for version in versions:
        detail = deck("data", "show", str(version["snapshot_id"]), "--json").data
        assert (detail["present"], detail["erased"]) == (False, max(detail["erased"], 1)), detail


def _is_decided(deck: Tiny) -> None:
    """Decide about the model, and look that this is on record and nothing is left open."""
    one = deck("erasures", "--json").data[0]
    why = ("--reason", "few ratings of thousands")
    assert "what is in use cannot be suppressed" in deck("erasures", "decide", one["id"], NAME, "suppress", *why).err
    assert deck("erasures", "decide", one["id"], NAME, "accept", *why).code == 0
    shown = deck("erasures", "show", one["id"], "--json").data
    assert [(each["model"], each["decision"]) for each in shown["decisions"]] == [(NAME, "accept")]
    assert shown["undecided"] == []
    actions = [each["action"] for each in deck("events", "--all", "--json").data]
    assert "erasure.done" in actions
    assert "erasure.decided" in actions
