"""Lineage both ways, on a registry whose releases ran and whose answers are logged."""

from __future__ import annotations

import json

import pytest

from engine.access import Caller, Role
from engine.release import submit_promote
from engine.service.call import call
from engine.service.context import ServiceContext
from store import approvals, deployments, runs, snapshots, versions
from store.errors import Refused, UnknownName

MINTED = "01937d2e-0000-7000-8000-0000000000"


def lineage(stage, kind, id, **more):
    context = ServiceContext(stage.deck, Caller("user:anna", Role.VIEWER))
    return call(context, "lineage.show", {"kind": kind, "id": id, **more})


def tree(nodes):
    return [(one.depth, one.kind, one.id) for one in nodes]


@pytest.fixture(name="answered")
def log_of_answers(serving):
    """Three answers of v1, one refused request, one asked by tests, and an outcome of the first answer."""
    from engine.monitoring.outcomes import record

    deck = serving.deck
    one = next(each for each in deployments.deployments(deck.database) if each.version == 1)
    folder = deck.workspace.segments / "r1"
    folder.mkdir(parents=True)
    lines = [
        {
            "prediction_id": f"{MINTED}{number:02d}-0",
            "request_id": f"{MINTED}{number:02d}",
            "endpoint": "rates",
            "model": "rates",
            "version": 1,
            "deployment": one.id,
            "host": one.host,
            "kind": "direct" if number == 4 else "live",
            "client_id": f"modeldeck:tests:{number}"
            if number in (2, 4)
            else None,  # a live one is no test's, whoever says so
            "received_at": 0x01937D2E0000 * 1000 + number,
            "latency_us": 900,
            "status": 400 if number == 3 else 200,
        }
        for number in range(5)
    ]
    (folder / "0000000000000001-77-1.open").write_text("".join(json.dumps(line) + "\n" for line in lines))
    record(deck, "rates", [{"prediction_id": f"{MINTED}00-0", "value": 7.0}], "told.csv", "user:anna")
    return serving


def test_behind_a_version_stand_its_run_and_its_data_down_to_their_source(serving):
    found = lineage(serving, "version", "rates@2")
    version = versions.version(serving.deck.database, "rates", 2)
    assert tree(found.behind) == [
        (1, "run", version.run_id),
        (1, "snapshot", version.snapshot_id),
        (2, "source", "rows.csv"),
        (1, "settings", "1"),
        (1, "code", "sha256:bundle"),
        (1, "environment", "sha256:environment"),
    ]
    assert (found.after, found.detail) == ((), "challenger")


def test_an_alias_names_the_version_it_is_on(serving):
    assert lineage(serving, "version", "rates@champion").id == "rates@1"
    with pytest.raises(UnknownName, match="no alias 'chamion'"):
        lineage(serving, "version", "rates@chamion")


def test_what_came_of_a_version_ends_with_its_answers_and_their_outcomes(answered):
    found = lineage(answered, "version", "rates@1")
    assert [(one.depth, one.kind) for one in found.after] == [
        (1, "release"),
        (2, "endpoint"),
        (1, "predictions"),
        (2, "outcomes"),
    ]
    release, endpoint, predictions, outcomes = found.after
    assert release.detail == "promote, completed"
    assert (endpoint.id, endpoint.detail) == ("rates", "on local, weight 100 as champion")
    assert (predictions.rows, outcomes.rows) == (3, 1)  # no refused one, and none of tests


def test_what_used_a_source_and_a_snapshot(answered):
    version = versions.version(answered.deck.database, "rates", 1)
    after = lineage(answered, "snapshot", version.snapshot_id[:20]).after
    assert after[0].kind == "version"
    assert (1, "version", "rates@1") in tree(after)
    assert (2, "predictions", "rates@1") in tree(after)
    from_source = lineage(answered, "source", "rows.csv")
    assert {one.id for one in from_source.after if one.kind == "version"} == {"rates@1", "rates@2"}
    assert (2, "version", "rates@1") in tree(from_source.after)
    with pytest.raises(UnknownName, match=r"no source 'row\.csv'"):
        lineage(answered, "source", "row.csv")


