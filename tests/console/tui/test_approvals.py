"""Who has to say yes, from the console: the list, one approval, asking and granting with what differs shown."""

from __future__ import annotations

from typing import Any

from on_a_loop import run
from sample_deck import SampleClient

from engine.operations.approvals import ApprovalRequest, GrantRequest
from store.errors import NotAllowed


async def listed(screen: Any) -> None:
    await screen.shows("Way back")
    await screen.press(":", *"approvals", "enter")
    await screen.shows("nightly-rates@3", "1 of 2: ben", "half the error")


@run
async def test_the_list_shows_what_waits_first_and_one_shows_what_it_is_bound_to(console: Any) -> None:
    async with console(size=(120, 40)) as screen:
        await listed(screen)
        await screen.press("enter")
        await screen.shows("granted by ben", "looked at the slices", "Bound to", "cards nightly-rates 3 --since")


@run
async def test_granting_shows_what_differs_and_needs_another_key(console: Any, sample: SampleClient) -> None:
    async with console(size=(120, 40)) as screen:
        await listed(screen)
        await screen.press("S")
        await screen.shows("Grant nightly-rates: v2 → v3", "asked by user:anna", "Cancel")
        await screen.press("S", "j")
        assert sample.called("approvals.grant") == []
        await screen.press("y")
        await screen.until(lambda: sample.called("approvals.grant"))
        assert sample.called("approvals.grant") == [GrantRequest("nightly-rates", 3, "", "basis-5")]
        await screen.shows("approval of nightly-rates@3 is granted, 1 of 2 granted")


@run
async def test_what_has_ended_cannot_be_granted_and_says_so(console: Any, sample: SampleClient) -> None:
    async with console(size=(120, 40)) as screen:
        await listed(screen)
        await screen.press("j", "S")
        await screen.shows("S: it is used already")
        assert sample.called("approvals.preview_grant") == []


@run
async def test_a_version_is_asked_for_from_its_models_row(console: Any, sample: SampleClient) -> None:
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("2")
        await screen.shows("nightly-rates")
        await screen.press("Q")
        await screen.shows("Ask for approval of nightly-rates@3", "bound to the version")
        await screen.press("y")
        await screen.until(lambda: sample.called("approvals.request"))
        assert sample.called("approvals.request") == [ApprovalRequest("nightly-rates", 3, "")]


@run
async def test_who_may_not_grant_reads_why(console: Any, sample: SampleClient) -> None:
    sample.answers["approvals.grant"] = NotAllowed("user:anna requested the approval and cannot grant it", "ask ben to")
    async with console(size=(120, 40)) as screen:
        await listed(screen)
        await screen.press("S")
        await screen.shows("Grant nightly-rates")
        await screen.press("y")
        await screen.shows("Not done", "cannot grant it", "ask ben to")
