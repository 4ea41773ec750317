"""Nothing that is marked personal is told: by no command, in no file, but in the data and the model themselves."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import MODEL, Tiny, make_tiny
from watched_console import walk

from engine.operations.catalog import OPERATIONS
from engine.operations.operation import Danger, Operation

pytestmark = pytest.mark.e2e

GUESTS = [f"Zoltan{letter}quist" for letter in "abcdefgh"]
PHONE, APART = 730_000_000, 9_973  # far enough that no made-up number is one of them by chance
RAW = re.compile(r"Zoltan[a-h]quist|(?<!\d)73\d{7}(?!\d)", re.IGNORECASE)
SETTINGS = (
    MODEL.replace('target = "price"', 'target = "price"\npersonal = ["guest", "phone"]').replace(
        "vs_champion = 1.5 }", 'vs_champion = 1.5 }\nslices = ["guest", "season"]'
    )
    + """
[fairness]
columns = ["guest"]

[checks.columns.phone]
max = 739_000_000

[alerts.slow]
on = "latency_p99"
threshold = 0.0001
"""
)


# every list; of a version, a run, a job, a release, an event and an alert the page, all fields and the raw JSON
WHOLE = ["g", " ", " "]
PAGE = ["\r", *WHOLE, "d", *WHOLE, "-", "y", *WHOLE, "-"]
KEYS = [
    "1",
    *PAGE,
    "2",
    "\r",
    *PAGE,
    "3",
    *PAGE,
    "4",
    *PAGE,
    "5",
    *PAGE,
    "6",
    "\r",
    *PAGE,
    "7",
    "\r",
    *PAGE,
    "h",
    *PAGE,
    "8",
    "\r",
    *WHOLE,
    "9",
    *PAGE,
    "0",
]
PAGES = ("Models › rates › v1 › JSON", "Runs › run", "Jobs › ", "Releases › ", "Events › event")


@pytest.mark.timeout(600)
def test_no_command_and_no_file_tells_what_is_personal(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    try:
        told = live(tiny)
        for operation in OPERATIONS.values():
            if operation.danger is Danger.READ and operation.command_line and operation.words:
                # what is printed for a person is made of this answer alone, so it tells no more
                said = tiny(*operation.words, *arguments(operation, told), "--json")
                assert said.code == 0 or "Traceback" not in said.err, said
                quiet(said.words, said.out + said.err)
        for words in by_hand(told):
            said = tiny(*words)
            assert said.code == 0, said
            quiet(said.words, said.out + said.err)
        seen = dict(enumerate(walk(tiny, KEYS)))
        for place, (key, shown) in seen.items():
            quiet(f"screen {place}, after {key!r}", shown)
        everything = "\n".join(shown for _, shown in seen.values())
        assert all(text in everything for text in (*PAGES, "guest", "phone", "season=high")), everything
        for path in (tiny.root / "why.svg", tiny.root / "evaluation.json"):
            quiet(path.name, path.read_text())
    finally:
        assert tiny("daemon", "stop", "--all").code == 0
    holds = content_of_people(tiny)
    for path in (tiny.root / ".modeldeck").rglob("*"):
        if path.is_file() and not any(digits in f"{path.parent.name}{path.name}" for digits in holds):
            quiet(str(path.relative_to(tiny.root)), path.read_bytes().decode("latin-1"))


def live(tiny: Tiny) -> dict[str, str]:
    """Train, ship, ask, be wrong, tell outcomes and look, all with personal values; return ids to ask by."""
    rows = [{**row, "guest": GUESTS[n % 8], "phone": PHONE + APART * n} for n, row in enumerate(tiny.rows)]
    tiny.write_rows([*rows, {**rows[-1], "phone": PHONE + 1001 * APART}])
    tiny.write_model(SETTINGS)
    # its data hold a row that is rejected, more than are tolerated, so that training is blocked: by name, not by value
    blocked = tiny("train", "rates", timeout=110)
    assert blocked.code == 1, blocked
    quiet("train", blocked.out + blocked.err)
    tiny.write_model(SETTINGS.replace("[checks.columns", "[checks]\ntolerate = 0.5\n\n[checks.columns"))
    trained = tiny("train", "rates", "--json", timeout=110)
    quiet("train", trained.out + trained.err)
    run = trained.data["result"]["run_id"]
    promoted = tiny("promote", "rates", "1", "--yes", timeout=110)
    assert promoted.code == 0, promoted
    kept = ("night", "rooms", "season", "guest", "phone")
    asked = tiny.write_rows([{name: row[name] for name in kept} for row in rows[-60:]], "asked.csv")
    answers = tiny("predict", "rates", str(asked), "--json").data
    outcomes = [{"prediction_id": one["prediction_id"], "value": 99.0} for one in answers]
    (tiny.root / "told.json").write_text(json.dumps(outcomes))
    assert tiny("outcomes", "rates", "told.json").code == 0
    wrong = [{"night": "2024-01-01", "rooms": 1, "season": "low", "guest": GUESTS[0], "phone": f"{PHONE} or so"}]
    (tiny.root / "wrong.json").write_text(json.dumps(wrong))
    refused = tiny("predict", "rates", "wrong.json")
    assert refused.code == 2, refused
    assert tiny("monitors", "run", "rates").code == 0
    (tiny.root / "row.json").write_text(json.dumps([{name: rows[0][name] for name in kept}]))
    said = tiny("comments", "add", "version", "rates@1", "looks fine", "--json").data
    opened = tiny("incident", "open", "a spike", "--model", "rates", "--json").data
    return {
        "model": "rates",
        "comment": said["comment"]["id"],
        "incident": opened["id"],
        "run": run,
        "job": tiny("jobs", "--json").data[0]["id"],
        "snapshot": tiny("data", "rates", "--json").data[0]["id"],
        "prediction": answers[0]["prediction_id"],
        "release": tiny("releases", "--json").data[0]["id"],
        "alert": tiny("alerts", "--json").data[0]["id"],
    }


def by_hand(told: dict[str, str]) -> list[list[str]]:
    """Return what is asked beside the generated reads."""
    return [
        ["explain", "rates", "1", "--json"],
        ["explain", "rates", "1", "--row", "row.json", "--export", "why.svg"],
        ["explain", "rates", "1", "--row", "row.json", "--json"],
        ["runs", "fetch", told["run"], "evaluation.json"],
        ["reproduce", "rates", "1"],
        *(["show", kind, told[kind], "--json"] for kind in ("model", "run", "job", "release", "alert")),
        ["gc", "--dry-run", "--json"],
        ["check"],
    ]


def arguments(operation: Operation, told: dict[str, str]) -> list[str]:
    """Return what a read is asked with. A new verb whose words are not known here is added here."""
    known = {
        "model": "rates",
        "version": "1",
        "first": "rates@1",
        "second": "rates@1",
        "prediction_id": told["prediction"],
        "time": "2030-01-01",
        "kind": "version",
        "name": "local",
    }
    ids = {"runs": told["run"], "jobs": told["job"], "data": told["snapshot"], "show": "rates@1", "releases": "rates"}
    ids["lineage"] = "rates@1"
    ids["images"] = "sha256:0"  # there is none on a process host
    ids["schedules"] = "monitor:rates"
    ids["alerts"] = told["alert"]
    ids["erasures"] = "0"  # nobody was erased here
    ids |= {"comments": told["comment"], "incident": told["incident"]}
    found = []
    for field in dataclasses.fields(operation.request):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if not required or field.metadata.get("flag"):
            continue
        value: Any = known.get(field.name) or (
            ids.get(operation.words[0]) if field.name in ("id", "runs", "run") else None
        )
        assert value is not None, f"{operation.id}: what is {field.name} to be?"
        found += [value, value] if field.name == "runs" else [value]
    return found


def content_of_people(tiny: Tiny) -> set[str]:
    """Return the digits of content that holds people's values by what it is: data, rejected rows, fitted models."""
    import sqlite3

    with sqlite3.connect(tiny.root / ".modeldeck" / "registry.db") as registry:
        rows = registry.execute("SELECT hash FROM blob WHERE kind IN ('snapshot', 'segment', 'quarantine', 'model')")
        return {hash.removeprefix("sha256:") for (hash,) in rows}


def quiet(what: str, text: str) -> None:
    """Look that a text holds no personal value of the rows."""
    for found in RAW.finditer(text):
        made_up = found[0].isdecimal() and (int(found[0]) - PHONE) % APART
        assert made_up, (what, text[max(0, found.start() - 200) : found.end() + 50])


def test_a_value_that_is_told_is_found() -> None:
    quiet("a made-up number", f"phone {PHONE + 1}")
    for told in (f"phone={PHONE + 3 * APART},", f"Guest {GUESTS[2].lower()}"):
        with pytest.raises(AssertionError, match="leak"):
            quiet("leak", told)