def test_a_run_that_read_a_snapshot_and_made_nothing_used_it_all_the_same(serving):
    version = versions.version(serving.deck.database, "rates", 1)
    with serving.deck.database.write() as tx:
        run = runs.start_run(tx, experiment="rates", model="rates", kind="train", actor="user:ben")
        runs.set_snapshot(tx, run.id, version.snapshot_id)
        runs.finish_run(tx, run.id, "failed", "no columns")
    found = lineage(serving, "snapshot", version.snapshot_id)
    node = next(one for one in found.after if one.kind == "run")
    assert (node.id, node.depth, node.detail, node.actor) == (run.id, 1, "train, failed", "user:ben")
    assert tree(lineage(serving, "run", run.id[:-1]).behind) == [
        (1, "snapshot", version.snapshot_id),
        (2, "source", "rows.csv"),
    ]


def test_what_stands_behind_one_answer(answered):
    found = lineage(answered, "prediction", f"{MINTED}00-0")
    kinds = [(one.depth, one.kind) for one in found.behind]
    assert kinds[:4] == [(1, "deployment"), (1, "release"), (2, "version"), (3, "run")]
    assert (4, "source") in kinds
    assert [(one.kind, one.detail) for one in found.after] == [("outcome", "revision 1")]
    assert lineage(answered, "prediction", f"{MINTED}01-0").after == ()
    with pytest.raises(UnknownName, match="is on the log"):
        lineage(answered, "prediction", "nobody-0")


def test_behind_an_endpoint_stands_what_answers_there_now(answered):
    assert lineage(answered, "endpoint", "rates").behind[0].id == "rates@1"
    answered.run(submit_promote(answered.deck, "rates", 2, actor="user:anna"))
    assert [one.id for one in lineage(answered, "endpoint", "rates").behind if one.kind == "version"] == ["rates@2"]
    assert tree(lineage(answered, "endpoint", "rates").after)[0] == (1, "predictions", "rates@1")


def test_behind_a_release_stand_who_let_it_through_and_its_version(serving):
    done = serving.run(submit_promote(serving.deck, "rates", 2, actor="user:anna"))
    found = lineage(serving, "release", done.id[:16])
    assert (found.id, found.behind[0].id, found.behind[0].detail) == (done.id, "rates@2", "champion")
    assert next((one.kind, one.until_at) for one in found.after) == ("endpoint", None)


@pytest.mark.parametrize(("answer", "told"), [("granted", "granted by ben"), ("refused", "refused")])
def test_of_a_version_came_the_approvals_that_were_asked_for_it(serving, answer, told):
    bound = {"evidence_hash": "e", "settings_hash": "s", "champion_generation": 1}
    with serving.deck.database.write() as tx:
        asked = approvals.request(
            tx, model="rates", version=2, asked=1, role="approver", users=(), actor="user:anna", **bound
        )
        approvals.answer(tx, asked.id, answer, actor="user:ben")
    [node] = [one for one in lineage(serving, "version", "rates@2").after if one.kind == "approval"]
    assert (node.depth, node.id, node.detail, node.actor) == (1, asked.id, f"approval, {told}", "user:anna")
    assert [one for one in lineage(serving, "version", "rates@1").after if one.kind == "approval"] == []


def test_a_snapshot_that_two_models_share_tells_both(serving, stage_parts):
    version = versions.version(serving.deck.database, "rates", 1)
    first = snapshots.snapshot(serving.deck.database, version.snapshot_id)
    import dataclasses

    with serving.deck.database.write() as tx:
        tx.execute(
            "INSERT INTO model (name, task, owner, description, settings_revision, created_at)"
            " VALUES ('other', 'regression', '', '', 1, 0)"
        )
        snapshots.add_snapshot(tx, dataclasses.replace(first, model="other", origin="other.csv"), "user:anna")
    found = lineage(serving, "snapshot", version.snapshot_id)
    assert found.detail == "of other, rates"
    assert {one.id for one in found.behind} == {"rows.csv", "other.csv"}


def test_more_than_the_limit_is_left_out_and_counted(serving, add_version):
    for _ in range(3):
        add_version()
    newest = versions.version(serving.deck.database, "rates", 5)
    whole = [one.id for one in lineage(serving, "snapshot", newest.snapshot_id).after if one.kind == "version"]
    found = lineage(serving, "snapshot", newest.snapshot_id, limit=2)
    assert [one.id for one in found.after if one.kind == "version"] == whole[:2]
    assert found.left_out == len(whole) - 2 > 0
    with pytest.raises(Refused, match="--limit"):
        lineage(serving, "source", "rows.csv", limit=0)


def test_an_unknown_kind_names_the_closest(serving):
    with pytest.raises(Refused, match="did you mean 'version'"):
        lineage(serving, "versions", "rates@1")
