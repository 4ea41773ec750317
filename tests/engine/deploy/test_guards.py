"""What the applied settings and the keys say of an endpoint holds at its router, with no release."""

from __future__ import annotations

import hashlib
import stat
from typing import Any

from engine.deploy.asking import ask_endpoint
from engine.deploy.keys import endpoint_key
from engine.settings.model import DataSettings, DeckSettings, EndpointSettings, HostSettings, ModelSettings
from store import deployments, endpoint_keys, settings

ACTOR = "user:anna"
ROW = {"nights": 3, "price": 80.0}


def apply(world: Any, **endpoint: Any) -> None:
    data = DataSettings(source="rows.csv", target="y", time_column="arrives")
    model = ModelSettings("rates", "regression", data, endpoint=EndpointSettings(**endpoint))
    body = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": model}).to_body()
    with world.deck.database.write() as tx:
        settings.apply(tx, body, ACTOR, "")


def with_key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_keys_open_and_close_a_serving_endpoint(world: Any) -> None:
    world.serve()
    assert world.ask()[0] == 200
    apply(world, keys=True)
    world.until(lambda: world.ask()[0] == 401)
    with world.deck.database.write() as tx:
        digest = hashlib.sha256(b"mdk_abc").hexdigest()
        endpoint_keys.add(tx, "rates", "booking", digest, actor=ACTOR)
    world.until(lambda: world.ask(headers=with_key("mdk_abc"))[0] == 200)
    world.succeed()  # another daemon finds the guard standing
    world.tick()
    assert (world.ask()[0], world.ask(headers=with_key("mdk_abc"))[0]) == (401, 200)
    with world.deck.database.write() as tx:
        endpoint_keys.revoke(tx, "rates", "booking", actor=ACTOR)
    world.until(lambda: world.ask(headers=with_key("mdk_abc"))[0] == 401)
    apply(world)
    world.until(lambda: world.ask()[0] == 200)


def test_the_deck_asks_its_endpoints_with_a_key_of_its_own(world: Any) -> None:
    world.serve()
    apply(world, keys=True)
    world.until(lambda: world.ask()[0] == 401)
    folder = world.deck.workspace.keys
    key = endpoint_key(folder)
    assert stat.S_IMODE((folder / "endpoints").stat().st_mode) == 0o600
    answer = ask_endpoint(deployments.endpoint(world.deck.database, "rates"), [ROW], key)
    assert len(answer.records) == 1
    others = [path for path in world.deck.workspace.root.rglob("*") if path.is_file() and path.parent != folder]
    assert not any(key.encode() in path.read_bytes() for path in others)


def test_limits_hold_once_applied(world: Any) -> None:
    world.serve()
    apply(world, body_kb=1)
    world.until(lambda: world.ask([ROW] * 200)[0] == 413)
    assert world.ask()[0] == 200
    apply(world, requests_per_s=1)
    world.until(lambda: world.ask()[0] == 429)


def test_an_endpoint_whose_file_is_gone_keeps_its_guard(world: Any) -> None:
    world.serve()
    apply(world, keys=True)
    world.until(lambda: world.ask()[0] == 401)
    with world.deck.database.write() as tx:
        settings.apply(tx, DeckSettings("test", "UTC", (HostSettings("local"),), {}).to_body(), ACTOR, "")
    world.succeed()
    world.tick()
    assert world.ask()[0] == 401
