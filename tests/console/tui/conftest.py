from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sample_deck import SampleClient
from sample_releases import NOW
from textual.events import Key

from console.deck_app import DeckApp
from console.preferences import Chosen, Preferences
from console.render.cells import plain
from console.terminal import Profile
from console.widgets.surface import Surface

DEADLINE_S = 15.0
NAMED = {"space": " ", "minus": "-", "at": "@", "slash": "/", "colon": ":", "question_mark": "?"}


class Screen:
    """The console as a person has it: keys in, text out. `seconds` is the dialogs' clock and moves with every key."""

    def __init__(self, app: DeckApp, clock: list[float]) -> None:
        self.app = app
        self._clock = clock

    @property
    def text(self) -> str:
        return "\n".join(plain(cells) for surface in self.app.query(Surface) for cells in surface.frame_lines)

    async def press(self, *keys: str, hurried: bool = False) -> None:
        for key in keys:
            if not hurried:
                self._clock[0] += 1.0
            self.app.post_message(Key(key, NAMED.get(key, key if len(key) == 1 else None)))
        done = asyncio.Event()
        self.app.call_later(done.set)
        await done.wait()

    async def type(self, text: str) -> None:
        names = {character: name for name, character in NAMED.items()}
        await self.press(*(names.get(character, character) for character in text))

    async def shows(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.text for text in texts), f"{texts}")

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited for {what}\n{self.text}"
            await asyncio.sleep(0.01)


@pytest.fixture
def console(sample: SampleClient, tmp_path: Path) -> Any:
    @asynccontextmanager
    async def opened(
        size: tuple[int, int] = (80, 24),
        client: Any = None,
        read_only: bool = False,
        set_of: Preferences | None = None,
        **profile: Any,
    ) -> AsyncIterator[Screen]:
        clock = [100.0]
        found = Profile(**{"is_remote": False, "fps": 30, "theme": "dark", "ascii_only": False, **profile})
        app = DeckApp(
            lambda: client or sample,
            found,
            deck_name="hotel-demo",
            state_path=tmp_path / "console.json",
            preferences=set_of or Preferences({"read_only": Chosen(read_only)}),
            interval_s=0.1,
            now=lambda: NOW,
            seconds=lambda: clock[0],
        )
        async with app.run_test(size=size):
            yield Screen(app, clock)

    return opened
