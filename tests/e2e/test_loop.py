"""The loop whole, by the real daemon: harm in the data, an alert, a signed message of it, a training, its evidence."""

from __future__ import annotations

import datetime
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moving_traffic import START, Traffic
from tiny_deck import MODEL, Tiny

pytestmark = pytest.mark.e2e

SECRET = b"8f0c2a51d3e64b7f"
RETRAIN = """
[retrain]
on = ["drift"]
cooldown = "1s"
"""
NOTIFY = """
[notify.pipeline]
kind = "webhook"
url = "http://127.0.0.1:{port}/hook"
secret = "file:secrets/hook"
on = ["alert.opened", "version.registered"]
"""
GUIDE = Path(__file__).parents[2] / "docs" / "notifications.md"


@pytest.fixture(name="verify")
def verification_as_documented() -> Any:
    """The function that the guide gives to whoever receives messages."""
    block = re.search(r"<!-- verify: run by the tests -->\n```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    known: dict[str, Any] = {}
    exec(block[1], known)
    return known["verify"]


@pytest.fixture(name="inbox")
def receiver_of_messages() -> Iterator[tuple[int, list[tuple[Any, bytes]]]]:
    """A program that takes messages: its port, and the headers and body of each."""
    got: list[tuple[Any, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port, got
    server.shutdown()
    server.server_close()


def told_of(got: list[tuple[Any, bytes]], action: str) -> list[tuple[Any, bytes, dict[str, Any]]]:
    """Return the messages of an event, with the event."""
    bodies = [(headers, body, json.loads(body)["events"][0]) for headers, body in got]
    return [one for one in bodies if one[2]["event"] == action]


def test_harm_is_told_with_a_signature_and_answered_by_a_training_with_its_evidence(
    tiny: Tiny, inbox: Any, verify: Any
) -> None:
    port, got = inbox
    (tiny.root / "secrets").mkdir()
    (tiny.root / "secrets/hook").touch(mode=0o600)
    (tiny.root / "secrets/hook").write_bytes(SECRET)
    (tiny.root / "deck.toml").write_text((tiny.root / "deck.toml").read_text() + NOTIFY.format(port=port))
    tiny.write_model(MODEL + RETRAIN)
    assert tiny("train", "rates", "--json").data["result"]["version"] == 1
    assert tiny("promote", "rates", "1", "--yes").code == 0
    traffic = Traffic(tiny)
    for _ in range(3):
        traffic.window()
    assert tiny("alerts", "--all", "--json").data == []
    assert told_of(got, "alert.opened") == []

    # the world moves: what is asked, what comes true, and, later, what the source holds
    late = [{**row, "price": row["price"] * 1.5, "night": _after(row["night"])} for row in tiny.rows[-120:]]
    tiny.write_rows([*tiny.rows, *late])
    traffic.window(bad=True)

    [alert] = [one for one in tiny("alerts", "--all", "--json").data if one["kind"] == "drift"]
    tiny.wait(lambda: any(one[2]["details"]["key"] == alert["key"] for one in told_of(got, "alert.opened")))
    headers, body, event = next(one for one in told_of(got, "alert.opened") if one[2]["subject"]["id"] == alert["id"])
    assert verify(headers, body, SECRET) == headers["X-Modeldeck-Id"]
    with pytest.raises(ValueError, match="not signed with this secret"):
        verify(headers, body, b"another secret")
    with pytest.raises(ValueError, match="not signed with this secret"):
        verify(headers, body.replace(b"rates", b"rules"), SECRET)
    assert (event["model"], event["severity"]) == ("rates", alert["severity"])

    job = tiny.wait(
        lambda: next(
            (one for one in tiny("jobs", "--json").data if one["actor"] == "trigger:retrain:rates" and one["ended_at"]),
            None,
        )
    )
    assert (job["state"], job["result"]["version"]) == ("succeeded", 2)
    why = job["args"]["why"]
    assert why["trigger"] == "drift"
    assert alert["id"] in json.dumps(why["evidence"])
    run = tiny("show", "run", job["result"]["run_id"], "--json").data["body"]
    assert json.loads(run["tags"]["evidence"]) == why["evidence"]
    assert "drift" in tiny("jobs", "show", job["id"]).out

    tiny.wait(lambda: any(one[2]["subject"]["id"] == "rates@2" for one in told_of(got, "version.registered")))
    for headers, body, _ in told_of(got, "version.registered"):
        assert verify(headers, body, SECRET)
    assert (tiny.champion(), tiny("models", "--json").data[0]["challenger"]) == (1, 2)
    after = tiny("monitors", "why-not", "rates", "--json").data
    assert (after["trains"], after["last_job_id"]) == (False, job["id"])
    delivered = tiny("notifications", "--json").data
    assert {one["state"] for one in delivered} == {"delivered"}
    tiny.intact()


def _after(night: str) -> str:
    """Return a night as long after what training knew as the traffic is."""
    return (datetime.datetime.fromisoformat(night) + (START - datetime.datetime(2024, 3, 1))).isoformat()
