"""Every event a target is to be told of becomes one notification: none lost, none twice, in order, whatever dies."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from engine.jobs.notifying import outbox as outbox_module
from engine.jobs.processes import is_alive
from engine.jobs.worker import Worker
from engine.settings.notify import DEFAULT_ON, EVENTS
from store import deployments, events, jobs, notifying, releases, runs, settings, snapshots, versions
from store.artifacts import hash_bytes
from store.rows import Snapshot

ROOT = Path(__file__).parents[4]


def titles(post, **narrowed):
    return [one.title for one in post.log(**narrowed)]


def test_each_event_is_told_once_however_often_the_record_is_read(post, hook, receiver):
    post.settings(hook() + hook("other", on=["alert.opened"]))
    post.alert("a")
    for _ in range(3):
        post.read_on()
    assert [(one.target, one.event) for one in post.log()] == [("hook", "alert.opened"), ("other", "alert.opened")]
    seq = post.log()[0].event_seq
    with post.deck.database.write() as tx:  # a cursor that lost its last move
        notifying.move_cursor(tx, seq - 1, settings.newest(tx))
    post.read_on()
    assert len(post.log()) == 2


def test_nothing_is_lost_and_all_is_in_order_where_the_daemon_was_away(post, hook, receiver):
    post.settings(hook(per_minute=600))
    post.read_on()
    for number in range(40):
        post.alert(f"key{number:02}")
    post.send_until_done()
    told = [json.loads(one.body)["events"][0]["title"] for one in receiver.got]
    assert told == [f"rates: key{number:02} drifted" for number in range(40)]
    assert [one.state for one in post.log()] == ["delivered"] * 40


@pytest.mark.parametrize("state", ["failed", "held", "aborted"])
@pytest.mark.parametrize(
    ("on", "told"),
    [(list(DEFAULT_ON), "release"), (["job.failed"], "job"), (["job.*", "release.*"], "release")],
    ids=["usual", "jobs only", "both"],
)
def test_release_that_does_not_complete_is_told_once(post, hook, state, on, told):
    """By its own event where the target is told of releases, else by its job's; any other job that fails by its own."""
    post.settings(hook(on=on))
    with post.deck.database.write() as tx:
        taken = Snapshot(hash_bytes(b"rows"), "rates", 10, (), "at", 0, 9, "rows.csv", 99, tx.at)
        snapshot_id = snapshots.add_snapshot(tx, taken, "user:anna").id
        run = runs.start_run(tx, model="rates", actor="user:anna", settings_revision=1, snapshot_id=snapshot_id)
        versions.register(
            tx, model="rates", run_id=run.id, snapshot_id=snapshot_id, settings_revision=1, bundle_hash="b",
            environment_hash="e", artifact_hash=hash_bytes(b"a"), artifact_bytes=9, golden_hash="g", signature={},
            decision={}, evaluation={"metric": "mae"}, estimator="sklearn.linear_model.Ridge", actor="user:anna",
        )  # fmt: skip
        deployments.ensure_endpoint(tx, "rates")
        made = {"endpoint": "rates", "settings_revision": 1, "actor": "user:anna", "from_version": None}
        release = releases.open_release(tx, kind="promote", to_version=1, **made)
        for kind, args in (("release", {"release_id": release.id}), ("train", {})):
            job = jobs.enqueue(tx, kind=kind, actor="user:anna", model="rates", args=args)
            claimed = jobs.claim(tx, job.id)
            if kind == "release":
                releases.set_state(tx, release.id, "running")
                releases.set_state(tx, release.id, state)
            jobs.finish(tx, job.id, claimed.attempt, "failed", reason="the gate said no", exit_code=5)
    post.read_on()
    ends = [f"release.{state}" if told == "release" else "job.failed", "job.failed"]
    assert [one.event for one in post.log() if one.event in ends] == ends


def test_target_is_told_of_what_happened_under_its_settings_only(post, hook):
    post.settings("")
    post.alert("before")
    post.settings(hook())
    post.alert("during")
    post.settings("")
    post.alert("after")
    post.settings(hook(on=["release.*"]))
    post.alert("not asked for")
    post.read_on()
    assert titles(post) == ["rates: during drifted"]


