"""The whole loop from the command line, on a tiny deck with a real daemon, real servers and real traffic."""

from __future__ import annotations

import dataclasses
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

CONTRACT = json.loads((Path(__file__).parent.parent / "console" / "cli" / "contract.json").read_text("utf-8"))

READS = (
    "models",
    "versions rates",
    "aliases",
    "runs",
    "runs rates --trials",
    "endpoints",
    "deployments",
    "releases",
    "hosts",
    "monitors",
    "monitors windows rates",
    "alerts --all",
    "jobs",
    "schedules",
    "events",
    "pulse",
    "audit verify",
    "show model rates",
    "check",
    "doctor",
    "daemon status",
)


def test_the_loop(tiny) -> None:  # type: ignore[no-untyped-def]
    assert "400 rows, 4 columns from rates.csv" in tiny("check").out
    trained = tiny("train", "rates")
    first = tiny("versions", "rates", "--json").data[0]["number"]
    assert trained.out.startswith(f"rates@{first} trained")
    assert trained.out.endswith(f"next: modeldeck promote rates {first}\n")

    planned = tiny("promote", "rates", str(first), "--dry-run", "--json").data
    assert (planned["plan"]["kind"], planned["plan"]["to_version"], planned["blocked"]) == ("promote", first, "")
    fits(planned, CONTRACT["promote --dry-run"])
    assert tiny("endpoints", "--json").data == []
    promoted = tiny("promote", "rates", str(first), "--yes", "--json").data
    assert (promoted["state"], promoted["to_version"]) == ("completed", first)
    again = tiny("promote", "rates", str(first), "--yes")
    assert (again.code, again.out) == (0, f"already champion: rates v{first}\n")
    tried = tiny("promote", "rates", str(first), "--dry-run")
    assert (tried.code, tried.out) == (0, again.out)

    records = tiny("predict", "rates", str(tiny.asked(60)), "--json").data
    assert [set(record) for record in records] == [{"prediction_id", "value"}] * 60
    for record, row in zip(records, tiny.rows[-60:], strict=True):
        assert record["value"] == pytest.approx(row["price"], abs=30)
    told = [
        {"prediction_id": record["prediction_id"], "value": row["price"]}
        for record, row in zip(records, tiny.rows[-60:], strict=True)
    ]
    batches = tiny("outcomes", "rates", str(tiny.write_rows(told, "outcomes.csv")), "--json").data
    fits(batches, CONTRACT["outcomes"])
    assert [(batch["rows"], batch["unknown"]) for batch in batches] == [(60, 0)]
    assert tiny("monitors", "run", "rates", "--json").data["state"] == "succeeded"
    windows = tiny("monitors", "windows", "rates", "--json").data
    assert 20 <= sum(window["rows"] for window in windows) <= 60  # a span of time is judged once it is over
    assert {window["coverage"] for window in windows} == {1.0}
    assert all(window["metrics"]["mae"]["value"] < 30 for window in windows)

    second = tiny("train", "rates", "--json").data["result"]["version"]
    assert {alias["name"]: alias["version"] for alias in tiny("aliases", "--json").data} == {
        "champion": first,
        "challenger": second,
    }
    with traffic(tiny):
        released = tiny("promote", "rates", "--yes", "--json")
    fits(released.data, CONTRACT["promote"])
    assert released.data["state"] == "completed", released
    assert tiny.champion() == second
    back = tiny("rollback", "rates", "--yes")
    assert (back.code, back.out) == (0, f"rates@{first} serves again\n")
    assert tiny.champion() == first
    assert "name the version that should serve: modeldeck promote rates" in tiny("rollback", "rates", "--yes").refusal(
        2
    )

    actions = [event["action"] for event in tiny("events", "--json", "--limit", "500").data]
    for action in ("settings.applied", "version.registered", "release.requested", "outcomes.recorded"):
        assert action in actions
    tiny.intact()


def test_without_traffic_a_promotion_is_held_and_goes_on_only_with_a_reason(serving) -> None:  # type: ignore[no-untyped-def]
    champion = serving.champion()
    newer = serving("train", "rates", "--json").data["result"]["version"]
    held = serving("promote", "rates", "--yes", "--json")
    assert (held.code, held.out, held.error["code"]) == (7, "", "held")
    assert "0 of 20 live rows" in held.error["message"]
    assert serving.champion() == champion
    assert serving("releases", "--json").data[0]["state"] == "held"
    assert serving("releases", "pause", "rates").out == "already held: rates\n"
    assert "--reason" in serving("releases", "resume", "rates").refusal(2)
    resumed = serving("releases", "resume", "rates", "--reason", "a quiet night", "--json").data
    assert (resumed["state"], resumed["to_version"]) == ("completed", newer)
    assert serving.champion() == newer
    assert "a quiet night" in [event["reason"] for event in serving("events", "--json").data]
    serving.intact()


