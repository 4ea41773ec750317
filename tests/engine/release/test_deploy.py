"""A champion is brought to the applied settings, host by host, and back again."""

from __future__ import annotations

import dataclasses
import json
from hashlib import sha256

import pytest

from engine.deploy.images import debian
from engine.deploy.images.base import Base
from engine.deploy.images.contents import server_layer
from engine.deploy.images.layers import Entry, write_layer
from engine.deploy.images.places import layer_folder
from engine.release import (
    abort,
    preview_deploy,
    preview_rollback,
    recover,
    resume,
    stop_endpoint,
    submit_deploy,
    submit_promote,
    submit_rollback,
)
from engine.settings.model import DeckSettings, DeploySettings, GateSettings, HostSettings, Limit, LogSettings
from store import deployments, events, faults, images, releases, settings
from store.database import Fence
from store.errors import LeaseLost, Refused, StaleBasis
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


def test_more_replicas_and_memory_are_new_servers_beside_the_old_which_stay_warm(world):
    world.apply("local", replicas=2, memory_mb=256)
    shown = preview_deploy(world.deck, world.stage.model)
    assert [(one.name, one.before, one.after) for one in shown.plan.differences] == [
        ("deploy.replicas", "1", "2"),
        ("deploy.memory_mb", "none", "256"),
    ]
    assert shown.plan.lines() == [
        "1. [local] image: not needed on a process host",
        "2. [local] shipping: not needed on a process host",
        "3. [local] start 2 servers of v1 beside those that serve",
        "4. [local] warm, and answer the golden requests as recorded, on every server",
        "5. [local] all traffic here to the new servers, watched for 10 s",
        "6. v1 stays champion, under settings 3",
        "7. drain the former servers and keep them warm",
        "8. record the evidence and the way back",
    ]
    done = world.deploy(basis=shown.basis, reason="more room")
    assert (done.kind, done.state, done.from_version, done.to_version) == ("deploy", "completed", 1, 1)
    assert world.live() == [("local", "warm", 1, 2), ("local", "serving", 2, 3)]
    assert world.routed("local") == [(3, 100)]
    assert world.stage.champion() == 1
    assert world.stage.version(1).abandoned_at is None
    assert all(sum(weight for _, weight in shares) == 100 for shares in world.stage.weights_seen)
    assert (
        preview_deploy(world.deck, world.stage.model).already == "already deployed: rates v1 runs as the settings say"
    )


def test_where_nothing_differs_nothing_is_written(world):
    before = events.verify(world.deck.database).verified
    world.apply("local", max_wait_s=77.0)  # how a release goes is no matter of its servers
    after_apply = events.verify(world.deck.database).verified
    assert submit_deploy(world.deck, world.stage.model, actor=WHO).kind == "promote"
    assert events.verify(world.deck.database).verified == after_apply > before


def test_what_the_log_keeps_is_a_setting_that_servers_start_with(world):
    world.apply("local", log=LogSettings(mode="best-effort"))
    names = [one.name for one in preview_deploy(world.deck, world.stage.model).plan.differences]
    assert names == ["log.mode"]


def test_a_new_host_gets_the_version_shipped_and_the_others_are_left_alone(world):
    world.apply("local", "far")
    done = world.deploy()
    assert (done.state, done.detail) == ("completed", "")
    assert kinds(world, done) == [
        *(("build", "far"), ("ship", "far"), ("start", "far"), ("proof", "far"), ("switch", "far")),
        *(("alias", None), ("drain", None), ("record", None)),
    ]
    assert world.built == ["far"]
    assert len(world.shipped) == 1
    assert world.live() == [("local", "serving", 1, 2), ("far", "serving", 1, 3)]
    assert (world.routed("local"), world.routed("far")) == ([(2, 100)], [(3, 100)])