def test_a_registry_that_never_told_anybody_is_not_told_from_its_beginning(post, hook, monkeypatch):
    post.settings("")
    post.alert("old")
    post.read_on()
    post.settings(hook())
    post.read_on()
    assert post.log() == []
    seq, revision = notifying.cursor(post.deck.database)
    assert (seq, revision) == (events.head(post.deck.database), settings.newest(post.deck.database))


def test_cursor_keeps_up_where_nobody_is_told(post, monkeypatch):
    monkeypatch.setattr(outbox_module, "KEEP_UP", 3)
    post.settings("")
    for number in range(5):
        post.alert(f"{number}")
    post.read_on()
    assert notifying.cursor(post.deck.database)[0] == events.head(post.deck.database)


def test_models_severity_and_events_narrow_what_is_told(post, hook):
    post.settings(hook("bad", severity="critical") + hook("rates", models=["rates"]) + hook("jobs", on=["job.failed"]))
    post.alert("a", "warning")
    post.alert("b", "critical")
    with post.deck.database.write() as tx:
        for state in ("failed", "succeeded", "abandoned"):
            job = jobs.claim(tx, jobs.enqueue(tx, kind="ingest", model="rates", actor="user:anna").id)
            if state == "abandoned":
                jobs.abandon(tx, job.id, "killed by SIGKILL")
            else:
                jobs.finish(tx, job.id, 1, state, reason="no such file" if state == "failed" else "")
    post.read_on()
    assert sorted((one.target, one.title) for one in post.log()) == [
        ("bad", "rates: b drifted"),
        ("jobs", "rates: ingest job failed (killed by SIGKILL)"),
        ("jobs", "rates: ingest job failed (no such file)"),
        ("rates", "rates: a drifted"),
        ("rates", "rates: b drifted"),
    ]


def test_an_end_of_a_critical_alert_is_as_severe_as_it_was(post, hook):
    from store import alerts

    post.settings(hook(severity="critical"))
    alert = post.alert("a", "critical")
    with post.deck.database.write() as tx:
        alerts.resolve(tx, alert.id, "user:anna")
    post.read_on()
    assert titles(post) == ["rates: a drifted", "rates: resolved: a drifted"]


def test_what_is_seen_in_maintenance_is_told_once_it_opens_and_not_before(post, hook):
    from store import alerts, maintenance

    post.settings(hook(on=["alert.*"]))
    with post.deck.database.write() as tx:
        maintenance.begin(tx, "rates", tx.at + 3_600_000_000, actor="user:anna", reason="new host")
    gone = post.alert("a")
    post.alert("b")
    with post.deck.database.write() as tx:
        alerts.resolve(tx, gone.id, "trigger:monitor:rates")
        maintenance.end(tx, "rates", actor="user:anna")
    post.read_on()
    assert titles(post) == []
    with post.deck.database.write() as tx:
        alerts.come_back(tx, "trigger:alerts")
    post.read_on()
    assert titles(post) == ["rates: b drifted (the maintenance is over)"]


def test_sending_is_never_told_of(post, hook, receiver, answering, monkeypatch):
    monkeypatch.setattr(notifying, "MOST_ATTEMPTS", 1)
    receiver.answers.append(answering(500))
    post.settings(hook(on=["alert.*", "job.failed", "job.succeeded", "job.cancelled"]))
    post.alert("a")
    post.send_until_done()
    with post.deck.database.write() as tx:
        lost = jobs.claim(tx, jobs.enqueue(tx, kind="notify", actor="trigger:notify", args={"target": "hook"}).id)
        jobs.finish(tx, lost.id, 1, "failed", reason="made up")
    for _ in range(3):
        post.send()
    assert [(one.event, one.state) for one in post.log()] == [("alert.opened", "failed")]


