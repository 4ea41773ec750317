from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from on_a_loop import run
from sample_deck import ALERTS, JOBS, PULSE, RUNS, SampleClient
from sample_told import NOTIFICATIONS

from engine.operations.watching import AttributionMoved
from store.errors import Refused, Unavailable

MOVED = AttributionMoved("lead_time", 2, 0, 1, 4.25, 9.5, 0.41, 0.12, 0.001, True, 200, 1_800)


@run
async def test_the_first_screen_answers_the_four_questions(console: Any) -> None:
    async with console() as screen:
        await screen.shows("v2 for 3h", "Serving", "Changed", "Hurting?", "Way back", "R returns the traffic to v1")
        assert "modeldeck hotel-demo" in screen.text
        assert "q1 run2 fail1 alerts2" in screen.text


@run
async def test_numbers_go_to_screens_and_enter_drills_down(console: Any) -> None:
    async with console() as screen:
        for key, text in (
            ("2", "WHAT FOR"),
            ("3", "RESULT"),
            ("4", "PROGRESS"),
            ("5", "TRAFFIC"),
            ("6", "MOVED MOST"),
            ("7", "cron 0 3"),
            ("h", "MOVE"),
            ("8", "v3 registered"),
            ("9", "lead_time drifts"),
        ):
            await screen.press(key)
            await screen.shows(text)
        await screen.press("2")
        await screen.press("enter")
        await screen.shows("Models › nightly-rates", "challenger", "MAE")
        await screen.press("j", "enter")
        await screen.shows("nightly-rates › v2", "21.42 [20.35, 22.71]", "Gates and releases")
        await screen.press("G")
        await screen.shows("golden")
        await screen.press("q", "q")
        await screen.shows("WHAT FOR")


