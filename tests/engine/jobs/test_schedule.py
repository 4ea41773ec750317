"""Schedules only enqueue, each firing once: as a job, or as a skip on record."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from engine.access import Caller, Role
from engine.jobs.schedule import Scheduler
from engine.service.call import ServiceContext, call
from engine.settings.model import MonitorSettings
from engine.settings.work import ScheduleSettings
from store import alerts, deployments, events, faults, jobs, schedules, settings, watching
from store.errors import Refused, UnknownName
from store.rows import microseconds

MINUTE = 60.0
HOUR = 3600.0
RETRAIN = "retrain:rates"


class Stage:
    """A deck with one scheduled model; its scheduler is driven by the test."""

    def __init__(self, deck, clock, make_body):
        self.deck, self.clock, self._make_body = deck, clock, make_body
        self.scheduler = Scheduler(deck)

    def apply(self, zone="UTC", **stated):
        """Apply settings with a [retrain] of these words."""
        wanted = {"retrain": asdict(ScheduleSettings(kind="train", **stated))} if stated else {}
        body = self._make_body(rates={"monitor": MonitorSettings(every_s=300.0)})
        body["models"]["rates"]["schedules"] = wanted
        body["time_zone"] = zone
        with self.deck.database.write() as tx:
            settings.apply(tx, body, "user:anna", "a test")
        self.scheduler.refresh()

    def later(self, seconds, by=1):
        """Let time go by in steps, firing what is due after each."""
        for _ in range(by):
            self.clock.advance(seconds / by)
            self.look()

    def look(self):
        self.scheduler.refresh()
        self.scheduler.fire({row.id for row in schedules.schedules(self.deck.database)})

    def restart(self):
        """Let another daemon take over."""
        self.scheduler = Scheduler(self.deck)
        self.look()

    def row(self, id=RETRAIN):
        return schedules.schedule(self.deck.database, id)

    def asked(self, id=RETRAIN):
        found = jobs.jobs(self.deck.database, limit=1000)
        return [job for job in reversed(found) if job.actor == f"schedule:{id}"]

    def due(self, id=RETRAIN):
        return [job.args["due_at"][11:16] for job in self.asked(id)]

    def told(self, action="schedule.skipped", id=RETRAIN):
        found = events.events(self.deck.database, subject=("schedule", id), limit=1000)
        return [event.body for event in reversed(found) if event.action == action]

    def finish(self):
        """End every job that is live."""
        with self.deck.database.write() as tx:
            for job in jobs.queued(tx):
                jobs.finish(tx, job.id, jobs.claim(tx, job.id).attempt, "succeeded")

    def call(self, operation, **body):
        caller = Caller("user:ben", Role.OPERATOR)
        return call(ServiceContext(self.deck, caller), operation, body)

    def is_balanced(self, due, id=RETRAIN):
        """Tell whether each firing was a job or a skip, and each skip an event."""
        skips = sum(told["count"] for told in self.told(id=id))
        return skips == self.row(id).skipped and due == len(self.asked(id)) + skips


@pytest.fixture
def stage(deck, clock, settings_body):
    """A deck at 2026-03-01T12:00Z, a Sunday."""
    return Stage(deck, clock, settings_body)


def test_cron_of_the_model_file_asks_for_trainings_on_time(stage):
    stage.apply(trigger="cron 0 * * * *")
    assert stage.row().next_at == microseconds("2026-03-01T13:00:00Z")
    stage.later(59 * MINUTE)
    assert stage.asked() == []
    stage.later(2 * MINUTE)
    [job] = stage.asked()
    assert (job.kind, job.model, job.args) == ("train", "rates", {"due_at": "2026-03-01T13:00:00Z"})
    assert (stage.row().last_job_id, stage.row().next_at) == (job.id, microseconds("2026-03-01T14:00:00Z"))
    stage.look()
    stage.restart()
    assert len(stage.asked()) == 1


def test_retrain_in_a_model_file_becomes_a_schedule(deck):
    from engine.settings.apply import apply_settings

    (deck.workspace.root / "models").mkdir()
    path = deck.workspace.root / "models/rates.toml"
    base = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'
    retrain = '[retrain]\ncron = "0 3 * * *"\ncatch_up = "skip"\n'
    path.write_text(f'{base}{retrain}[schedules.snap]\nrun = "ingest"\nevery = "6h"\n')
    apply_settings(deck, "user:anna", "a test")
    found = {row.id: (row.kind, row.trigger, row.catch_up, row.grace_s) for row in schedules.schedules(deck.database)}
    assert found == {
        "monitor:rates": ("monitor", "every 5m", "once", 300),
        RETRAIN: ("train", "cron 0 3 * * *", "skip", 300),
        "snap:rates": ("ingest", "every 6h", "once", 21600),
    }
    path.write_text(base)
    apply_settings(deck, "user:anna", "a test")
    assert [row.id for row in schedules.schedules(deck.database)] == ["monitor:rates"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[retrain]\ncron = "0 25 * * *"\n', "'25' is no hour: 0 to 23"),
        ('[retrain]\ncron = "0 3 * * *"\nevery = "1h"\n', "exactly one of cron, every, at, after"),
        ('[retrain]\nafter = "version.registered"\n', "it would never end"),
        ('[retrain]\nafter = "sunrise"\n', "there is outcomes.recorded"),
        ('[retrain]\nat = "soon"\n', "'soon' is not a time"),
        ('[retrain]\nevery = "1m"\njitter = "2m"\n', "a jitter must be shorter than every"),
        ('[retrain]\ncron = "0 3 * * *"\ncatch_up = "twice"\n', "catch_up"),
        ('[schedules.monitor]\nrun = "train"\nevery = "1h"\n', "give this one another name"),
    ],
)
def test_schedule_that_cannot_be_is_refused_with_its_line(deck, text, said):
    from engine.settings.apply import apply_settings

    (deck.workspace.root / "models").mkdir()
    base = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'
    (deck.workspace.root / "models/rates.toml").write_text(f"{base}{text}")
    with pytest.raises(Refused) as refused:
        apply_settings(deck, "user:anna", "a test")
    assert said in refused.value.message
    assert refused.value.message.startswith("models/rates.toml:")


@pytest.mark.parametrize(
    ("catch_up", "due", "skips", "caught_up"),
    [
        ("once", ["17:00"], [("merged", 4)], [{"missed": 5, "jobs": 1}]),
        ("skip", [], [("missed", 5)], []),
        ("all", ["13:00", "14:00", "15:00", "16:00", "17:00"], [], [{"missed": 5, "jobs": 5}]),
    ],
)
def test_what_fell_due_while_no_daemon_ran_goes_by_the_catch_up_policy(stage, catch_up, due, skips, caught_up):
    stage.apply(trigger="cron 0 * * * *", catch_up=catch_up)
    stage.clock.advance(5.5 * HOUR)
    stage.restart()
    assert stage.due() == due
    assert [(told["cause"], told["count"]) for told in stage.told()] == skips
    assert stage.told("schedule.caught_up") == caught_up
    assert stage.is_balanced(5)
    stage.finish()
    stage.later(31 * MINUTE)
    assert stage.due() == [*due, "18:00"]


def test_firing_within_its_grace_goes_as_if_on_time(stage):
    stage.apply(trigger="cron 0 * * * *", catch_up="skip", grace_s=600)
    stage.clock.advance(HOUR + 9 * MINUTE)
    stage.restart()
    assert (stage.due(), stage.told(), stage.told("schedule.caught_up")) == (["13:00"], [], [])


def test_only_so_many_are_caught_up_with_at_once(stage):
    stage.apply(trigger="every 1m", catch_up="all")
    stage.clock.advance(151 * MINUTE)
    stage.restart()
    assert len(stage.asked()) == 100
    assert [(told["cause"], told["count"]) for told in stage.told()] == [("too many", 51)]
    assert stage.is_balanced(151)


def test_firings_whose_last_job_still_lives_are_skipped_and_told_at_first_and_at_the_end(stage):
    stage.apply(trigger="every 10m")
    stage.later(65 * MINUTE, by=65)
    [job] = stage.asked()
    first = {"cause": "overlap", "count": 1, "job": job.id}
    assert stage.told() == [first]
    stage.finish()
    stage.later(10 * MINUTE)
    assert len(stage.asked()) == 2
    assert stage.told() == [first, {**first, "count": 4}]
    assert stage.is_balanced(7)


def test_daemon_that_stops_tells_of_the_skips_it_has_not_told_yet(stage):
    stage.apply(trigger="every 10m")
    stage.later(45 * MINUTE, by=45)
    stage.scheduler.close()
    assert [told["count"] for told in stage.told()] == [1, 2]
    assert stage.is_balanced(4)


def test_overlapping_firings_queue_where_the_schedule_says_so(stage):
    stage.apply(trigger="every 10m", overlap="queue")
    stage.later(35 * MINUTE, by=35)
    assert stage.due() == ["12:10", "12:20", "12:30"]
    assert stage.told() == []


def test_paused_schedule_fires_nothing_and_replays_nothing(stage):
    stage.apply(trigger="cron 0 * * * *", catch_up="all")
    assert stage.call("schedules.pause", id=RETRAIN, reason="a look at the data").paused_at == stage.clock.now()
    stage.later(4.5 * HOUR, by=9)
    stage.restart()
    assert stage.asked() == []
    assert stage.call("schedules.resume", id=RETRAIN).paused_at is None
    stage.look()
    assert stage.asked() == []
    assert [(told["cause"], told["count"]) for told in stage.told()] == [("paused", 4)]
    assert stage.is_balanced(4)
    [paused] = [event for event in events.events(stage.deck.database) if event.action == "schedule.paused"]
    assert (paused.actor, paused.reason) == ("user:ben", "a look at the data")
    stage.later(HOUR)
    assert stage.due() == ["17:00"]


def test_pause_and_resume_twice_change_nothing(stage):
    stage.apply(trigger="cron 0 * * * *")
    for operation in ("schedules.pause", "schedules.pause", "schedules.resume", "schedules.resume"):
        stage.call(operation, id=RETRAIN)
    assert (len(stage.told("schedule.paused")), len(stage.told("schedule.resumed"))) == (1, 1)
    with pytest.raises(UnknownName, match="no schedule 'retrain:rate'"):
        stage.call("schedules.pause", id="retrain:rate")


def test_schedule_is_run_by_hand_also_while_paused(stage):
    stage.apply(trigger="cron 0 * * * *")
    stage.call("schedules.pause", id=RETRAIN)
    job = stage.call("schedules.run", id=RETRAIN)
    assert (job.actor, job.kind, job.args) == ("user:ben", "train", {"schedule": RETRAIN})
    assert stage.call("schedules.run", id=RETRAIN).id == job.id
    assert (stage.row().last_job_id, stage.row().last_at) == (job.id, None)


@pytest.mark.parametrize("stopped", [False, True])
def test_edited_schedule_does_not_fire_yesterdays(stage, stopped):
    stage.apply(trigger="cron 0 9 * * *")
    if stopped:
        stage.clock.advance(48 * HOUR)
        stage.apply(trigger="cron 0 11 * * *")
        stage.restart()
    else:
        stage.apply(trigger="cron 0 11 * * *")
        stage.look()
    assert (stage.asked(), stage.told()) == ([], [])
    assert stage.row().next_at % (24 * 3600 * 1_000_000) == 11 * 3600 * 1_000_000


def test_schedule_that_was_away_and_comes_back_misses_nothing(stage):
    stage.apply(trigger="cron 0 * * * *")
    stage.apply()
    stage.later(5 * HOUR)
    stage.apply(trigger="cron 0 * * * *")
    stage.look()
    assert stage.asked() == []


def test_other_time_zone_moves_the_time_and_fires_nothing(stage):
    stage.apply(trigger="cron 30 12 * * *")
    stage.apply(zone="Europe/Madrid", trigger="cron 30 12 * * *")
    stage.look()
    assert (stage.asked(), stage.row().next_at) == ([], microseconds("2026-03-02T11:30:00Z"))


def test_date_fires_once(stage):
    stage.apply(zone="Europe/Madrid", trigger="at 2026-03-01T15:00")
    assert stage.row().next_at == microseconds("2026-03-01T14:00:00Z")
    stage.later(2 * HOUR)
    stage.later(48 * HOUR)
    assert (stage.due(), stage.row().next_at) == (["14:00"], None)


def test_date_that_was_missed_is_caught_up_with(stage):
    stage.apply(trigger="at 2026-03-01T15:00")
    stage.clock.advance(48 * HOUR)
    stage.restart()
    assert (stage.due(), stage.told("schedule.caught_up")) == (["15:00"], [{"missed": 1, "jobs": 1}])


def outcomes(stage, model="rates"):
    with stage.deck.database.write() as tx:
        events.append(tx, actor="user:anna", action="outcomes.recorded", subject_kind="x", subject_id="1", model=model)


def test_event_of_its_model_fires_a_schedule_once_also_across_restarts(stage):
    outcomes(stage)
    stage.apply(trigger="after outcomes.recorded")
    stage.look()
    assert stage.asked() == []  # what happened before it was declared is not its business
    outcomes(stage, model=None)
    stage.look()
    outcomes(stage)
    stage.look()
    stage.restart()
    [job] = stage.asked()
    stage.finish()
    outcomes(stage)
    stage.clock.advance(60)
    stage.restart()
    assert len(stage.asked()) == 2
    assert job.kind == "train"


def test_events_while_no_daemon_ran_go_by_the_catch_up_policy(stage):
    stage.apply(trigger="after outcomes.recorded", catch_up="once")
    for _ in range(3):
        outcomes(stage)
    stage.clock.advance(HOUR)
    stage.restart()
    assert (len(stage.asked()), stage.told("schedule.caught_up")) == (1, [{"missed": 3, "jobs": 1}])
    assert stage.is_balanced(3)


def test_jitter_puts_a_firing_off_by_the_same_time_always(stage):
    stage.apply(trigger="cron 0 * * * *", jitter_s=600)
    put_off = stage.row().next_at - microseconds("2026-03-01T13:00:00Z")
    assert 0 < put_off < 600_000_000
    with stage.deck.database.write() as tx:
        schedules.set_next(tx, RETRAIN, None)
    stage.restart()
    assert stage.row().next_at - microseconds("2026-03-01T13:00:00Z") == put_off
    stage.later(5 * HOUR, by=100)
    stage.scheduler.close()
    assert stage.is_balanced(5) or stage.is_balanced(4)


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_clock_that_is_set_fires_nothing_twice_and_stops_nothing(stage, jump):
    stage.apply(trigger="cron 0 13 * * *")
    stage.later(HOUR + 60)
    stage.finish()
    stage.clock._now += round(jump * 1_000_000)
    stage.later(120)
    stage.later(2 * HOUR, by=8)
    assert stage.due() == ["13:00"]
    before = stage.row("monitor:rates").next_at
    assert before - stage.clock.now() <= 300_000_000


def test_interval_goes_on_after_the_clock_was_set_back(stage):
    stage.apply(trigger="every 10m")
    stage.later(11 * MINUTE)
    stage.clock._now -= round(5 * HOUR * 1_000_000)
    stage.finish()
    stage.later(22 * MINUTE, by=11)
    assert stage.due() == ["12:10", "07:20"]


def test_monitor_of_a_model_that_never_served_is_not_due(stage):
    stage.apply()
    stage.later(HOUR)
    assert (stage.asked("monitor:rates"), stage.told(id="monitor:rates")) == ([], [])
    assert stage.row("monitor:rates").next_at > stage.clock.now()
    serve(stage)
    stage.later(300)
    assert len(stage.asked("monitor:rates")) == 1


def serve(stage):
    with stage.deck.database.write() as tx:
        deployments.ensure_endpoint(tx, "rates")


def test_schedule_that_says_no_time_does_not_keep_the_others_back(stage, caplog):
    stage.apply(trigger="cron 0 * * * *")
    with stage.deck.database.write() as tx:
        tx.execute("UPDATE schedule SET trigger = 'at noon', next_at = NULL WHERE kind = 'monitor'")
    stage.later(61 * MINUTE)
    assert "'at noon' says no time" in caplog.text
    assert len(stage.asked()) == 1


def test_registry_that_takes_nothing_for_a_moment_costs_no_firing(stage):
    stage.apply(trigger="cron 0 * * * *")
    stage.clock.advance(61 * MINUTE)
    with stage.deck.database.write() as tx:
        tx.execute("CREATE TRIGGER full BEFORE INSERT ON job BEGIN SELECT RAISE(FAIL, 'full'); END")
    with pytest.raises(Exception, match="full"):
        stage.look()
    with stage.deck.database.write() as tx:
        tx.execute("DROP TRIGGER full")
    stage.look()
    assert stage.due() == ["13:00"]


def test_clockwork_fires_in_real_time_and_wakes_the_worker(deck, settings_body, until):
    from engine.deck import Deck
    from store.clock import SystemClock
    from store.database import open_database

    real = Deck(deck.workspace, open_database(deck.workspace.registry, SystemClock()), deck.artifacts, SystemClock())
    body = settings_body(rates={"monitor": MonitorSettings(every_s=1.0)})
    with real.database.write() as tx:
        settings.apply(tx, body, "user:anna")
        deployments.ensure_endpoint(tx, "rates")
    woken = []
    scheduler = Scheduler(real, lambda: woken.append(True))
    try:
        scheduler.start()
        until(lambda: schedules.schedule(real.database, "monitor:rates").skipped >= 1)
    finally:
        scheduler.close()
        real.database.close()
    assert woken == [True]
    assert [job.kind for job in jobs.queued(deck.database)] == ["monitor"]


def test_monitor_that_does_not_look_raises_its_own_alert_once(stage):
    stage.apply()
    serve(stage)
    stage.later(14 * MINUTE, by=14)
    assert alerts.alerts(stage.deck.database) == []
    stage.later(3 * MINUTE, by=3)
    [alert] = alerts.alerts(stage.deck.database)
    assert (alert.kind, alert.key, alert.severity, alert.model) == (
        "silent",
        "silent:monitor:rates",
        "critical",
        "rates",
    )
    assert alert.title.startswith("the monitor has not looked for 1")
    assert alert.title.endswith("min: its last job is queued")
    stage.later(30 * MINUTE, by=10)
    assert alerts.alerts(stage.deck.database) == [alert]


def test_monitor_that_looks_or_is_paused_raises_no_alert(stage):
    stage.apply()
    serve(stage)
    for _ in range(8):
        stage.later(5 * MINUTE)
        with stage.deck.database.write() as tx:
            watching.touch_monitor(tx, "rates", None)
    stage.call("schedules.pause", id="monitor:rates")
    stage.later(5 * HOUR, by=60)
    assert alerts.alerts(stage.deck.database, open_only=False) == []


def test_clock_set_forward_raises_no_alert(stage):
    stage.apply()
    serve(stage)
    stage.later(60)
    stage.clock._now += round(10 * HOUR * 1_000_000)
    stage.later(60)
    assert alerts.alerts(stage.deck.database) == []


def test_alert_about_a_monitor_ends_once_it_is_paused(stage):
    stage.apply()
    serve(stage)
    stage.later(20 * MINUTE, by=20)
    [alert] = alerts.alerts(stage.deck.database)
    stage.call("schedules.pause", id="monitor:rates")
    stage.later(MINUTE)
    assert alerts.alert(stage.deck.database, alert.id).state == "resolved"


def lose(stage, host="local"):
    with stage.deck.database.write() as tx:
        faults.found(tx, host, faults.CONNECTION, f"{host} does not answer: connection refused")


def test_host_that_does_not_answer_raises_one_alert_that_ends_with_its_answer(stage):
    stage.apply()
    lose(stage)
    stage.later(90, by=9)
    assert alerts.alerts(stage.deck.database) == []
    stage.clock._now += round(10 * HOUR * 1_000_000)  # no clock that is set makes it silent
    stage.later(20, by=2)
    assert alerts.alerts(stage.deck.database) == []
    stage.later(60, by=6)
    [alert] = alerts.alerts(stage.deck.database)
    assert (alert.model, alert.host, alert.kind, alert.key) == (None, "local", "silent", "silent:host:local")
    assert alert.title.startswith("host local has not answered for 2 min")
    stage.later(HOUR, by=30)
    assert alerts.alerts(stage.deck.database) == [alert]
    with stage.deck.database.write() as tx:
        faults.cleared(tx, faults.silent(tx, "local"), "it answers")
    stage.later(MINUTE)
    [over] = alerts.alerts(stage.deck.database, open_only=False)
    assert (over.id, over.state, over.resolved_by) == (alert.id, "resolved", "trigger:deadman")


def test_host_that_comes_and_goes_is_one_alert(stage):
    stage.apply()
    for _ in range(3):
        lose(stage)
        stage.later(150, by=15)
        with stage.deck.database.write() as tx:
            faults.cleared(tx, faults.silent(tx, "local"), "it answers")
        stage.later(10, by=2)
    [alert] = alerts.alerts(stage.deck.database, open_only=False)
    assert (alert.count, alert.reopened) == (3, 0)


def raised(stage):
    with stage.deck.database.write() as tx:
        told = {"model": "rates", "kind": "drift", "key": "drift:rates@1", "severity": "warning", "title": "it drifts"}
        return alerts.raise_alert(tx, **told, evidence={}, actor="trigger:monitor:rates")[0].id


def test_a_snoozed_alert_comes_back_by_itself_and_once(stage):
    stage.apply()
    id = raised(stage)
    stage.call("alerts.snooze", id=id, lasts="1h")
    stage.later(59 * MINUTE, by=5)
    assert alerts.alert(stage.deck.database, id).state == "snoozed"
    stage.later(10 * MINUTE, by=5)
    assert alerts.alert(stage.deck.database, id).state == "open"
    told = [event.action for event in events.events(stage.deck.database, subject=("alert", id))]
    assert told == ["alert.reopened", "alert.snoozed", "alert.opened"]


def test_what_was_due_while_no_daemon_ran_comes_back_at_its_start(stage):
    stage.apply()
    id = raised(stage)
    stage.call("alerts.ack", id=id, lasts="1h")
    stage.clock.advance(5 * HOUR)
    stage.restart()
    assert alerts.alert(stage.deck.database, id).state == "open"


def test_maintenance_that_is_over_opens_what_it_muted(stage):
    stage.apply()
    stage.call("alerts.maintenance", model="rates", lasts="2h", reason="new host")
    id = raised(stage)
    stage.later(1 * HOUR, by=5)
    assert alerts.alert(stage.deck.database, id).state == "muted"
    stage.call("alerts.maintenance", model="rates", end=True)
    stage.later(MINUTE)
    assert alerts.alert(stage.deck.database, id).state == "open"
