"""Servers that run while a person's golden requests are erased: which take the new ones up, and which are told of."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from stays_deck import Stays

from engine.access import Caller, Role
from engine.deploy.stage import stage
from engine.governance.erasing.derived import servers, stale_servers
from engine.governance.erasing.run import run
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.serving.seal import SIGNERS
from engine.serving.server import golden_now
from store import access_log, erasures, images, seals
from store.errors import UnknownName

ANNA = "user:anna"


def test_a_server_that_runs_takes_up_the_golden_requests_without_the_person(
    make_stays: Callable[..., Stays], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_stays()
    folder = stage(made.deck, made.versions[0], made.settings)
    monkeypatch.setenv(SIGNERS, ",".join(seals.signers(made.deck.database)))
    before = json.loads((folder / "golden.json").read_bytes())
    assert "Zoltan" in {request["guest"] for request in before["requests"]}
    assert golden_now(folder, before) is before
    run(made.deck, made.begin("guest=Zoltan"), actor=ANNA)
    after = golden_now(folder, before)
    assert after["requests"]
    assert "Zoltan" not in {request["guest"] for request in after["requests"]}
    # half rewritten, or by somebody else's hand: what was proven goes on
    (folder / "golden.json").write_text(json.dumps(before))
    assert golden_now(folder, after) is after
    (folder / "golden.json").write_text("{")
    assert golden_now(folder, after) is after


def test_a_look_that_found_nobody_is_in_the_access_log(make_stays: Callable[..., Stays]) -> None:
    deck = make_stays().deck
    admin = ServiceContext(deck, Caller(ANNA, Role.ADMIN))
    with pytest.raises(UnknownName, match="no row by that guest"):
        call(admin, "erasures.plan", {"person": ["guest=Nobody"], "reason": "request 12"})
    [line] = [
        json.loads(line)
        for path in access_log.days(deck.workspace.access_log)
        for line in path.read_text("utf-8").splitlines()
        if "erasures.plan" in line
    ]
    assert (line["actor"], line["columns"], line["told"]) == (ANNA, ["guest"], "sought")
    assert "Nobody" not in str(line)


def test_servers_are_told_apart_by_how_they_come_by_the_new_golden_requests(make_stays: Callable[..., Stays]) -> None:
    made = make_stays()
    deck = made.deck
    with deck.database.write() as tx:
        tx.execute("INSERT INTO endpoint (name, model, created_at) VALUES ('rates', 'rates', 1)", {})
        tx.execute(
            "INSERT INTO host (name, kind, address, settings_revision, added_at) VALUES ('dock', 'docker', '', 1, 1)",
            {},
        )
        row, _ = images.add_image(
            tx,
            model="rates",
            version=1,
            base="b",
            contract=1,
            platform="p",
            digest=f"sha256:{'d' * 64}",
            size_bytes=1,
            record_hash="",
            actor=ANNA,
        )
        for host, image in (("local", None), ("dock", row.id)):
            tx.execute(
                "INSERT INTO deployment (id, endpoint, host, model, version, image, role, desired, weight, replicas,"
                " generation, settings_revision, created_at) VALUES (:host, 'rates', :host, 'rates', 1, :image,"
                " 'champion', 'serving', 100, 1, 1, 1, 1)",
                {"host": host, "image": image},
            )
    assert servers(deck.database, {"rates@2"}) == ()
    assert set(servers(deck.database, {"rates@1"})) == {
        "rates@1 on local takes up the new golden requests with its next proof, within a minute",
        "rates@1 on dock keeps its former golden requests until modeldeck deploy rates replaces it",
    }
    deck.clock.advance(60)  # type: ignore[attr-defined]
    done = run(deck, made.begin("guest=Zoltan"), actor=ANNA)
    items = erasures.items(deck.database, done.id)
    assert stale_servers(deck.database, items) == (
        "rates@1 on dock answers from an image with its former golden requests",
    )