@run
async def test_how_good_a_model_is_over_time_is_one_key(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("2")
        await screen.shows("WHAT FOR", "nightly-rates")
        await screen.press("w")
        await screen.shows("Models › watch nightly-rates", "Promised", "estimated mae", "realised mae", "labels ┤")
        assert sample.called("monitors.detail")[-1].model == "nightly-rates"
        sample.answers["monitors.attributions"] = (MOVED,)
        await screen.press("w")
        await screen.shows("reasons of nightly-rates", "moved: lead_time", "BEARABLE")
        assert sample.called("monitors.attributions")[-1].model == "nightly-rates"
        await screen.press("q")
        await screen.shows("Models › watch nightly-rates", "Promised")
        await screen.press("q")
        await screen.shows("WHAT FOR")


@run
async def test_scheduled_jobs_that_did_their_work_hide_no_other_job(console: Any) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("7, 1 of routine hidden: / finds them", "source hotel.py:load raised")
        assert "2 windows, 1 alert" not in screen.text
        await screen.press("/", *"monitor", "enter")
        await screen.shows("2/8", "2 windows, 1 alert")


@run
async def test_a_row_that_changes_is_drawn_where_it_stands(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("43% boosting")
        await screen.press("j")
        rows = (JOBS[2], replace(JOBS[1], progress=0.71, progress_text="fold 3"), *JOBS[3:])
        sample.change("jobs.list", rows)
        await screen.shows("71% fold 3", "› ▸ running    train")


@run
async def test_the_filter_follows_every_key_and_escape_clears_it(console: Any) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("succeeded")
        await screen.press("slash")
        await screen.type("failed")
        await screen.shows("/failed", "1/8", "KeyError 'adr'")
        await screen.press("enter")
        assert "succeeded" not in screen.text
        await screen.press("escape")
        await screen.shows("succeeded")


@run
async def test_a_filter_that_cannot_be_read_keeps_the_rows(console: Any) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("succeeded")
        await screen.press("slash")
        await screen.type("train>")
        await screen.shows("compares with nothing", "nightly-rates@3")
        await screen.type("1")
        await screen.shows("does not match any of 8 rows")


@run
async def test_the_command_line_goes_anywhere(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("colon")
        await screen.type("jobs failed")
        await screen.press("enter")
        await screen.shows("/failed", "1/8")
        await screen.press("colon")
        await screen.type("model ni")
        await screen.until(lambda: "nightly-rates" in screen.text.splitlines()[-1], "the name to be offered")
        await screen.press("tab", "enter")
        await screen.shows("Models › nightly-rates", "challenger")
        await screen.press("minus")
        await screen.shows("/failed")
        await screen.press("colon")
        await screen.type("nonsense")
        await screen.press("enter")
        await screen.shows("nonsense: no such command")


@run
@pytest.mark.parametrize(
    ("kind", "list_name", "rows"), [("job", "Jobs", JOBS), ("run", "Runs", RUNS), ("alert", "Alerts", ALERTS)]
)
async def test_ids_are_offered_newest_first_and_open_what_they_name(
    console: Any, kind: str, list_name: str, rows: tuple[Any, ...]
) -> None:
    newest = max(row.id for row in rows)
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("colon")
        await screen.until(lambda: screen.app.desk.names is not None, "the ids")
        await screen.type(f"{kind} ")
        await screen.press("tab")
        offered = screen.text.splitlines()[-1].split()
        assert offered[0] == f":{kind}"
        assert newest.startswith(offered[1])
        await screen.press("enter")
        await screen.until(lambda: newest in screen.app.desk.page.name, "its page")
        await screen.shows(f"{list_name} › ")
        await screen.press("minus")
        await screen.press("colon")
        await screen.type(f"{kind} ffffffff")
        await screen.press("enter")
        await screen.shows(f"none of the newest {kind}s has an id that begins with ffffffff")


@run
async def test_an_alert_about_a_version_that_no_longer_serves_says_so_first(console: Any, sample: SampleClient) -> None:
    about = replace(ALERTS[0], left_version=3)
    sample.answers["alerts.list"] = (about, ALERTS[1])
    sample.answers["deck.pulse"] = replace(sample.answers["deck.pulse"], alerts=(about, ALERTS[1]))
    async with console(size=(120, 40)) as screen:
        await screen.shows("v3 gone")
        shown = screen.text
        assert shown.index("lead_time drifts") < shown.index("v3 gone"), "what is still served comes first"
        await screen.press("9")
        await screen.shows("Alerts", "v3 gone")
        await screen.press("g", "enter")
        await screen.shows("v3, which no longer serves", "it is over")
        assert "R roll back" not in screen.text.rpartition("Next")[2].partition("Windows")[0]


@run
async def test_the_log_follows_and_searches(console: Any) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("43% boosting")
        await screen.press("j", "enter")
        await screen.shows("following", "mae 20.52")
        await screen.press("k")
        await screen.shows("60 lines, f follows")
        await screen.press("slash")
        await screen.type("21.00")
        await screen.shows("1 matching lines", "mae 21.00")


@run
async def test_a_failure_leaves_the_rows_and_says_how_old_they_are(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        sample.failure = Unavailable("no daemon answers", "modeldeck daemon start")
        await screen.shows("✗ shown as it was just now; no daemon answers: modeldeck daemon start", "nightly-rates")
        sample.failure = Unavailable(f"daemon runs 0.1.0 ({'x' * 60}), this is 0.2.0", "modeldeck daemon restart")
        remedy = "this is 0.2.0: modeldeck daemon restart"
        await screen.until(lambda: remedy in " ".join(screen.text.split()), remedy)
        sample.failure = None
        await screen.until(lambda: "daemon restart" not in screen.text, "the banner to go")


@run
async def test_a_page_that_cannot_be_read_says_why_and_nothing_else(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        sample.failure = Refused("'noon' is not a time", "write 2026-01-31T14:00")
        await screen.press("colon")
        await screen.type("at noon")
        await screen.press("enter")
        await screen.shows("✗ 'noon' is not a time: write 2026-01-31T14:00")
        assert "reading" not in screen.text
        assert "shown as it was" not in screen.text


@run
async def test_every_empty_screen_says_why(console: Any, sample: SampleClient) -> None:
    sample.answers["deck.pulse"] = replace(PULSE, models=(), alerts=(), events=())
    for name in ("models", "runs", "jobs", "releases", "deployments", "schedules", "events", "alerts", "notifications"):
        sample.answers[f"{name}.list"] = ()
    sample.answers["monitors.newest"] = ()
    async with console() as screen:
        await screen.shows("This deck has no models yet.", "modeldeck demo")
        for key, text in (
            ("2", "no models yet"),
            ("3", "Nothing has been trained yet."),
            ("4", "No job has run yet."),
            ("5", "Nothing is deployed yet."),
            ("6", "Nothing is watched yet."),
            ("7", "Nothing runs by itself yet."),
            ("h", "Nothing has been released yet."),
            ("8", "Nothing has changed yet."),
            ("9", "No alert has been raised."),
            ("0", "Nothing was told to anybody yet."),
        ):
            await screen.press(key)
            await screen.shows(text)


@run
async def test_describe_json_and_copies(console: Any) -> None:
    async with console() as screen:
        await screen.press("9")
        await screen.shows("lead_time drifts")
        await screen.press("d")
        await screen.shows("Alerts › described", "acknowledged by")
        await screen.press("q", "y")
        await screen.shows("Alerts › JSON", '"severity": "critical"')
        await screen.press("q", "c")
        await screen.shows(f"copied: {ALERTS[0].id}")
        await screen.press("C")
        await screen.shows("copied: modeldeck alerts --all")


@run
async def test_place_filter_and_cursor_are_there_at_the_next_start(console: Any) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("succeeded")
        await screen.press("slash")
        await screen.type("train")
        await screen.press("enter", "j", "j")
        await screen.shows("› ✓ succeeded")
    async with console() as screen:
        await screen.shows("/train", "4/8", "› ✓ succeeded")


@run
async def test_values_are_never_markup(console: Any, sample: SampleClient) -> None:
    spoiled = replace(PULSE.models[0], model="[red]x[/]\x1b[2J", last_change="[link=file:///]y[/] 日本語")
    sample.answers["deck.pulse"] = replace(PULSE, models=(spoiled,))
    async with console() as screen:
        await screen.shows("[red]x[/]·[2J", "[link=file:///]y[/] 日本語")


@pytest.mark.parametrize("size", [(50, 12), (80, 24), (120, 40), (200, 60)])
def test_every_screen_draws_at_every_size(console: Any, size: tuple[int, int]) -> None:
    @run
    async def walk() -> None:
        async with console(size=size) as screen:
            await screen.until(lambda: "nightly-rates" in screen.text)
            for key in "23456789h0":
                await screen.press(key)
                await screen.until(lambda: screen.app.desk.page.loaded)
                await screen.press("enter")
                await screen.until(lambda: screen.app.desk.page.loaded)
                await screen.press("question_mark", "escape")

    walk()


@run
async def test_a_tiny_terminal_is_told_so_and_plain_signs_are_plain(console: Any) -> None:
    async with console(size=(40, 10)) as screen:
        await screen.shows("50x12 at least; this terminal is 40x10")
    async with console(ascii_only=True, theme="mono") as screen:
        await screen.shows("* ready")
        assert screen.text.isascii()


@run
async def test_what_did_not_arrive_is_seen_from_the_first_screen_on(console: Any, sample: SampleClient) -> None:
    sample.answers["deck.pulse"] = replace(PULSE, undelivered=2)
    async with console() as screen:
        await screen.shows("untold2", "2 notifications did not arrive: 0 shows why")
        await screen.press("0")
        await screen.shows("✗ failed", "answered 503 Service Unavailable", "no answer within 10 s")
        first = next(line for line in screen.text.splitlines() if "oncall" in line or "pipeline" in line)
        assert "pipeline" in first
        await screen.press("enter")
        await screen.shows("12 times", "upstream is away", "modeldeck notifications test pipeline")
        await screen.press("E")
        await screen.until(lambda: sample.called("notifications.replay"))
        assert [request.id for request in sample.called("notifications.replay")] == [NOTIFICATIONS[1].id]


@run
async def test_what_was_told_within_another_is_not_sent_by_itself(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("0")
        await screen.shows("✗ failed")
        await screen.press("G", "E")
        await screen.shows("E: it was told in")
        assert sample.called("notifications.replay") == []