def test_a_host_no_longer_named_is_emptied_last_and_is_no_address_any_more(world):
    world.apply("local", "far")
    world.deploy()
    with world.deck.database.write() as tx:
        for host in ("local", "far"):
            deployments.set_address(tx, "rates", host, f"http://{host}/rates")
    world.apply("far", replicas=2)
    done = submit_deploy(world.deck, world.stage.model, actor=WHO)
    served: list[tuple[bool, bool]] = []
    world.stage.on_sleep = lambda: served.append((bool(world.routed("local")), bool(world.routed("far"))))
    done = world.run(done)
    assert kinds(world, done)[-4:] == [("alias", None), ("leave", "local"), ("drain", None), ("record", None)]
    assert {far for _, far in served} == {True}
    assert served[0] == (True, True)
    assert world.live() == [("far", "warm", 1, 3), ("far", "serving", 2, 4)]
    assert world.routed("local") == []
    assert set(deployments.endpoint(world.deck.database, "rates").addresses) == {"far"}
    left = next(step for step in world.stage.steps(done) if step.kind == "leave")
    assert (left.state, left.observed["drained"]) == ("done", True)


def test_a_promotion_empties_a_host_no_longer_named_too(world, add_version):
    world.apply("local", "far")
    world.deploy()
    add_version()
    world.apply("far")
    done = world.run(submit_promote(world.deck, world.stage.model, 2, actor=WHO))
    assert (done.state, done.detail) == ("completed", "")
    assert ("leave", "local") in kinds(world, done)
    assert [host for host, desired, *_ in world.live() if desired == "serving"] == ["far"]
    assert world.routed("local") == []


def test_an_image_of_another_modeldeck_is_made_and_started_anew(world):
    world.apply("far")
    world.deploy()
    assert preview_deploy(world.deck, "rates").already
    world.server = "sha256:another"  # the image of what serves was made by it
    with world.deck.database.write() as tx:
        old = deployments.deployments(tx, endpoint="rates", host="far")[0]
        record = world.deck.artifacts.put_bytes(b'{"layers": [{"what": "server", "diff_id": "sha256:another"}]}')
        tx.execute("UPDATE image SET record_hash = :record WHERE id = :id", {"record": record, "id": old.image})
    told = preview_deploy(world.deck, "rates").plan.differences
    assert [(one.name, one.before) for one in told] == [("server on far", "of another modeldeck")]
    assert ("build", "far") in kinds(world, submit_deploy(world.deck, "rates", actor=WHO))


def test_a_base_made_anew_is_put_under_what_serves(world):
    workspace = world.deck.workspace

    def make_base(release: bytes) -> str:
        layer = write_layer(layer_folder(workspace), [Entry("etc/debian_version", release)])
        return debian.make_newest(workspace, Base("debian-bookworm", "3.11.2", (layer,), (), {})).label

    world.base = make_base(b"12.1")
    world.apply("far")
    world.deploy()
    assert preview_deploy(world.deck, "rates").already
    before, world.base = world.base, make_base(b"12.2")
    told = preview_deploy(world.deck, "rates").plan.differences
    assert [(one.name, one.before, one.after) for one in told] == [("base on far", before, world.base)]
    done = world.deploy()
    assert done.state == "completed"
    assert ("build", "far") in kinds(world, done)
    assert preview_deploy(world.deck, "rates").already


def test_rollback_of_a_deploy_is_a_route_change_to_the_servers_of_before(world):
    world.apply("local", replicas=2)
    deployed = world.deploy()
    shown = preview_rollback(world.deck, "rates")
    assert shown.plan.summary.endswith("a route change")
    assert {check.verdict for check in shown.plan.checks if check.name.startswith("golden")} == {"passed"}
    before = world.stage.clock.now()
    back = submit_rollback(world.deck, "rates", basis=shown.basis, actor=WHO)
    assert (back.state, world.stage.clock.now()) == ("completed", before)  # nothing was waited for
    assert world.routed("local") == [(2, 100)]
    world.run(back)
    assert world.live() == [("local", "serving", 1, 2)]
    assert world.stage.version(1).abandoned_at is None  # the version was not at fault
    assert world.stage.release(deployed).reverted_by == back.id
    with pytest.raises(Refused, match="nothing to go back to"):
        submit_rollback(world.deck, "rates", actor=WHO)
    assert preview_deploy(world.deck, "rates").already == ""  # the settings still say two


