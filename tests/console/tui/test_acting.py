from __future__ import annotations

from dataclasses import replace
from typing import Any

from on_a_loop import run
from sample_deck import ALERTS, JOBS, PULSE, SampleClient
from sample_releases import DEPLOY, PLAN, RELEASES

from engine.operations.alerts import SnoozeRequest
from engine.operations.serving import AbortRequest, DeployRequest, PromoteRequest, ReleaseChange, RollbackRequest
from engine.operations.work import CancelRequest
from engine.plans import Preview
from store.errors import Refused, StaleBasis


@run
async def test_two_keys_roll_back_with_the_proof_shown_between_them(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("R")
        await screen.shows("Roll back nightly-rates: v2 → v1", "golden answers", "✓ passed", "Cancel")
        assert sample.called("releases.rollback") == []
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.rollback"))
        assert sample.called("releases.rollback") == [RollbackRequest("nightly-rates", "", "basis-2")]
        await screen.shows("promote v2 nightly-rates", "promote completed; v2 has the traffic")


@run
async def test_promote_shows_the_plan_and_carries_its_basis(console: Any, sample: SampleClient) -> None:
    async with console(size=(120, 40)) as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("Promote nightly-rates: v2 → v3", "undo  modeldeck rollback nightly-rates", *PLAN.lines())
        await screen.press("P", "j", "ctrl+d")
        assert sample.called("releases.promote") == []
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.promote"))
        assert sample.called("releases.promote") == [PromoteRequest("nightly-rates", 3, "", "basis-1")]
        await screen.shows("76 still needed", "X abort")


@run
async def test_changed_settings_are_deployed_from_the_pulse_with_their_differences_shown(
    console: Any, sample: SampleClient
) -> None:
    changed = replace(PULSE.models[0], undeployed=("deploy.replicas",))
    sample.answers["deck.pulse"] = replace(PULSE, models=(changed, *PULSE.models[1:]))
    async with console(size=(80, 24)) as screen:
        await screen.shows("deploys")
        await screen.press("D")
        await screen.shows("Deploy nightly-rates: v2 stays", "deploy.replicas", *DEPLOY.lines())
        assert sample.called("releases.deploy") == []
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.deploy"))
        assert sample.called("releases.deploy") == [DeployRequest("nightly-rates", "", "basis-3")]


@run
async def test_where_no_setting_differs_deploy_says_so_and_asks_nothing(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("D")
        await screen.shows("D: its servers run as the applied settings say")
        assert sample.called("releases.preview_deploy") == []


@run
async def test_enter_on_a_fresh_dialog_cancels(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("Cancel")
        await screen.press("enter")
        await screen.until(lambda: screen.app.desk.box is None)
        assert sample.called("releases.promote") == []


@run
async def test_typeahead_never_confirms(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("P", "y", "y", hurried=True)
        await screen.shows("Cancel")
        await screen.press("y", "y", "y", hurried=True)
        assert sample.called("releases.promote") == []
        assert screen.app.desk.box is not None


@run
async def test_a_basis_that_went_stale_shows_what_changed_and_asks_again(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("Cancel")
        checks = (replace(PLAN.checks[0], verdict="failed", observed="31.2"), *PLAN.checks[1:])
        sample.answers["releases.preview_promote"] = Preview(replace(PLAN, checks=checks), "basis-9")
        sample.answers["releases.promote"] = StaleBasis("what you saw is no longer what stands")
        await screen.press("y")
        await screen.shows("Something changed while you looked", "mae: passed → failed 31.2")
        sample.answers["releases.promote"] = RELEASES[0]
        await screen.press("y")
        await screen.until(lambda: len(sample.called("releases.promote")) == 2)
        assert sample.called("releases.promote")[1].basis == "basis-9"


@run
async def test_a_blocked_promotion_says_why_and_a_reason_lifts_it(console: Any, sample: SampleClient) -> None:
    sample.answers["releases.preview_promote"] = Preview(PLAN, "b", blocked="v3 is marked abandoned; say why: --reason")
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("✗ v3 is marked abandoned")
        await screen.press("y")
        assert sample.called("releases.promote") == []
        sample.answers["releases.preview_promote"] = Preview(PLAN, "b2")
        await screen.press("e")
        await screen.type("fixed upstream")
        await screen.press("enter")
        await screen.until(lambda: not screen.app.desk.is_busy)
        await screen.shows("reason: fixed upstream")
        await screen.press("C")
        await screen.shows("copied: modeldeck promote nightly-rates 3 --reason 'fixed upstream'")
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.promote"))
        assert sample.called("releases.promote") == [PromoteRequest("nightly-rates", 3, "fixed upstream", "b2")]


@run
async def test_a_version_is_promoted_by_its_number(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("2")
        await screen.shows("WHAT FOR")
        await screen.press("enter")
        await screen.shows("challenger")
        await screen.press("j", "P")
        await screen.shows("P: v2 serves already")
        await screen.press("j", "P")
        await screen.shows("Cancel")
        assert sample.called("releases.preview_promote") == [PromoteRequest("nightly-rates", 1)]


@run
async def test_what_serves_already_is_only_said(console: Any, sample: SampleClient) -> None:
    sample.answers["releases.preview_promote"] = Preview(PLAN, "b", already="already champion: nightly-rates v3")
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("already champion: nightly-rates v3")
        assert screen.app.desk.box is None


@run
async def test_a_refusal_shows_cause_and_remedy(console: Any, sample: SampleClient) -> None:
    sample.answers["releases.preview_rollback"] = Refused("there is nothing to go back to", "name a version")
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("R")
        await screen.shows("Not done", "there is nothing to go back to", "name a version")
        await screen.press("escape")
        await screen.until(lambda: "Not done" not in screen.text)


@run
async def test_a_running_release_is_aborted_with_its_plan_shown(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("5")
        await screen.shows("TRAFFIC", "76 still needed")
        await screen.press("enter")
        await screen.shows("v3 10 %, v2 90 %", "step 8 of 13")
        await screen.press("X")
        await screen.shows("Cancel")
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.abort"))
        assert sample.called("releases.abort") == [AbortRequest("nightly-rates", "", "basis-2")]


@run
async def test_a_held_release_is_resumed_only_with_a_reason(console: Any, sample: SampleClient) -> None:
    held = replace(RELEASES[0], state="held")
    sample.answers["releases.list"] = (held, *RELEASES[1:])
    async with console() as screen:
        await screen.press("5")
        await screen.shows("held")
        await screen.press("U")
        await screen.shows("e gives the reason it needs")
        await screen.press("y")
        await screen.shows("a reason is needed")
        await screen.press("e")
        await screen.type("quiet hour")
        await screen.press("enter", "y")
        await screen.until(lambda: sample.called("releases.resume"))
        assert sample.called("releases.resume") == [ReleaseChange("nightly-rates", "quiet hour")]


@run
async def test_train_cancel_and_acknowledge(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("T")
        await screen.shows("Train nightly-rates", "Nothing is served by it")
        await screen.press("y")
        await screen.shows("queued; 4 shows the jobs")
        await screen.press("4")
        await screen.shows("43% boosting")
        await screen.press("j", "K")
        await screen.shows("Stops the train job")
        await screen.press("y")
        await screen.shows("asked to stop")
        assert sample.called("jobs.cancel") == [CancelRequest(JOBS[1].id, "")]
        await screen.press("9")
        await screen.shows("critical")
        await screen.press("A")
        await screen.shows("acknowledged: no positive label", "✓ acked")
        await screen.press("A")
        assert [request.id for request in sample.called("alerts.ack")] != []


@run
async def test_an_alert_is_put_aside_for_hours_from_its_page(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("9")
        await screen.shows("critical")
        await screen.press("enter")
        await screen.shows("no positive label", "Before it", "Z snooze")
        await screen.press("Z")
        await screen.shows("Put the alert aside", "--for 4h")
        await screen.press("y")
        await screen.shows("snoozed: no positive label")
        assert sample.called("alerts.snooze") == [SnoozeRequest(ALERTS[0].id, "", lasts="4h")]


@run
async def test_a_finished_job_cannot_be_cancelled_and_says_so(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.press("4")
        await screen.shows("succeeded")
        await screen.press("G", "K")
        await screen.shows("K: the job has abandoned already")
        assert sample.called("jobs.cancel") == []


@run
async def test_the_menu_runs_what_it_lists(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("a")
        await screen.shows("What can be done here", "promote: give a version the traffic")
        await screen.press("T")
        await screen.shows("Train nightly-rates")
        await screen.press("escape", "question_mark")
        await screen.shows("Keys of this screen", "go to")


@run
async def test_pasted_text_is_never_a_command(console: Any, sample: SampleClient) -> None:
    from textual.events import Paste

    async with console() as screen:
        await screen.shows("Way back")
        screen.app.post_message(Paste("R\ny\n"))
        await screen.shows("pasted text is taken only after")
        assert sample.called("releases.preview_rollback") == []


@run
async def test_an_errand_is_not_waited_for_after_escape(console: Any, sample: SampleClient) -> None:
    import threading

    gate = threading.Event()
    answer = sample.call

    class Slow(SampleClient):
        def call(self, operation_id: str, request: Any = None) -> Any:
            if operation_id == "releases.preview_promote":
                gate.wait(10)
            return answer(operation_id, request)

    async with console(client=Slow()) as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("reading what it would do to nightly-rates")
        await screen.press("y", "escape")
        gate.set()
        await screen.press("4")
        await screen.shows("43% boosting")
        assert screen.app.desk.box is None


@run
async def test_q_at_the_root_quits(console: Any) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("q")
        await screen.until(lambda: not screen.app.is_running)


def test_sample_rows_are_consistent() -> None:
    assert {alert.model for alert in ALERTS} <= {model.model for model in PULSE.models}


@run
async def test_keys_typed_at_a_box_that_is_gone_do_nothing_to_the_page_beneath(
    console: Any, sample: SampleClient
) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("R")
        await screen.shows("Roll back nightly-rates: v2 → v1")
        await screen.press("y")
        await screen.shows("promote v2 nightly-rates", "promote completed; v2 has the traffic")
        page = screen.app.desk.page.name
        for key in ("y", "9"):  # at once: the clock of the boxes has not moved since
            screen.app.desk.press(key)
            assert screen.app.desk.page.name == page
        await screen.press("9")
        await screen.shows("Alerts")


@run
async def test_the_rest_of_a_text_whose_letter_closed_the_box_runs_no_keys(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("R")
        await screen.shows("Roll back nightly-rates: v2 → v1")
        await screen.press("n")
        page = screen.app.desk.page.name
        for letter in "ot 2 9":
            screen.app.desk.press(letter)
        assert screen.app.desk.page.name == page
        await screen.press("9")
        await screen.shows("Alerts")


@run
async def test_an_abort_says_who_has_the_traffic_and_not_that_something_goes_on(
    console: Any, sample: SampleClient
) -> None:
    sample.answers["deck.pulse"] = replace(
        PULSE, models=(replace(PULSE.models[0], release="v3 10 %"), *PULSE.models[1:])
    )
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("X")
        await screen.shows("Cancel")
        await screen.press("y")
        await screen.shows("promote of v3 aborted; v2 has the traffic")
        assert "goes on without" not in screen.text


@run
async def test_a_key_typed_too_soon_at_a_box_is_said_to_have_done_nothing(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("P")
        await screen.shows("Promote nightly-rates")
        await screen.press("y", hurried=True)
        await screen.shows("y: too soon after the box opened, nothing was done; press it again")
        assert sample.called("releases.promote") == []
        await screen.press("y")
        await screen.until(lambda: sample.called("releases.promote"))
        await screen.until(lambda: screen.app.desk.box is None and not screen.app.desk.is_busy)
        await screen.press("X", hurried=True)
        await screen.shows("X: too soon after the box closed, nothing was done; press it again")
        assert sample.called("releases.abort") == []
