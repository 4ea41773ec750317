"""A champion is brought to the applied settings, host by host, and back again."""

from __future__ import annotations

import pytest
from deploy_world import WHO, World, kinds

from engine.deploy.images import debian
from engine.deploy.images.base import Base
from engine.deploy.images.layers import Entry, write_layer
from engine.deploy.images.places import layer_folder
from engine.release import (
    preview_deploy,
    preview_rollback,
    submit_deploy,
    submit_promote,
    submit_rollback,
)
from engine.settings.model import LogSettings
from store import deployments, events
from store.errors import Refused


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
