"""What a person set, seen on the screen: keys that moved, the words for them, where it opens, in which zone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from on_a_loop import run
from sample_deck import SampleClient

from console.preferences import Chosen, Preferences
from console.render.display import SHOWN


@pytest.fixture(autouse=True)
def shown_as_before() -> Iterator[None]:
    """Leave the terminal's display as it was."""
    zone, keymap = SHOWN.zone, SHOWN.keymap
    yield
    SHOWN.zone, SHOWN.keymap = zone, keymap


@run
async def test_a_key_that_moved_does_its_action_and_sentences_name_it(console: Any, sample: SampleClient) -> None:
    chosen = Preferences(keys={"releases.rollback": ("f9",), "look.filter": ("F",)})
    async with console(set_of=chosen) as screen:
        await screen.shows("Way back", "f9 returns the traffic", "f9 roll back")
        await screen.press("R")
        assert not screen.app.desk.is_busy
        await screen.press("f9")
        await screen.shows("Roll back nightly-rates: v2 → v1")
        await screen.press("escape", "F")
        await screen.type("posts")
        await screen.shows("/posts")


@run
async def test_it_opens_where_the_settings_say(console: Any) -> None:
    async with console(set_of=Preferences({"start": Chosen("alerts")})) as screen:
        await screen.shows("lead_time drifts")


@run
async def test_times_are_shown_in_the_zone_that_was_set(console: Any) -> None:
    async with console(size=(120, 40)) as screen:
        await screen.press("8")
        await screen.shows("Z ")
    SHOWN.zone = ZoneInfo("Asia/Kolkata")
    async with console(size=(120, 40)) as screen:
        await screen.press("8")
        await screen.shows("+05:30")
