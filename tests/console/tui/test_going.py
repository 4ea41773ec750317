"""Going places: to anything by part of its name, back and forward through the screens, by a command typed before."""

from __future__ import annotations

from typing import Any

import pytest
from on_a_loop import run
from sample_deck import ALERTS, RUNS, SampleClient

from console.jumping import matching, read_targets
from console.state import LONGEST_COMMAND, MOST_COMMANDS, ConsoleState, load, remember, save
from engine.operations.deck import AuditReport


@run
async def test_part_of_a_name_goes_to_a_model_an_alert_a_run_and_a_version(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("p")
        await screen.shows("Go to", "nightly-rates", "post-moderation")
        await screen.type("model post-mod")
        await screen.press("enter")
        await screen.shows("Models › post-moderation")
        await screen.press("p")
        await screen.shows("Go to")
        await screen.type("alert lead_time")
        await screen.shows("lead_time drifts")  # the alert itself, not the words that were typed
        await screen.press("enter")
        await screen.shows("Alerts ›", "drift")
        await screen.press("ctrl+p")
        await screen.shows("Go to", "screen")
        await screen.type(RUNS[1].id)
        await screen.press("enter")
        await screen.shows(f"Runs › run {RUNS[1].id[:12]}")
        await screen.press("p")
        await screen.shows("Go to", "screen")
        await screen.type("nightly-rates@2")
        await screen.press("enter")
        await screen.shows("Models › v2")


@run
async def test_what_names_nothing_says_so_and_escape_stays(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("p")
        await screen.shows("nightly-rates")
        await screen.type("zzz")
        await screen.shows("Nothing of that name.")
        await screen.press("enter", "escape")
        await screen.until(lambda: screen.app.desk.box is None)
        await screen.shows("Way back")


@run
async def test_keys_typed_before_the_names_are_there_are_kept_and_change_nothing(
    console: Any, sample: SampleClient
) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("p", "P", "R", "y", hurried=True)
        await screen.shows("Go to", "PRy", "Nothing of that name.")
        assert not [operation for operation, _ in sample.calls if operation.startswith("releases.p")]


@run
@pytest.mark.parametrize(
    "named", ["version nightly-rates@champion", "model nightly-rates @champion", "nightly-rates@v2"]
)
async def test_command_opens_a_version_by_any_name_it_has(console: Any, named: str) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press(":")
        await screen.type(named)
        await screen.press("enter")
        await screen.shows("nightly-rates › v2", "Evaluation")


@run
async def test_record_is_verified_where_it_is_asked_for_and_what_only_a_shell_has_says_so(
    console: Any, sample: SampleClient
) -> None:
    sample.answers["audit.verify"] = AuditReport(True, 1412, "sha256:" + "ab" * 32, None, "")
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press(":")
        await screen.type("audit verify")
        await screen.press("enter")
        await screen.shows("audit verify", "1,412 events verified", "sha256:abab")
        assert len(sample.called("audit.verify")) == 1
        await screen.press(":")
        await screen.type("audit export all.evidence")
        await screen.press("enter")
        await screen.shows("only a shell has it: modeldeck audit export all.evidence")


@run
async def test_version_that_never_was_is_told_as_the_command_line_tells_it(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press(":")
        await screen.type("version nightly-rates 9")
        await screen.press("enter")
        await screen.shows("no version nightly-rates@9: modeldeck versions nightly-rates lists them")


@run
async def test_command_acts_on_a_version_named_by_an_alias_and_tells_the_aliases_there_are(
    console: Any, sample: SampleClient
) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press(":")
        await screen.type("promote nightly-rates @champion")
        await screen.press("enter")
        await screen.shows("Promote nightly-rates")
        assert sample.called("releases.preview_promote")[0].version == 2
        await screen.press("escape", ":")
        await screen.type("promote nightly-rates@canary")
        await screen.press("enter")
        await screen.shows("nightly-rates has no version 'canary'", "one of its aliases: champion")


@run
async def test_keys_typed_while_a_screen_is_read_are_carried_out_when_it_is_there(
    console: Any, sample: SampleClient
) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("2", "j", "enter", hurried=True)
        await screen.shows("Models › post-moderation", "VERSION")
        await screen.press("2", "g", "enter", "j", "enter", hurried=True)
        await screen.shows("Models › nightly-rates › v2", "Evaluation")
        await screen.press("5", "enter", "R", hurried=True)  # a change is never carried out later: the enter goes too
        await screen.shows("Deploys", "TRAFFIC", "R: still reading; press it again")
        assert not sample.called("releases.preview_rollback")


def test_words_narrow_and_what_begins_so_comes_first(sample: SampleClient) -> None:
    targets = read_targets(sample)
    assert matching(targets, "post-moderation")[0].kind == "model"
    assert {one.kind for one in matching(targets, "job train")} == {"job"}
    assert matching(targets, ALERTS[0].id[:20])[0].kind == "alert"
    assert matching(targets, "screen alerts")[0].page is None
    assert matching(targets, "no-such@3") == []
    assert len(matching(targets, "")) == len(targets)


@run
async def test_back_and_forward_go_through_what_was_visited(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("[")
        await screen.shows("there is no earlier screen")
        await screen.press("2")
        await screen.shows("WHAT FOR")
        await screen.press("enter")
        await screen.shows("Models › nightly-rates")
        await screen.press("9")
        await screen.shows("lead_time drifts")
        await screen.press("[")
        await screen.shows("Models › nightly-rates", "challenger")
        await screen.press("[")
        await screen.shows("WHAT FOR")
        await screen.press("]", "]")
        await screen.shows("lead_time drifts")
        await screen.press("]")
        await screen.shows("there is no later screen")
        await screen.press("[", "4")
        await screen.shows("PROGRESS")
        await screen.press("]")
        await screen.shows("there is no later screen")


@run
async def test_commands_come_back_with_up_in_the_next_session_too(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press(":", *"jobs", "enter")
        await screen.shows("PROGRESS")
        await screen.press(":", *"alerts", "enter")
        await screen.shows("lead_time drifts")
        await screen.press("q")
        await screen.until(lambda: not screen.app.is_running)
    async with console() as screen:
        await screen.shows("lead_time drifts")
        await screen.press(":", "up")
        await screen.shows(" :alerts")
        await screen.press("up")
        await screen.shows(" :jobs")
        await screen.press("up", "down", "down")
        await screen.until(lambda: ":alerts" not in screen.text and ":jobs" not in screen.text)
        await screen.press("j", "up")
        await screen.shows(" :jobs")
        await screen.press("enter")
        await screen.shows("PROGRESS")


def test_history_is_bounded_and_leaves_out_what_begins_with_a_space() -> None:
    kept: list[str] = []
    for number in range(MOST_COMMANDS + 10):
        remember(kept, f"version m@{number}")
    remember(kept, " hidden")
    remember(kept, "x" * (LONGEST_COMMAND + 1))
    remember(kept, "")
    remember(kept, "version m@20")
    assert len(kept) == MOST_COMMANDS
    assert kept[-1] == "version m@20"
    assert kept.count("version m@20") == 1


@pytest.mark.parametrize("text", ['{"screen": "jobs", "filters": {}, "cursors": {}}', "{", '{"commands": 3}'])
def test_a_state_of_before_or_a_spoiled_one_gives_no_history(tmp_path: Any, text: str) -> None:
    path = tmp_path / "console.json"
    path.write_text(text)
    assert load(path).commands == []
    save(path, ConsoleState(commands=["jobs"]))
    assert load(path).commands == ["jobs"]