def test_ten_alerts_at_once_are_one_message_with_a_count(post, hook, receiver):
    post.settings(hook(per_minute=3))
    for number in range(10):
        post.alert(f"key{number}", "critical" if number in (3, 7) else "warning")
    post.send()
    (got,) = receiver.got
    told = json.loads(got.body)
    assert (told["count"], len(told["events"]), told["severity"]) == (10, 10, "critical")
    assert told["title"] == "[test] 10 events, 2 critical: 10 alert.opened"
    first, *others = post.log()
    assert first.state == "delivered"
    assert {(one.state, one.merged_into) for one in others} == {("merged", first.id)}


def test_what_is_more_than_the_rate_waits_for_the_minute_to_pass(post, hook, receiver):
    post.settings(hook(per_minute=3))
    for number in range(3):
        post.alert(f"early{number}")
        post.send()
    for number in range(7):
        post.alert(f"late{number}")
        assert post.send() == []
    assert len(receiver.got) == 3
    with post.deck.database.write() as tx:  # the minute has passed
        tx.execute("UPDATE notification SET attempted_at = attempted_at - 61000000 WHERE attempted_at IS NOT NULL")
    post.send()
    assert [json.loads(one.body)["count"] for one in receiver.got] == [1, 1, 1, 7]


def test_message_shows_the_worst_fifty_and_counts_all(post, hook, receiver):
    post.settings(hook(per_minute=1))
    for number in range(70):
        post.alert(f"key{number:02}", "critical" if number >= 60 else "warning")
    post.send()
    told = json.loads(receiver.got[0].body)
    assert (told["count"], len(told["events"])) == (70, 50)
    assert sum(one["severity"] == "critical" for one in told["events"]) == 10
    assert [one["seq"] for one in told["events"]] == sorted(one["seq"] for one in told["events"])


def test_what_waits_for_a_target_that_is_gone_is_ended(post, hook):
    post.settings(hook())
    post.alert("a")
    post.read_on()
    post.settings("")
    with post.deck.database.write() as tx:
        for job in jobs.queued(tx):
            jobs.request_cancel(tx, job.id)
    post.read_on()
    (row,) = post.log()
    assert (row.state, row.error) == ("cancelled", "the settings name this target no more")


@pytest.fixture
def worker(post):
    made = Worker(post.deck)
    yield made
    for watched in made._watched.values():
        if watched.process is not None:
            os.killpg(watched.process.pid, signal.SIGKILL)
            watched.process.wait()


def test_sender_killed_between_sending_and_recording_sends_the_same_again(
    post, hook, receiver, worker, until, answering
):
    """A real process, killed while the receiver has the message and has not answered yet."""

    def kill_it(_handler):
        (job,) = jobs.running(post.deck.database)
        os.kill(job.pid, signal.SIGKILL)
        until(lambda: not is_alive(job.pid, job.pid_started))

    receiver.answers.append(kill_it)
    post.settings(hook(timeout="1s"))
    post.alert("first")
    post.alert("second")

    def over():
        post.outbox.tick()
        worker.tick()
        told = [one.state for one in post.log()]
        return told == ["delivered"] * 2 and worker.running == 0

    until(over, 60.0)
    ids = [one.headers["X-Modeldeck-Id"] for one in receiver.got]
    first, second = post.log()
    assert ids == [first.id, first.id, second.id]
    assert [one.headers["X-Modeldeck-Attempt"] for one in receiver.got] == ["1", "2", "1"]
    assert receiver.got[0].body == receiver.got[1].body
    states = [job.state for job in jobs.jobs(post.deck.database) if job.kind == "notify"]
    assert sorted(states) == ["abandoned", "succeeded"]


def test_test_message_whose_sender_was_killed_has_failed(post, hook):
    post.settings(hook())
    with post.deck.database.write() as tx:
        notifying.put_test(tx, "hook", "webhook", "a test", tx.at - 1)
    post.read_on()
    assert [(one.state, one.error) for one in post.log()] == [("failed", "its sender was killed")]


