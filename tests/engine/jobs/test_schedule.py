"""Schedules only enqueue, each firing once: as a job, or as a skip on record."""

from __future__ import annotations

import pytest
from schedule_stage import HOUR, MINUTE, RETRAIN, Stage, outcomes, serve

from engine.jobs.schedule import Scheduler
from engine.settings.model import MonitorSettings
from store import deployments, events, jobs, schedules, settings
from store.errors import Refused, UnknownName
from store.rows import microseconds


@pytest.fixture(name="stage")
def stage_of_schedules(deck, clock, settings_body):
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
        schedules.set_next_many(tx, {RETRAIN: None})
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