def test_changed_settings_are_deployed_to_the_champion_and_taken_back(serving) -> None:  # type: ignore[no-untyped-def]
    champion = serving.champion()
    assert serving("deploy", "rates", "--yes").out == f"already deployed: rates v{champion} runs as the settings say\n"
    file = serving.root / "models" / "rates.toml"
    written = file.read_text()
    file.write_text(written.replace("min_samples = 20", "min_samples = 20\nreplicas = 2"))
    serving("apply")
    assert serving("pulse", "--json").data["models"][0]["undeployed"] == ["deploy.replicas"]
    shown = serving("deploy", "rates", "--dry-run", "--json").data["plan"]
    assert shown["differences"] == [{"name": "deploy.replicas", "before": "1", "after": "2", "note": ""}]
    assert "was not confirmed" in serving("deploy", "rates").refusal(2)
    done = serving("deploy", "rates", "--yes", "--json", "--reason", "more room").data
    assert (done["kind"], done["state"], done["to_version"]) == ("deploy", "completed", champion)

    def ready() -> list[int]:
        return sorted(len(one["replicas"]) for one in serving("deployments", "--json").data)

    serving.wait(lambda: ready() == [1, 2])  # what was warm before the deploy is ended by the daemon, in its own time
    assert serving("pulse", "--json").data["models"][0]["undeployed"] == []
    assert serving("rollback", "rates", "--yes").out == f"rates@{champion} serves as before the deploy\n"
    assert serving.champion() == champion
    file.write_text(written)
    serving("apply")
    assert serving("deploy", "rates", "--yes").code == 0
    serving.intact()


def test_every_read_prints_the_fields_of_the_contract(serving) -> None:  # type: ignore[no-untyped-def]
    for line in READS:
        verb = " ".join(word for word in line.split()[:2] if f"{word}" not in ("rates", "model", "--all"))
        verb = verb if verb in CONTRACT else verb.split()[0]
        fits(serving(*line.split(), "--json").data, CONTRACT[verb], verb)


def test_refusals_have_their_exit_codes_and_say_json_where_asked(serving) -> None:  # type: ignore[no-untyped-def]
    for code, name, line in (
        (2, "usage", "promote"),
        (2, "usage", "promot rates"),
        (2, "usage", "models --nonsense"),
        (2, "refused", "endpoints stop rates"),  # dangerous, no terminal, no --yes
        (2, "refused", "aliases set rates champion 1"),
        (2, "refused", "predict rates nowhere.csv"),
        (3, "unknown_name", "versions nope"),
        (3, "unknown_name", "train nope"),
        (3, "unknown_name", "promote rates 99 --yes"),
        (3, "unknown_name", "show run 0000"),
        (3, "unknown_name", "jobs logs 0000"),
    ):
        said = serving(*line.split(), "--json")
        assert (said.code, said.out, said.error["code"]) == (code, "", name), said
        assert said.error["message"]
        serving(*line.split()).refusal(code)
    serving.intact()


def test_a_daemon_that_cannot_come_up_exits_four(serving, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    # No folder for the socket can be made in such a home.
    lone = dataclasses.replace(serving, root=tmp_path / "lone", home=Path("/dev/null"))
    assert serving("init", str(lone.root)).code == 0
    lone.write_model()
    lone.write_rows(lone.rows)
    said = lone("train", "rates", "--json")
    assert (said.code, said.out, said.error["code"]) == (4, "", "unavailable"), said
    assert "the daemon did not start" in said.error["message"]
    assert "daemon.log" in said.error["hint"]
    assert "Traceback" not in lone("train", "rates").refusal(4)
    assert lone("runs", "--json").data == []  # reading needs no daemon


def test_rows_of_the_training_file_are_predicted_and_explained_as_they_are(serving) -> None:  # type: ignore[no-untyped-def]
    whole = str(serving.write_rows(serving.rows[-1:], "whole.csv"))
    told = "not looked at: column price, which no version reads"
    predicted = serving("predict", "rates", whole)
    assert (predicted.code, predicted.err.splitlines()[0]) == (0, told)
    number = serving.champion()
    explained = serving("explain", "rates", str(number), "--row", whole)
    assert (explained.code, explained.err.splitlines()[-1]) == (0, told)


def test_daemon_verbs_say_already(serving) -> None:  # type: ignore[no-untyped-def]
    assert serving("daemon", "start").out == "already running: the daemon\n"
    before = serving("daemon", "status", "--json").data["pid"]
    assert serving("daemon", "restart").code == 0
    assert serving("daemon", "status", "--json").data["pid"] != before
    assert serving("predict", "rates", str(serving.asked(1)), "--json").code == 0


@contextmanager
def traffic(tiny: Any) -> Iterator[None]:
    """Ask the endpoint over HTTP, ten rows at a time, for as long as the body runs; no request may fail."""
    address = next(iter(tiny("endpoints", "--json").data[0]["addresses"].values()))
    kept = ("night", "rooms", "season")
    rows = [{name: row[name] for name in kept} for row in tiny.rows[-10:]]
    over, failures = threading.Event(), []

    def ask() -> None:
        request = urllib.request.Request(
            f"{address}/predict", json.dumps(rows).encode(), {"content-type": "application/json"}
        )
        try:
            while not over.wait(0.02):
                with urllib.request.urlopen(request, timeout=20) as answer:
                    assert len(json.load(answer)) > 0
        except Exception as error:
            failures.append(error)

    sender = threading.Thread(target=ask)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()
    assert failures == []


def fits(data: Any, shape: Any, where: str = "") -> None:
    """Look that JSON holds exactly the fields of a contract's shape, at every depth where there is one."""
    if data is None or shape is None:
        return
    if isinstance(shape, list):
        for item in data:
            fits(item, shape[0], where)
        return
    assert list(data) == list(shape), where
    for name, below in shape.items():
        fits(data[name], below, f"{where}.{name}")
