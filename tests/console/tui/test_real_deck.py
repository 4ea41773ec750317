"""The console on a real registry, asked through the real client."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.client import connect
from engine.deck import Deck


def test_it_shows_a_real_deck_and_follows_its_changes(console: Any, deck: Deck, apply_settings_body: Any) -> None:
    apply_settings_body("rates")

    async def look() -> None:
        with connect(deck.workspace) as client:
            async with console(client=client) as screen:
                await screen.shows("rates", "nothing serves, no version yet: T trains one", "settings applied")
                await screen.press("2")
                await screen.shows("regression")
                await screen.press("enter")
                await screen.shows("rates has no versions yet.", "T train")
                await screen.press("8")
                await screen.shows("settings applied")
                apply_settings_body("rates", posts={"task": "classification"})
                await screen.press("1")
                await screen.shows("posts")
                await screen.press("j", "R")
                await screen.shows("nothing serves")
                for key, text in (("3", "Nothing has been trained"), ("4", "No job has run"), ("9", "No alert")):
                    await screen.press(key)
                    await screen.shows(text)

    asyncio.run(look())
