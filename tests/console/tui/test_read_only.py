"""A read-only session: said on the screen, every change listed with that reason, none asked of the deck."""

from __future__ import annotations

from typing import Any

from on_a_loop import run
from sample_deck import SampleClient

from engine.actions.table import ACTIONS


def asked(sample: SampleClient) -> set[str]:
    """Return every operation that was asked."""
    return {operation for operation, _ in sample.calls}


@run
async def test_the_badge_stands_on_every_screen_and_every_key_of_a_change_says_why_not(
    console: Any, sample: SampleClient
) -> None:
    changing = {action.operation for action in ACTIONS if action.operation}
    async with console(read_only=True) as screen:
        await screen.shows("Way back", " read-only ")
        for number in "123456789":
            await screen.press(number)
            await screen.shows(" read-only ")
            for key in sorted({action.key for action in ACTIONS if action.operation}):
                await screen.press(key)
                assert screen.app.desk.box is None
                assert not screen.app.desk.is_busy
        assert not asked(sample) & changing
        assert not [operation for operation in asked(sample) if ".preview_" in operation]


@run
async def test_a_change_by_command_and_an_undo_are_refused_too(console: Any, sample: SampleClient) -> None:
    async with console(read_only=True) as screen:
        await screen.shows("Way back")
        await screen.press("R")
        await screen.shows("R: this session is read-only")
        await screen.press(":", *"promote", "space", *"nightly-rates", "enter")
        await screen.shows("P: this session is read-only")
        await screen.press("z")
        await screen.shows("this session is read-only")
        assert not [operation for operation in asked(sample) if operation.startswith("releases.preview")]


@run
async def test_the_menu_lists_changes_with_the_reason(console: Any) -> None:
    async with console(read_only=True, size=(120, 40)) as screen:
        await screen.shows("Way back")
        await screen.press("a")
        await screen.shows("roll back  (this session is read-only)", "describe")
        await screen.press("R")
        await screen.shows("R: this session is read-only")
