"""The Textual app: four painted surfaces, the two threads, keys and sizes handed to the desk.

The first frame stands before anything of a screen is loaded: the desk and its screens come right after it, and keys
typed meanwhile wait for them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.message import Message

from console.preferences import Preferences
from console.render.cells import Line, line
from console.terminal import Profile
from console.widgets.header import crumbs, header
from console.widgets.surface import Surface
from console.wire import QuietDriver, narrowed

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.screen import Screen

    from console.desk import Desk
    from console.poller import Answer, Asks, Errands, Failure, Poller, Read, Returned

AGES_S = 30.0  # how often ages are drawn anew
_GROUNDS = {"dark": "textual-dark", "light": "textual-light"}  # Textual's own ground, seen before the first paint


OPENING: list[Line] = [(), line("  ", ("reading…", "dim"))]


class Arrived(Message):
    """Something came from the poller's or the errands' thread."""

    def __init__(self, what: Answer | Failure | Returned) -> None:
        super().__init__()
        self.what = what


class DeckApp(App[None]):
    """The console of one deck."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    #body { height: 1fr; }
    """
    BINDINGS: ClassVar[list[Any]] = []

    def __init__(
        self,
        client: Callable[[], Asks],
        profile: Profile,
        *,
        deck_name: str = "",
        state_path: Path | None = None,
        preferences: Preferences | None = None,
        interval_s: float | None = None,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(driver_class=QuietDriver)
        self._profile = profile
        self._preferences = preferences or Preferences()
        self._client = client
        self._interval_s = self._preferences["refresh"] if interval_s is None else interval_s
        self._deck_name, self._state_path = deck_name, state_path
        self._clocks = now, seconds
        self._begun = False
        self._desk: Desk | None = None
        self._poller: Poller | None = None
        self._errands: Errands | None = None
        self.theme = _GROUNDS.get(profile.theme, "ansi-dark")

    def compose(self) -> ComposeResult:
        """Lay out header, title, body and footer."""
        look, ascii_only = self._profile.theme, self._profile.ascii_only
        for name in ("header", "title", "body", "footer"):
            ground, opening = "bar" if name == "header" else "", partial(self._opening, name)
            yield Surface(id=name, look=look, ascii_only=ascii_only, ground=ground, opening=opening)

    def _opening(self, name: str, width: int) -> list[Line]:
        """Return the lines of a surface before there is anything of a screen."""
        if name == "header":
            return [header(self._deck_name, None, width, read_only=self._preferences["read_only"])]
        if name == "title":
            return [crumbs([], "", "", width)]
        return OPENING if name == "body" else []

    @property
    def desk(self) -> Desk:
        """What is in view; there from the first frame on."""
        assert self._desk is not None, "the desk comes right after the first frame"
        return self._desk

    def _begin(self) -> None:
        """Load the screens, and start reading."""
        if self._desk is not None:
            return
        from console import state
        from console.desk import Desk
        from console.keymap import Keymap
        from console.poller import Errands, Poller
        from console.render.display import SHOWN

        self._poller = Poller(self._client, self._arrive, interval_s=self._interval_s)
        self._errands = Errands(self._client, self._arrive)
        kept = state.load(self._state_path) if self._state_path else state.ConsoleState()
        start = self._preferences["start"]
        if start != "last":
            kept.screen = start
        keymap = Keymap(self._preferences.keys, read_only=self._preferences["read_only"])
        SHOWN.keymap = keymap
        self._desk = Desk(self, self._deck_name, kept, *self._clocks, keymap)
        self._poller.start()
        self._errands.start()
        self.set_interval(AGES_S, self.paint)
        self._desk.begin()
        self.paint()

    def on_unmount(self) -> None:
        """Stop reading and keep the place."""
        if self._desk is None or self._poller is None or self._errands is None:
            return
        from console import state

        self._poller.stop()
        self._errands.stop()
        if self._state_path is not None:
            state.save(self._state_path, self._desk.state())

    # what the desk asks of the outside

    def watch_page(self, page: str, read: Read, is_always: bool) -> None:
        """Read for a page from now on."""
        assert self._poller is not None
        self._poller.watch(page, read, is_always=is_always)

    def refresh_data(self) -> None:
        """Read again now."""
        assert self._poller is not None
        self._poller.refresh()

    def send(self, number: int, work: Read) -> None:
        """Carry out an errand."""
        assert self._errands is not None
        self._errands.send(number, work)

    def leave(self) -> None:
        """Quit; nothing is lost."""
        self.exit()

    def pause_program(self) -> None:
        """Give the terminal back to the shell until it resumes us."""
        self.action_suspend_process()

    def copy(self, text: str) -> bool:
        """Copy to the person's clipboard; say whether the text was short enough for terminals to take."""
        from console import clipboard

        sequence = clipboard.osc52(text, os.environ)
        if sequence and self._driver is not None:
            self._driver.write(sequence)
        return bool(sequence)

    # messages and keys

    def _arrive(self, what: Answer | Failure | Returned) -> None:
        self.post_message(Arrived(what))

    def on_arrived(self, message: Arrived) -> None:
        """Take what a thread brought."""
        self.desk.arrived(message.what)
        self.paint()

    async def on_event(self, event: events.Event) -> None:
        """Hand keys and pasted text to the desk; everything else is Textual's."""
        if isinstance(event, events.Key | events.Paste):
            self._begin()
        if isinstance(event, events.Key):
            from console import keymap

            event.stop()
            self.desk.press(keymap.key_of(event.key, event.character))
            self.paint()
        elif isinstance(event, events.Paste):
            event.stop()
            self.desk.paste(event.text)
            self.paint()
        else:
            await super().on_event(event)

    def on_surface_sized(self) -> None:
        """Paint for the size there is; the screens are loaded behind the first frame."""
        self.paint()
        if not self._begun:
            self._begun = True
            self.call_later(self._begin)  # the surfaces stood with the first layout, before they told their size

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write a repaint."""
        super()._display(screen, narrowed(renderable))

    def paint(self) -> None:
        """Draw every surface; only what differs goes to the terminal."""
        surfaces = {surface.id: surface for surface in self.query(Surface)}
        if len(surfaces) < 4:
            return
        body = surfaces["body"]
        width, height = self.size
        if self._desk is None:
            for name, surface in surfaces.items():
                surface.show(self._opening(str(name), width))
            return
        from console.drawing import surfaces as drawn

        for name, lines in drawn(self.desk.view(), width, body.size.height, height).items():
            surfaces[name].show(lines)