def test_rollback_of_a_deploy_starts_what_is_not_warm_as_it_was_and_empties_the_new_host(world):
    world.apply("far", memory_mb=300)
    world.deploy()
    world.apply("local", "far", replicas=3)
    moved = world.deploy()
    assert (moved.state, moved.detail) == ("completed", "")
    world.stage.stop_warm()
    back = submit_rollback(world.deck, "rates", actor=WHO)
    assert back.state == "pending"
    assert back.settings_revision == 3
    built = list(world.built)
    back = world.run(back)
    assert (back.state, back.detail) == ("completed", "")
    assert world.built == built  # the very image that ran, not a new one
    assert world.live() == [("far", "serving", 1, 3)]
    assert (world.routed("local"), world.routed("far")) == ([], [(3, 100)])


def test_after_a_deploy_two_rollbacks_lead_to_the_version_before(serving, model_settings):
    world = World(serving, model_settings)
    serving.run(submit_promote(serving.deck, "rates", 2, actor=WHO))
    world.apply("local", replicas=2)
    world.deploy()
    world.rollback()
    assert (serving.champion(), serving.version(2).abandoned_at) == (2, None)
    world.rollback()
    assert serving.champion() == 1
    assert serving.version(2).abandoned_at is not None


def test_a_deploy_of_a_version_that_was_left_is_not_taken_back_by_the_next_rollback(world, add_version):
    world.apply("local", replicas=2)
    world.deploy()
    add_version()
    world.run(submit_promote(world.deck, "rates", 2, actor=WHO))
    assert preview_rollback(world.deck, "rates").plan.to_version == 1
    world.rollback()
    assert world.stage.champion() == 1
    assert [row for row in world.live() if row[1] == "serving"] == [("local", "serving", 2, 3)]


def test_wrong_golden_answers_stop_it_and_the_former_servers_keep_the_traffic(world):
    world.apply("local", replicas=2)
    world.stage.disproved.add(1)
    done = world.deploy()
    assert (done.state, done.evidence["cause"]) == ("failed", "gate")
    assert world.live() == [("local", "serving", 1, 2)]
    assert world.routed("local") == [(2, 100)]


def test_gates_of_running_servers_are_asked_before_the_traffic(world):
    world.apply("local", memory_mb=80, gates=GateSettings(limits={"memory_mb": Limit(max=90.0)}))
    done = world.deploy()  # the stage's servers hold 100 MB
    assert (done.state, done.evidence["cause"]) == ("failed", "gate")
    assert "memory_mb" in done.detail
    assert set(world.stage.weights_seen) == {((1, 100),)}


def test_new_servers_that_end_under_traffic_are_taken_back(world):
    world.apply("local", memory_mb=64)
    release = submit_deploy(world.deck, "rates", actor=WHO)

    def killed() -> None:
        new = next(d for d in deployments.deployments(world.deck.database) if d.release_id == release.id)
        if world.routed("local") == [(3, 100)]:
            world.replica(new, "exited", world.stage.clock.now(), "killed for lack of memory, 64 MB")

    world.stage.on_sleep = killed
    done = world.run(release)
    assert (done.state, done.evidence["cause"]) == ("aborted", "harm")
    assert "lack of memory" in done.detail
    assert world.routed("local") == [(2, 100)]
    assert world.live() == [("local", "serving", 1, 2)]


def test_abort_in_the_middle_returns_every_host_to_its_former_servers(world):
    world.apply("local", "far")
    world.deploy()
    world.apply("local", "far", replicas=2)
    opened = submit_deploy(world.deck, "rates", actor=WHO)

    def stop_at_the_second_host() -> None:
        if world.routed("local") == [(4, 100)] and world.stage.release(opened).state == "running":
            far = [d for d in deployments.deployments(world.deck.database, host="far") if d.release_id == opened.id]
            if far:
                abort(world.deck, "rates", reason="enough", actor="user:bob")

    world.stage.on_sleep = stop_at_the_second_host
    ended = world.run(opened)
    ended = world.run(world.stage.release(ended))  # the job that finishes the rest
    assert ended.state == "aborted"
    assert (world.routed("local"), world.routed("far")) == ([(2, 100)], [(3, 100)])
    assert world.live() == [("local", "serving", 1, 2), ("far", "serving", 1, 3)]


