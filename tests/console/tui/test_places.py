"""The screens of what runs where, what watches it, and what fires by itself."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from on_a_loop import run
from sample_deck import RELEASES, SampleClient
from sample_places import DEPLOYMENTS
from sample_releases import NOW

from console.render.cells import line_width, plain
from console.render.deploys import deploy_lines, deploy_row
from engine.operations.history import AtRequest
from engine.operations.serving import AbortRequest, ConvergeRequest
from engine.operations.work import ScheduleChange, ScheduleRequest
from store.errors import Refused
from store.rows import rfc3339


@run
async def test_deploys_show_traffic_health_and_the_rollout_under_way(console: Any) -> None:
    async with console() as screen:
        await screen.press("5")
        await screen.shows("● ready", "v3", "10%", "90%", "Traffic", "v3 10 %, v2 90 %", "step 8 of 13")
        await screen.shows("124 of 200 rows, 76 still needed", "Way back", "X aborts: traffic returns to v2")


@run
async def test_one_key_aborts_a_rollout_from_deploys_and_from_the_pulse(console: Any, sample: SampleClient) -> None:
    pulse = sample.answers["deck.pulse"]
    under_way = replace(pulse.models[0], release="v3 10 %")
    sample.answers["deck.pulse"] = replace(pulse, models=(under_way, *pulse.models[1:]))
    async with console() as screen:
        for screen_key in ("5", "1"):
            await screen.press(screen_key)
            await screen.until(lambda: screen.app.desk.page.selected is not None)
            await screen.press("X")
            await screen.shows("Cancel")
            await screen.press("y")
            await screen.until(lambda: sample.called("releases.abort"))
            assert sample.called("releases.abort") == [AbortRequest("nightly-rates", "", "basis-2")]
            await screen.until(lambda: not screen.app.desk.is_busy)
            sample.calls.clear()


@run
async def test_without_a_rollout_abort_says_why_not_and_enter_shows_the_servers(
    console: Any, sample: SampleClient
) -> None:
    sample.answers["releases.list"] = RELEASES[1:]
    async with console() as screen:
        await screen.press("5")
        await screen.shows("edge runs v1 of post-moderation")
        await screen.press("X")
        await screen.shows("X: no release of it is under way")
        await screen.press("enter")
        await screen.shows("Deploys › post-moderation v2 on edge", "✗ exited", "exit code 137", "0 of 1 ready")


def test_what_a_server_was_seen_to_do_is_whole_at_eighty_columns() -> None:
    detail = "20 of 20 golden answers as recorded, the worst of them 0.00012 away from what was recorded at training"
    seen = next(one for one in DEPLOYMENTS if one.replicas)
    told = replace(seen, replicas=tuple(replace(one, detail=detail) for one in seen.replicas))
    lines = deploy_lines(deploy_row(told, None), 80, NOW)
    assert all(line_width(cells) <= 80 for cells in lines)
    assert detail in " ".join(" ".join(plain(cells) for cells in lines).split())


@run
async def test_a_host_that_runs_something_else_is_brought_back_with_its_plan_shown(
    console: Any, sample: SampleClient
) -> None:
    async with console() as screen:
        await screen.press("5")
        await screen.shows("TRAFFIC")
        await screen.press("B")
        await screen.shows("B: its hosts are as the registry says")
        await screen.press("slash")
        await screen.type("edge")
        await screen.press("enter", "B")
        await screen.shows("start 1 server of v2", "Cancel")
        assert sample.called("deployments.converge") == []
        await screen.press("C")
        await screen.shows("copied: modeldeck deployments converge post-moderation")
        await screen.press("y")
        await screen.until(lambda: sample.called("deployments.converge"))
        assert sample.called("deployments.converge") == [ConvergeRequest("post-moderation", "", "basis-4")]


@run
async def test_monitors_tell_the_worst_first_and_never_zero_for_unknown(console: Any) -> None:
    async with console() as screen:
        await screen.press("6")
        await screen.shows("▼ degraded", "~ drift", "· no data")
        rows = [line for line in screen.text.splitlines() if "post-moderation" in line or "quiet" in line]
        assert rows[0].startswith("› ▼ degraded")
        assert "1.310" in rows[0]
        assert " v2 " in rows[0]  # a window is of a version, and that need not be the one that serves
        await screen.shows("looks every 5m")
        assert " 0" not in next(line for line in rows if "quiet" in line)
        await screen.press("G")
        await screen.shows("no window yet", "M looks now")
        await screen.press("g", "j", "enter")
        await screen.shows("Monitors › watch nightly-rates", "Promised")


@run
async def test_a_schedule_is_paused_with_a_reason_and_resumed_at_once(console: Any, sample: SampleClient) -> None:
    name = "monitor:nightly-rates"
    async with console() as screen:
        await screen.press("7")
        await screen.shows("‖ paused", "◌ waits", "◌ on event", "in 4m")
        await screen.press("U")
        await screen.shows("U: the schedule is not paused")
        await screen.press("H")
        await screen.shows("Pause monitor:nightly-rates", "Cancel")
        await screen.press("e")
        await screen.type("host moves")
        await screen.press("enter", "y")
        await screen.shows(f"{name} paused; U resumes it")
        assert sample.called("schedules.pause") == [ScheduleChange(name, "host moves")]
        await screen.until(lambda: screen.app.desk.page.selected.paused_at is not None, "the row to be read anew")
        await screen.press("U")
        await screen.shows(f"{name} resumed")
        assert sample.called("schedules.resume") == [ScheduleChange(name, "")]
        await screen.press("N")
        await screen.shows("Asks for its monitor job of nightly-rates now")
        await screen.press("y")
        await screen.until(lambda: sample.called("schedules.run"))
        assert sample.called("schedules.run") == [ScheduleRequest(name)]


@run
async def test_a_schedule_tells_its_next_times_and_what_it_passed_over(console: Any) -> None:
    async with console() as screen:
        await screen.press("7")
        await screen.shows("waits")
        await screen.press("j", "enter")
        await screen.shows("cron 0 3 * * *", "in Europe/Lisbon", "2026-11-25 02:12Z", "2026-11-29 02:12Z")
        await screen.shows("3 times", "it was paused", "made up for with one")


@run
async def test_what_served_at_the_time_of_an_event_or_of_any_time(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("8")
        await screen.shows("v3 registered")
        await screen.press("j", "t")
        await screen.shows("nightly-rates", "100 %", "v1", "2026-11-23 03:12:00 UTC")
        assert sample.called("deck.at")[0] == AtRequest(rfc3339(NOW - 9 * 60_000_000))
        await screen.press("colon")
        await screen.type("at 2026-10-01T12:00")
        await screen.press("enter")
        await screen.shows("at 2026-10-01T12:00")
        await screen.until(lambda: AtRequest("2026-10-01T12:00") in sample.called("deck.at"))


@run
async def test_every_change_is_in_the_command_log_with_how_it_went(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("at")
        await screen.shows("Nothing was changed from this console yet.")
        await screen.press("escape", "9")
        await screen.shows("critical")
        await screen.press("A")
        await screen.shows("acknowledged: no positive label")
        sample.answers["monitors.run"] = Refused("a monitor of it runs already", "wait for it")
        await screen.press("M")
        await screen.shows("Not done", "a monitor of it runs already")
        await screen.press("escape", "at")
        await screen.shows("modeldeck alerts ack", "✓ alert acknowledged", "modeldeck monitors run post-moderation")
        await screen.shows("✗ a monitor of it runs already")


@run
async def test_the_last_change_is_taken_back_after_asking(console: Any, sample: SampleClient) -> None:
    name = "monitor:nightly-rates"
    async with console() as screen:
        await screen.press("7")
        await screen.shows("waits")
        await screen.press("z")
        await screen.shows("nothing was changed from this console yet")
        await screen.press("H")
        await screen.shows("Cancel")
        await screen.press("y")
        await screen.shows(f"{name} paused")
        await screen.press("z")
        await screen.shows(f"Takes back: modeldeck schedules pause {name}", "Cancel")
        assert sample.called("schedules.resume") == []
        await screen.press("y")
        await screen.shows(f"{name} resumed")
        assert sample.called("schedules.resume") == [ScheduleChange(name, "")]


@run
async def test_a_promotion_is_taken_back_by_a_rollback_and_a_rollback_only_says_how(
    console: Any, sample: SampleClient
) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("Cancel")
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.promote"))
        await screen.shows("it goes on without this console")
        await screen.press("z")
        await screen.shows("Roll back nightly-rates: v2 → v1", "golden answers")
        sample.answers["releases.rollback"] = RELEASES[2]
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.rollback"))
        await screen.shows("rollback completed")
        await screen.press("z")
        await screen.shows("a rollback is undone by: modeldeck promote post-moderation 3 --reason")


@run
async def test_what_cannot_be_taken_back_says_so(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("9")
        await screen.shows("critical")
        await screen.press("A")
        await screen.shows("acknowledged: no positive label")
        await screen.press("z")
        await screen.shows("not to be taken back: modeldeck alerts ack")


@run
async def test_the_tree_of_a_model_holds_all_that_belongs_to_it(console: Any) -> None:
    async with console(size=(120, 40)) as screen:
        await screen.shows("Way back")
        await screen.press("x")
        await screen.shows(
            "tree of nightly-rates", "v3 challenger", "▸ promote running", "v2 champion", "on local as champion"
        )
        await screen.shows("90% of traffic", "● ready", "server 1 :39687", "monitor ~ drift")
        lines = screen.text.splitlines()
        assert next(line for line in lines if "monitor" in line).startswith("  ╰─ monitor")
        assert next(line for line in lines if "server 1" in line).startswith("  │  ")


@run
async def test_a_tree_without_versions_or_monitor_says_so(console: Any, sample: SampleClient) -> None:
    sample.answers["versions.list"] = ()
    sample.answers["monitors.newest"] = ()
    async with console() as screen:
        await screen.press("2")
        await screen.shows("WHAT FOR")
        await screen.press("x")
        await screen.shows("├─ no version yet: T trains one", "╰─ nothing watches it")


@run
async def test_a_key_pressed_right_after_a_change_waits_until_the_row_is_read_anew(
    console: Any, sample: SampleClient
) -> None:
    held = threading.Event()
    held.set()

    class Slow(SampleClient):
        def call(self, operation_id: str, request: Any = None) -> Any:
            if operation_id == "schedules.list":
                held.wait(10)
            return sample.call(operation_id, request)

    async with console(client=Slow()) as screen:
        await screen.press("7")
        await screen.shows("waits")
        await screen.press("H")
        await screen.shows("Cancel")
        held.clear()
        await screen.press("y")
        await screen.shows("paused; U resumes it")
        await screen.press("U")
        await screen.shows("reading again…")
        assert sample.called("schedules.resume") == []
        held.set()
        await screen.until(lambda: sample.called("schedules.resume"))
        await screen.shows("resumed")
