"""What should run where, what is seen of it, and what was routed when."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from store import deployments, events, models
from store.clock import FrozenClock
from store.database import Database
from store.errors import UnknownName
from store.ids import new_id
from store.rows import Deployment, Replica, Version

ANNA = "user:anna"


@pytest.fixture
def pair(database: Database, register: Callable[..., Version]) -> tuple[Deployment, Deployment]:
    """Two deployments of `rates` on this machine: version 1 and, beside it, version 2."""
    with database.write() as tx:
        register(tx)
        register(tx)
        deployments.ensure_endpoint(tx, "rates")
        made = [
            deployments.add_deployment(
                tx, endpoint="rates", host="local", version=version, role=role, settings_revision=1
            )
            for version, role in ((1, "champion"), (2, "challenger"))
        ]
    return made[0], made[1]


def entry(deployment: Deployment, weight: int) -> dict[str, Any]:
    return {
        "deployment_id": deployment.id,
        "version": deployment.version,
        "image": None,
        "weight": weight,
        "role": deployment.role,
    }


def test_endpoint_is_made_once_and_knows_its_champion_and_addresses(
    database: Database, pair: tuple[Deployment, Deployment]
) -> None:
    with database.write() as tx:
        models.set_alias(tx, "rates", "champion", 1, actor=ANNA)
        deployments.set_address(tx, "rates", "local", "http://127.0.0.1:1/rates")
        deployments.set_address(tx, "rates", "local", "http://127.0.0.1:2/rates")
        again = deployments.ensure_endpoint(tx, "rates")
    assert deployments.endpoints(database) == [again]
    assert (again.champion, again.addresses) == (1, {"local": "http://127.0.0.1:2/rates"})
    with pytest.raises(UnknownName) as told:
        deployments.endpoint(database, "rate")
    assert told.value.hint == "did you mean rates?"
    with pytest.raises(UnknownName, match="no model"), database.write() as tx:
        deployments.ensure_endpoint(tx, "nothing")


def test_desired_state_counts_its_changes(database: Database, pair: tuple[Deployment, Deployment]) -> None:
    with database.write() as tx:
        warm = deployments.set_desired(tx, pair[0].id, "warm", role="warm")
        same = deployments.set_desired(tx, pair[0].id, "warm")
    assert (warm.desired, warm.role, warm.generation) == ("warm", "warm", 2)
    assert same == warm


def test_ended_deployment_is_not_live_and_has_no_replicas(
    database: Database, pair: tuple[Deployment, Deployment], clock: FrozenClock
) -> None:
    replica = Replica(new_id(clock), pair[0].id, 1, "ready", 42, "boot:7", 8000, "", {"golden": "20 of 20"}, 1, 2)
    with database.write() as tx:
        deployments.put_replica(tx, replica)
        deployments.put_replica(tx, dataclasses.replace(replica, state="unready", observed_at=3))
        deployments.put_replica(tx, dataclasses.replace(replica, id=new_id(clock), deployment_id=pair[1].id))
    assert [one.state for one in deployments.replicas(database, pair[0].id)] == ["unready"]
    assert len(deployments.replicas(database)) == 2
    with database.write() as tx:
        stopping = deployments.set_desired(tx, pair[0].id, "stopped")
        assert stopping in deployments.deployments(tx, host="local")
        deployments.end_deployment(tx, pair[0].id)
    assert [one.version for one in deployments.deployments(database, endpoint="rates")] == [2]
    assert len(deployments.deployments(database, live_only=False)) == 2
    assert len(deployments.replicas(database)) == 1


def test_what_cannot_be_is_kept_out_by_the_schema(database: Database, pair: tuple[Deployment, Deployment]) -> None:
    for change in ("weight = 101", "desired = 'asleep'", "replicas = 0", "version = 9", "host = 'nowhere'"):
        with pytest.raises(sqlite3.IntegrityError), database.write() as tx:
            tx.execute(f"UPDATE deployment SET {change}")


def test_router_follows_generations_and_history_follows_the_router(
    database: Database, pair: tuple[Deployment, Deployment], clock: FrozenClock
) -> None:
    old, new = pair
    plans = [[entry(old, 100)], [entry(old, 90), entry(new, 10)], [entry(old, 0), entry(new, 100)]]
    times = []
    for number, entries in enumerate(plans, 1):
        clock.advance(60)
        with database.write() as tx:
            assert deployments.set_routes(tx, "rates", "local", entries) == number
        clock.advance(1)
        with database.write() as tx:
            deployments.acknowledge(tx, "rates", "local", number)
            times.append(tx.at)
    route = deployments.route(database, "rates", "local")
    assert route
    assert (route.desired_generation, route.applied_generation, route.applied_at) == (3, 3, times[2])
    spans = deployments.route_history(database, "rates")
    assert [(one.version, one.weight, one.from_at, one.to_at) for one in spans] == [
        (2, 100, times[2], None),
        (1, 0, times[2], None),
        (2, 10, times[1], times[2]),
        (1, 90, times[1], times[2]),
        (1, 100, times[0], times[1]),
    ]
    held = deployments.route_history(database, "rates", at_us=times[1] + 5)
    assert {one.version: one.weight for one in held} == {1: 90, 2: 10}


def test_span_of_an_unchanged_entry_goes_on(
    database: Database, pair: tuple[Deployment, Deployment], clock: FrozenClock
) -> None:
    old, new = pair
    with database.write() as tx:
        deployments.set_routes(tx, "rates", "local", [entry(old, 100)])
        deployments.acknowledge(tx, "rates", "local", 1)
    since = clock.now()
    clock.advance(60)
    with database.write() as tx:
        deployments.set_routes(tx, "rates", "local", [entry(old, 100), entry(new, 0)])
        deployments.acknowledge(tx, "rates", "local", 2)
    assert {(one.version, one.from_at) for one in deployments.route_history(database)} == {
        (1, since),
        (2, clock.now()),
    }


def test_same_entries_keep_their_generation(database: Database, pair: tuple[Deployment, Deployment]) -> None:
    with database.write() as tx:
        assert deployments.set_routes(tx, "rates", "local", [entry(pair[0], 100)]) == 1
        assert deployments.set_routes(tx, "rates", "local", [entry(pair[0], 100)]) == 1
    actions = [event.action for event in events.events(database, subject=("route", "rates:local"))]
    assert actions == ["route.desired"]


def test_late_acknowledgement_changes_nothing_and_a_made_up_one_is_refused(
    database: Database, pair: tuple[Deployment, Deployment]
) -> None:
    with database.write() as tx:
        for weight in (100, 50):
            deployments.set_routes(tx, "rates", "local", [entry(pair[0], weight)])
        deployments.acknowledge(tx, "rates", "local", 2)
        deployments.acknowledge(tx, "rates", "local", 1)
    assert [one.weight for one in deployments.route_history(database)] == [50]
    with pytest.raises(UnknownName, match="no generation 3"), database.write() as tx:
        deployments.acknowledge(tx, "rates", "local", 3)


def test_acknowledging_an_older_generation_writes_what_that_one_said(
    database: Database, pair: tuple[Deployment, Deployment]
) -> None:
    with database.write() as tx:
        for weight in (100, 50):
            deployments.set_routes(tx, "rates", "local", [entry(pair[0], weight)])
        deployments.acknowledge(tx, "rates", "local", 1)
    assert [one.weight for one in deployments.route_history(database)] == [100]
    assert [route.applied_generation for route in deployments.routes(database, "local")] == [1]


def test_stopped_endpoint_serves_again_with_its_next_traffic(
    database: Database, pair: tuple[Deployment, Deployment]
) -> None:
    with database.write() as tx:
        deployments.set_routes(tx, "rates", "local", [])
        stopped = deployments.stop_endpoint(tx, "rates", actor=ANNA, reason="season is over")
        assert stopped.stopped_at == tx.at
        assert deployments.stop_endpoint(tx, "rates", actor=ANNA) == stopped
        deployments.set_routes(tx, "rates", "local", [entry(pair[0], 100)])
    assert deployments.endpoint(database, "rates").stopped_at is None