def test_a_silent_host_holds_it_and_it_goes_on_from_there(world):
    world.apply("local", "far", replicas=2)
    opened = submit_deploy(world.deck, "rates", actor=WHO)
    with world.deck.database.write() as tx:
        faults.found(tx, "far", faults.CONNECTION, "no answer for 30 s")
    held = world.run(opened)
    assert (held.state, held.evidence["cause"]) == ("held", "no answer")
    assert world.routed("local") == [(2, 100)]
    with world.deck.database.write() as tx:
        faults.cleared(tx, faults.silent(tx, "far"), "it answers again")
    done = world.run(resume(world.deck, "rates", reason="it is back", actor="user:carla"))
    assert (done.state, done.detail) == ("completed", "")
    assert [row[:3] for row in world.live()] == [("local", "warm", 1), ("local", "serving", 2), ("far", "serving", 2)]


def test_killed_at_any_write_it_is_resumed_or_the_former_servers_serve(world):
    """Every fenced write of the release is one place to die at; whatever had been done, the next attempt ends well."""
    world.apply("local", "far")
    world.deploy()
    ended = set()
    for replicas in range(2, 40):
        world.apply("local", "far", replicas=replicas)
        release = submit_deploy(world.deck, "rates", actor=WHO)
        died = killed_after(world, release, replicas - 2)
        again = world.run(world.stage.release(release)) if died else world.stage.release(release)
        assert again.state == "completed", (replicas, again.detail)
        serving = [row for row in world.live() if row[1] == "serving"]
        assert [(host, count) for host, _, count, _ in serving] == [("local", replicas), ("far", replicas)]
        assert len(world.live()) == 4  # each host keeps its former servers warm, and nothing else
        ended.add(died)
        if not died:
            break
    assert ended == {True, False}
    assert events.verify(world.deck.database).ok


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


def test_a_deploy_whose_job_died_for_good_leaves_the_former_servers(world):
    from store import jobs

    world.apply("local", replicas=2)
    release = submit_deploy(world.deck, "rates", actor=WHO)
    assert killed_after(world, release, 6)
    with world.deck.database.write() as tx:
        job = jobs.job(tx, world.stage.release(release).job_id)
        jobs.finish(tx, job.id, job.attempt, "failed")
    failed = recover(world.deck)
    assert [(one.id, one.state) for one in failed] == [(release.id, "failed")]
    world.run(failed[0])
    assert world.routed("local") == [(2, 100)]
    assert world.live() == [("local", "serving", 1, 2)]


def test_what_was_looked_at_is_what_is_done(world):
    world.apply("local", replicas=2)
    shown = preview_deploy(world.deck, "rates")
    world.apply("local", replicas=3)
    with pytest.raises(StaleBasis):
        submit_deploy(world.deck, "rates", basis=shown.basis, actor=WHO)
    assert releases.active(world.deck.database, "rates") is None


def test_it_is_refused_where_it_cannot_be(world, add_version, model_settings):
    stop_endpoint(world.deck, "rates", actor=WHO)
    world.stage.reconcile()
    with pytest.raises(Refused, match="nothing of rates serves"):
        preview_deploy(world.deck, "rates")
    world.run(submit_promote(world.deck, "rates", 1, actor=WHO))
    add_version()
    world.apply("local", replicas=2)
    submit_promote(world.deck, "rates", 2, actor=WHO)
    assert "a release of rates is open" in preview_deploy(world.deck, "rates").blocked
    with pytest.raises(Refused, match="a release of rates is open"):
        submit_deploy(world.deck, "rates", actor=WHO)
    abort(world.deck, "rates", actor=WHO)
    world.apply("local", replicas=2, gates=GateSettings(approvals=2))
    with pytest.raises(Refused, match="asks for 2 approvals"):
        submit_deploy(world.deck, "rates", actor=WHO)


def test_a_model_that_never_served_is_promoted_not_deployed(stage):
    with pytest.raises(Refused, match="nothing of rates serves") as refused:
        preview_deploy(stage.deck, "rates")
    assert refused.value.hint == "give a version the traffic: modeldeck promote rates"