def test_messages_that_ended_long_ago_are_forgotten_whole(post, hook, receiver):
    post.settings(hook(per_minute=1))
    for number in range(3):
        post.alert(f"{number}")
    post.send()
    first = post.log()[0]
    with post.deck.database.write() as tx:
        tx.execute("UPDATE notification SET ended_at = ended_at + 1000000 WHERE id = :id", {"id": first.id})
        assert notifying.prune(tx, post.log()[0].ended_at) == 0  # the others ended, the message that tells them later
        assert notifying.prune(tx, tx.at + 3_600_000_000) == 3


def test_idle_outbox_reads_nothing(post, hook, monkeypatch):
    post.settings(hook())
    post.read_on()
    post.outbox.tick()
    read = []
    monkeypatch.setattr(outbox_module.notifying, "cursor", lambda reader: read.append(reader) or (0, 0))
    for _ in range(100):
        post.outbox.tick()
    assert read == []
    post.alert("a")
    post.outbox.tick()
    assert len(read) == 1


def test_every_event_that_settings_may_name_is_one_that_is_recorded():
    told = re.compile(r'"([a-z_]+\.(?:[a-z_]+|\{[a-z.]+\}))"')
    rooms = [ROOT / room for room in ("engine", "store")]
    files = [path for room in rooms for path in room.rglob("*.py") if path.name != "notify.py"]
    recorded = {name for path in files for name in told.findall(path.read_text("utf-8"))}
    names = recorded | {f"job.{state}" for state in jobs.ENDED} | {"release.rolled_back"}
    templates = [re.compile(re.sub(r"\\{.*?\\}", "[a-z_]+", re.escape(name))) for name in names]
    unknown = [name for name in (*EVENTS, "alert.worsened") if not any(one.fullmatch(name) for one in templates)]
    assert unknown == ["alert.worsened"]  # which once was
    assert [name for name in DEFAULT_ON if name not in EVENTS] == []


def test_test_message_that_arrives_has_what_waits_sent_at_once(post, hook, receiver, answering, monkeypatch):
    from store.settings import newest

    receiver.answers.append(answering(503, Retry_After="900"))
    post.settings(hook())
    post.alert("a")
    post.send()
    assert post.log()[0].state == "pending"
    assert post.read_on() == []
    with post.deck.database.write() as tx:
        job = jobs.enqueue(
            tx, kind="notify", actor="user:anna", args={"target": "hook", "test": True}, settings_revision=newest(tx)
        )
    assert post.run(job)["status"] == 200
    post.send()
    assert [one.state for one in post.log()] == ["delivered", "delivered"]


def test_target_that_is_corrected_has_what_waits_sent_at_once(post, hook, receiver, answering):
    receiver.answers.append(answering(503, Retry_After="900"))
    post.settings(hook(secret="env:HOOK_SECRET"))
    post.alert("a")
    post.send()
    assert post.log()[0].state == "pending"
    post.settings(hook(per_minute=5))  # which is no other way to it
    assert post.read_on() == []
    post.settings(hook(per_minute=5, url=f"{receiver.url}/corrected"))
    post.send()
    assert [one.state for one in post.log()] == ["delivered"]
    assert [one.path for one in receiver.got] == ["/hook", "/hook/corrected"]


def test_sender_that_waits_for_its_next_attempt_sees_that_it_is_due_sooner(
    post, hook, receiver, answering, monkeypatch
):
    monkeypatch.setattr("engine.jobs.notifying.sending.LINGER_S", 900.0)
    receiver.answers.append(answering(503, Retry_After="600"))
    post.settings(hook())
    post.alert("a")

    def correct():
        while not (log := post.log()) or log[0].error == "":
            time.sleep(0.05)
        with post.deck.database.write() as tx:
            notifying.hurry(tx, "hook")

    (job,) = post.read_on()
    corrected = threading.Thread(target=correct)
    corrected.start()
    begun = time.monotonic()
    assert post.run(job) == {"delivered": 1, "missed": 1, "given_up": 0}
    assert time.monotonic() - begun < 500.0  # and not after the ten minutes that it was asked to wait
    corrected.join()
