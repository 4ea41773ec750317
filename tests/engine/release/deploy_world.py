"""The stage with a second, Docker host, and a champion that serves."""

from __future__ import annotations

import dataclasses
import json
from hashlib import sha256

import pytest

from engine.deploy.images.contents import server_layer
from engine.release import (
    submit_deploy,
    submit_promote,
    submit_rollback,
)
from engine.settings.model import DeckSettings, DeploySettings, GateSettings, HostSettings, LogSettings
from store import deployments, images, settings
from store.database import Fence
from store.errors import LeaseLost
from store.rows import Replica

WHO = "user:anna"


HOSTS = (HostSettings("local"), HostSettings("far", "docker", "unix:///nowhere.sock", 9000))


class World:
    """The stage with a second host, whose images are rows of the registry."""

    def __init__(self, stage, body) -> None:
        self.stage, self.deck, self.body = stage, stage.deck, body
        self.server = server_layer(stage.deck.workspace).diff_id
        self.base = "test"
        self.built: list[str] = []
        self.shipped: list[str] = []

    def apply(self, *hosts: str, **changes) -> int:
        """Apply settings of the model: its hosts, and what else of [deploy] differs from `quick`."""
        log = changes.pop("log", LogSettings())
        gates = changes.pop("gates", GateSettings())
        body = self.body(deploy=DeploySettings(hosts=hosts, min_samples=0, **changes), log=log, gates=gates)
        deck = DeckSettings("test", "UTC", HOSTS, {body.name: body})
        with self.deck.database.write() as tx:
            return settings.apply(tx, deck.to_body(), WHO, "")[0].revision

    def build(self, work, version, host, _say):
        record = {"layers": [{"what": "server", "diff_id": self.server}]}
        digest = "sha256:" + sha256(f"{version.number} {self.server} {self.base}".encode()).hexdigest()
        self.built.append(host)
        with work.deck.database.write() as tx:
            return images.add_image(
                tx,
                model=version.model,
                version=version.number,
                base=self.base,
                contract=1,
                platform="linux/amd64",
                digest=digest,
                size_bytes=1,
                record_hash=self.deck.artifacts.put_bytes(json.dumps(record).encode()),
                actor=WHO,
            )[0]

    def ship(self, _work, digest, _host, _say):
        self.shipped.append(digest)
        return {"bytes_sent": 0, "whole": False, "already": False}

    @property
    def instruments(self):
        return dataclasses.replace(self.stage.instruments, build=self.build, ship=self.ship)

    def run(self, release):
        return self.stage.run(release, instruments=self.instruments)

    def deploy(self, **more):
        return self.run(submit_deploy(self.deck, self.stage.model, actor=WHO, **more))

    def rollback(self):
        return self.run(submit_rollback(self.deck, self.stage.model, actor=WHO))

    def live(self):
        """What is to run: (host, desired, replicas, settings revision), oldest first."""
        rows = deployments.deployments(self.deck.database, endpoint=self.stage.model)
        return [(d.host, d.desired, d.replicas, d.settings_revision) for d in reversed(rows) if d.desired != "stopped"]

    def routed(self, host):
        """Who gets traffic on a host: the settings revision of its servers, with the weight."""
        route = deployments.route(self.deck.database, self.stage.model, host)
        rows = {d.id: d for d in deployments.deployments(self.deck.database, live_only=False)}
        found = route.entries if route else ()
        return [(rows[one["deployment_id"]].settings_revision, one["weight"]) for one in found if one["weight"]]

    def replica(self, deployment, state, started_at, detail=""):
        """Write what is seen of a server."""
        row = Replica(f"{deployment.id}-1", deployment.id, 1, state, 1, "b:1", 5, detail, {}, started_at, started_at)
        with self.deck.database.write() as tx:
            deployments.put_replica(tx, row)


@pytest.fixture(name="world")
def world_with_a_champion(stage, model_settings):
    """v1 serves on `local` under revision 2, the settings of revision 1 being the stage's own."""
    made = World(stage, model_settings)
    assert made.apply("local") == 2
    assert made.run(submit_promote(stage.deck, stage.model, 1, actor=WHO)).state == "completed"
    assert made.live() == [("local", "serving", 1, 2)]
    return made


def kinds(world, release):
    return [(step.kind, step.host) for step in world.stage.steps(release)]


def killed_after(world, release, writes: int) -> bool:
    """Run a release's job and have it lose its lease after so many writes; says whether it came to that."""
    from engine.release import run_release
    from store import jobs

    fence: Fence = world.stage.fence_of(release)
    database, left = world.deck.database, [writes]
    real = database.write

    def write(given=None, **more):
        if given == fence:
            left[0] -= 1
            if left[0] < 0:
                raise LeaseLost("killed here")
        return real(given, **more)

    object.__setattr__(database, "write", write)
    try:
        run_release(world.deck, release.id, fence=fence, clock_sleep=world.stage.sleep, instruments=world.instruments)
        with real() as tx:
            jobs.finish(tx, fence.job_id, fence.attempt, "succeeded")
    except LeaseLost:
        return True
    finally:
        object.__delattr__(database, "write")
    return False
