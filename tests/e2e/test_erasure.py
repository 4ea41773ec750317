"""One guest is erased end to end, through the real command: data, log, outcomes, golden requests, decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import MODEL, Tiny, make_tiny

pytestmark = pytest.mark.e2e

GUESTS = [f"Zoltan{letter}quist" for letter in "abcdefgh"]
WHO = f"guest={GUESTS[0]}"
SETTINGS = MODEL.replace('target = "price"', 'target = "price"\npersonal = ["guest"]')
ERASE = ("data", "erase")
TRAINED_WITHIN_S = 110


@pytest.mark.timeout(600)
def test_a_guest_is_erased_and_what_learned_of_them_is_decided(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    try:
        asked = lived_in(tiny)
        refused_first(tiny)
        plan = tiny(*ERASE, WHO, "--reason", "request 12", "--dry-run").out
        assert plan.startswith("erase ")
        assert not [word for word in ("1 snapshot", "outcomes", "@1 (alias champion", "saved.tar") if word not in plan]
        tiny.write_model(f'{SETTINGS}\n[retention]\nhold = "case 7"\n')
        assert tiny("apply").code == 0
        held = tiny(*ERASE, WHO, "--reason", "request 12", "--yes")
        assert held.refusal(2) == "a hold stands, [retention] hold of rates: case 7"
        tiny.write_model(SETTINGS)
        assert tiny("apply").code == 0
        before = tiny("data", "rates", "--json").data[0]["id"]
        done = tiny(*ERASE, WHO, "--reason", "request 12", "--yes", timeout=TRAINED_WITHIN_S)
        assert done.code == 0, done
        assert "rows in" in done.out
        again = tiny(*ERASE, WHO, "--reason", "request 12", "--yes")
        assert (again.code, again.out[:15]) == (0, "already erased "), again
        one = tiny("erasures", "--json").data[0]
        assert (one["state"], one["columns"], one["reason"]) == ("done", ["guest"], "request 12")
        shown = tiny("erasures", "show", one["id"][:12], "--json").data
        rows: dict[str, int] = {}
        for item in shown["items"]:
            assert item["state"] == "erased"
            rows[item["kind"]] = rows.get(item["kind"], 0) + item["rows"]
        assert rows["snapshot"] == len(tiny.rows) // len(GUESTS)
        assert rows["predictions"] == rows["outcomes"] == asked
        assert shown["undecided"] == ["rates"]
        told = {each["what"]: each for each in tiny("compliance", "rates", "--json").data["items"]}
        assert (told["snapshot"]["is_there"], told["erasures"]["is_there"]) == (True, False)
        assert any("saved.tar" in told for told in shown["backups"])
        detail = tiny("data", "show", before, "--json").data
        assert (detail["present"], detail["erased"]) == (False, len(tiny.rows) // len(GUESTS))
        assert tiny("reproduce", "rates", "1", timeout=TRAINED_WITHIN_S).code == 2
        assert tiny("audit", "verify", "--deep", "--json").data["ok"] is True
        suppressed = tiny("erasures", "decide", one["id"], "rates", "suppress", "--reason", "no")
        assert "what is in use cannot be suppressed" in suppressed.refusal(2)
        assert tiny("erasures", "decide", one["id"], "rates", "retrain", "--reason", "yes").code == 0
        tiny.wait(lambda: len(tiny("versions", "rates", "--json").data) == 2, TRAINED_WITHIN_S)
        decided = tiny("erasures", "show", one["id"], "--json").data
        assert [(each["decision"], each["reason"]) for each in decided["decisions"]] == [("retrain", "yes")]
        assert [each["version"] for each in decided["derived"]] == [1]  # version 2 never saw them
        assert decided["undecided"] == []
        told = {each["what"]: each for each in tiny("compliance", "rates", "--json").data["items"]}
        assert (told["erasures"]["is_there"], told["erasures"]["detail"]) == (True, f"{one['id'][:12]} retrain")
        tiny.intact()
        reads = {(row["operation"], row["told"]): row for row in tiny("access", "log", "--json").data}
        looked = {
            ("train", "processed"),
            ("erase", "processed"),
            ("erasures.plan", "sought"),
            ("data.show", "statistics"),
        }
        assert looked | {("backup.record", "copied")} <= set(reads)
        assert {tuple(row["columns"]) for row in reads.values()} == {("guest",)}
        assert all(row["actor"].startswith("user:") for row in reads.values())
    finally:
        assert tiny("daemon", "stop", "--all").code == 0
    nowhere(tiny, GUESTS[0])
    assert anywhere(tiny, GUESTS[1])  # the look would have found them


def lived_in(tiny: Tiny) -> int:
    """Train, serve, answer, tell outcomes and make a backup; returns how often one guest was asked about."""
    rows = [{**row, "guest": GUESTS[number % 8]} for number, row in enumerate(tiny.rows)]
    tiny.write_rows(rows)
    tiny.write_model(SETTINGS)
    assert tiny("train", "rates", timeout=TRAINED_WITHIN_S).code == 0
    assert tiny("promote", "rates", "1", "--yes", timeout=TRAINED_WITHIN_S).code == 0
    kept = ("night", "rooms", "season", "guest")
    asked = tiny.write_rows([{name: row[name] for name in kept} for row in rows[-80:]], "asked.csv")
    answers: list[dict[str, Any]] = tiny("predict", "rates", str(asked), "--json").data
    told = [{"prediction_id": one["prediction_id"], "value": 99.0} for one in answers]
    (tiny.root / "told.json").write_text(json.dumps(told))
    assert tiny("outcomes", "rates", "told.json").code == 0
    assert tiny("backup", "create", str(tiny.home / "saved.tar")).code == 0
    return 80 // len(GUESTS)


def refused_first(tiny: Tiny) -> None:
    """Look that nobody is erased by mistake, and that no refusal tells the value."""
    events = len(tiny("events", "--json").data)
    why = ("--reason", "request 12")
    assert "was not confirmed" in tiny(*ERASE, WHO, *why).refusal(2)
    for words, code in (
        ((*ERASE, "guest=Nobody", *why, "--yes"), 3),
        ((*ERASE, "guest=\x1b[31mNobody\x07", *why, "--yes"), 3),
        ((*ERASE, "gu\x1b[31mest=Nobody", *why, "--yes"), 2),
        ((*ERASE, "visitor=Nobody", *why, "--yes"), 3),
        ((*ERASE, "Nobody", *why, "--yes"), 2),
        ((*ERASE, "guest=" + "Nobody" * 1000, *why, "--yes"), 2),
        ((*ERASE, WHO, "--reason", " ", "--yes"), 2),
        (("erasures", "decide", "0", "rates", "accept", "--reason", "x"), 3),
        (("--read-only", *ERASE, WHO, *why, "--yes"), 6),
    ):
        said = tiny(*words)
        line = said.refusal(code)
        assert line.isprintable(), line
        assert "Nobody" not in line
        assert GUESTS[0] not in line
    assert len(tiny("events", "--json").data) == events


def anywhere(tiny: Tiny, text: str) -> list[str]:
    """Return the files below `.modeldeck` that hold a text, in the open or in Parquet."""
    import pyarrow.parquet as pq

    found = []
    for path in (tiny.root / ".modeldeck").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if content[:4] == b"PAR1":
                content += str(pq.ParquetFile(path).read().to_pylist()).encode()
            if text.encode() in content:
                found.append(str(path.relative_to(tiny.root)))
    return found


def nowhere(tiny: Tiny, text: str) -> None:
    """Look that nothing but a fitted model holds the text: what learned of it is what had to be decided about."""
    models = {
        path
        for path in anywhere(tiny, text)
        if path.endswith(("model.skops", "compiled.zip")) or (tiny.root / path).read_bytes()[:2] == b"PK"
    }
    assert set(anywhere(tiny, text)) - models == set()
