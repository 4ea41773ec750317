"""What the gateway knows as a text, the runtime commands between two of them, and the configuration rendered of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.deploy.haproxy.config import Limits, Place, render
from engine.deploy.haproxy.state import SERVER, NoSlot, State, commands
from store.errors import Refused

PLACE = Place("/gateway/3")
names = st.text(min_size=1, max_size=12)


def entry(deployment: str, weight: int, role: str = "champion", version: int = 1) -> dict[str, Any]:
    return {"deployment_id": deployment, "version": version, "image": None, "weight": weight, "role": role}


def two() -> State:
    """Two deployments behind one endpoint."""
    state = State().add("old", ["10.0.0.2:80", "10.0.0.3:80"], 8).add("new", ["10.0.0.4:80"], 8)
    return state.apply("rates", 4, [entry("old", 90), entry("new", 10, "challenger", 2)], 8)


@given(st.dictionaries(names, st.integers(0, 100), max_size=5), names, st.integers(1, 2**40))
def test_any_name_survives_the_text(weights: dict[str, int], endpoint: str, generation: int) -> None:
    state = State().apply(endpoint, generation, [entry(name, weight) for name, weight in weights.items()], 8)
    state = state.shadowed(endpoint, "shadow,|%\n ;", 30, 8)
    text = state.to_text()
    assert State.from_text(text) == state
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~%,|")


def test_an_older_generation_changes_nothing_and_the_same_one_is_taken_again() -> None:
    state = two()
    assert state.apply("rates", 3, [entry("new", 100)], 8) == state
    again = state.apply("rates", 4, [entry("new", 100)], 8).endpoints["rates"]
    assert [one["deployment_id"] for one in again.entries] == ["new"]


def test_the_champion_lies_last_so_that_a_growing_share_only_takes_over() -> None:
    assert [one["role"] for one in two().endpoints["rates"].entries] == ["challenger", "champion"]


def test_a_slot_is_given_back_once_nothing_names_it() -> None:
    state = two().apply("rates", 5, [entry("old", 100)], 8)
    assert set(state.slots) == {"old", "new"}, "a warm deployment keeps its servers"
    assert set(state.add("new", [], 8).slots) == {"old"}
    assert set(two().add("new", [], 8).slots) == {"old", "new"}, "the endpoint still names it"
    assert state.add("new", [], 8).add("third", ["10.0.0.9:80"], 2).slots["third"].number == 1


def test_a_full_configuration_is_said_so() -> None:
    with pytest.raises(NoSlot):
        two().add("third", ["10.0.0.9:80"], 2)


def test_a_weight_ends_a_drain_and_a_second_drain_changes_nothing() -> None:
    drained = two().drain("old")
    assert drained.slots["old"].draining
    assert drained.drain("old") is drained
    assert drained.drain("never heard of") is drained
    assert not drained.apply("rates", 5, [entry("old", 1)], 8).slots["old"].draining
    assert drained.apply("rates", 5, [entry("old", 0)], 8).slots["old"].draining


@pytest.mark.parametrize(
    "address", ["", "localhost:80", "10.0.0.1", "10.0.0.1:80 weight 256", "10.0.0.1:80;del", "[::1]:80"]
)
def test_only_an_address_becomes_a_command(address: str) -> None:
    with pytest.raises(Refused, match="is no address"):
        State().add("d1", [address], 8)


def test_a_shadow_needs_its_endpoint() -> None:
    with pytest.raises(Refused, match="no endpoint 'rates'"):
        State().shadowed("rates", "d1", 10, 8)
    assert two().shadowed("rates", None, 10, 8).endpoints["rates"].percent == 0


def test_servers_come_before_the_routes_and_go_after_them() -> None:
    before = {"s0": {"10.0.0.2:80": False, "10.0.0.9:80": False}, "s1": {"10.0.0.4:80": True}}
    first, then = commands(two(), before)
    assert first == [
        f"add server s0/10.0.0.3:80 10.0.0.3:80 {SERVER}",
        "enable health s0/10.0.0.3:80",
        "enable server s0/10.0.0.3:80",
        "enable health s1/10.0.0.4:80",
        "enable server s1/10.0.0.4:80",
    ]
    gone = "s0/10.0.0.9:80"
    assert then == [f"disable health {gone}", f"set server {gone} state maint", f"del server {gone}"]
    assert commands(two(), {"s0": {"10.0.0.2:80": False, "10.0.0.3:80": False}, "s1": {"10.0.0.4:80": False}}) == (
        [],
        [],
    )


def test_equal_states_render_equal_bytes_with_every_server_in_its_slot() -> None:
    limits = Limits(slots=3)
    text = render(two(), limits, PLACE)
    assert text == render(State.from_text(two().to_text()), limits, PLACE)
    blocks = text.split("\nbackend ")[1:]
    assert [block.count("  server ") for block in blocks] == [3, 2, 1]
    assert f"  server 10.0.0.4:80 10.0.0.4:80 {SERVER}\n" in blocks[1]
    assert all(block.rstrip().endswith("\n  server again unix@/gateway/3/again.sock backup") for block in blocks)


def test_limits_reach_the_configuration() -> None:
    text = render(State(), Limits(connections=77, connections_per_client=5, requests_per_10s=9, answer_s=4), PLACE)
    for line in (
        "  maxconn 77\n",
        "  tcp-request connection reject if { sc0_conn_cur gt 5 }\n",
        "if { sc0_http_req_rate gt 9 }\n",
        "  timeout server 4s\n",
    ):
        assert line in text
    assert "stick-table" not in render(State(), Limits(connections_per_client=0), PLACE)


def test_slots_alone_ask_for_no_replacement() -> None:
    assert Limits(slots=8).digest() == Limits(slots=16).digest() != Limits(answer_s=3).digest()
