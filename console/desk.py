"""The desk: what is in view, and what a key does. Knows no terminal; `console.drawing` draws what it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from console.acting import Acts, Otherwise, Then, Work
from console.drawing import View
from console.help import MenuRow, help_box
from console.keymap import Keymap
from console.looking import Looks
from console.naming import Names, read_names
from console.navigation import Navigator
from console.outside import Outside
from console.poller import Answer, Asks, Failure, Returned
from console.prompting import Prompting
from console.screens.page import Page
from console.screens.pulse import Seen
from console.screens.roots import ROOTS
from console.sorting import SortRow
from console.state import ConsoleState
from console.widgets.dialog import GUARD_S, TOO_SOON, Box, Confirm, Menu
from engine.actions.action import Action
from engine.operations.deck import Counts, counts_of
from store.errors import ModeldeckError

NAMES = -1  # the number of the errand that reads the names of models
TARGETS = -2  # of the one that reads what there is to go to
MOST_AHEAD = 16  # keys typed before a page is there
COUNTS_EVERY = 5  # reads of a log for one of the counts


class Desk:
    """Everything the console knows while it is open."""

    def __init__(
        self,
        outside: Outside,
        deck: str,
        kept: ConsoleState,
        now: Callable[[], int],
        seconds: Callable[[], float],
        keymap: Keymap | None = None,
    ) -> None:
        self._outside = outside
        self._deck = deck
        self._kept = kept
        self._now = now
        self.seconds = seconds
        self._navigator = Navigator(ROOTS, kept.screen)
        self._restored: set[str] = set()
        self._counts: Counts | None = None
        self._names: Names | None = None
        self._box: Box | None = None
        self._said = ("", "")
        self._failure: ModeldeckError | None = None
        self._fresh_at: int | None = None
        self._errand = 0
        self._changed = 0  # errands that came back: what was read before may be of before them
        self._seen = 0  # how many of them the page in view knows of
        self._pressed: Action | None = None  # waits for the page to be read again
        self._ahead: list[Action] = []  # wait for the page to be read the first time; they only look
        self._guarded_since: float | None = None  # a box was confirmed and is gone: keys were typed at it
        self._waiting: tuple[str, Then, Otherwise | None] | None = None
        self.keymap = keymap or Keymap()
        self.commands = list(kept.commands)
        self.acts = Acts(self, self.keymap)
        self.prompting = Prompting(self)
        self._looks = Looks(self)

    def begin(self) -> None:
        """Read the first page."""
        self._look()

    # what others ask

    @property
    def page(self) -> Page:
        """The page in view."""
        return self._navigator.page

    @property
    def box(self) -> Box | None:
        """The box over the page."""
        return self._box

    @property
    def is_busy(self) -> bool:
        """Whether an errand is under way."""
        return self._waiting is not None

    @property
    def names(self) -> Names | None:
        """What there was to name when a command was last typed; None while it is being read."""
        return self._names

    def read_names(self) -> None:
        """Read what a command may name; keys are not held back meanwhile."""
        self._outside.send(NAMES, read_names)

    def state(self) -> ConsoleState:
        """Return the place one is at."""
        filters = {**self._kept.filters, **{page.name: page.filtered for page in self._navigator.visited}}
        cursors = {**self._kept.cursors, **{page.name: page.cursor or "" for page in self._navigator.visited}}
        return ConsoleState(
            screen=self._navigator.root.name,
            filters={name: text for name, text in filters.items() if text},
            cursors={name: key for name, key in cursors.items() if key},
            commands=self.commands,
        )

    def say(self, text: str, style: str = "") -> None:
        """Say something in the footer until the next key."""
        self._said = (text, style)

    def show_box(self, box: Box | None) -> None:
        """Put a box over the page, or take it away."""
        self._box = box

    def open(self, page: Page) -> None:
        """Open a page on top."""
        self._navigator.open(page)
        self._look()

    def go(self, name: str, *pages: Page) -> None:
        """Go to a numbered screen, with pages opened on it."""
        if pages:
            self._navigator.start_at(name, *pages)
        else:
            self._navigator.go(name)
        self._look()

    def leave(self) -> None:
        """Quit."""
        self._outside.leave()

    def refresh(self) -> None:
        """Read again now."""
        self._outside.refresh_data()
        self.say("reading again", "dim")

    def help(self) -> None:
        """Show every key."""
        self._box = help_box(self.keymap, self.page.scope, self.page.selected, self.seconds)

    def send(self, doing: str, work: Work, then: Then, otherwise: Otherwise | None = None) -> None:
        """Carry out work on the errands' thread; keys are held back until it returns."""
        self._errand += 1
        self._waiting = (doing, then, otherwise)
        self._outside.send(self._errand, work)

    def view(self) -> View:
        """Return what the surfaces show now."""
        return View(
            deck=self._deck,
            counts=self._counts,
            crumbs=self._navigator.crumbs,
            page=self.page,
            box=self._box,
            prompt=self.prompting.draw if self.prompting.is_open else None,
            said=self._said,
            doing=self._waiting[0] if self._waiting is not None else "",
            failure=self._failure,
            fresh_at=self._fresh_at,
            keymap=self.keymap,
            now=self._now(),
        )

    # what the threads bring

    def arrived(self, what: Answer | Failure | Returned) -> None:
        """Take an answer, a failure or an errand's return."""
        if isinstance(what, Returned):
            self._returned(what)
        elif isinstance(what, Failure):
            self._failure = what.error
        else:
            counts, value, seen = what.value
            self._failure, self._fresh_at = None, self._now()
            self._counts = counts or self._counts
            if what.page == self.page.name:
                self.page.take(value)
                self._seen = seen
                self._press_again()
                self._said = ("", "") if self._ahead else self._said
                while self._ahead and self.page.loaded and self._box is None:
                    self.do(self._ahead.pop(0))

    def _press_again(self) -> None:
        action, self._pressed = self._pressed, None
        if action is not None and self._seen >= self._changed:
            self._said = ("", "")
            self.acts.start(action, self.page.selected)
        else:
            self._pressed = action

    def _returned(self, returned: Returned) -> None:
        if returned.number == NAMES and returned.error is None:
            self._names = returned.value
        if returned.number == TARGETS and self._box is not None:
            self._read_for(self._box, returned)
        if returned.number != self._errand or self._waiting is None:
            return
        _, then, otherwise = self._waiting
        self._waiting = None
        self._changed += 1
        stood = self._box
        if returned.error is None:
            then(returned.value)
            if stood is not None and self._box is None:
                self._guarded_since = self.seconds()
        elif otherwise is not None:
            otherwise(returned.error)
        else:
            self.acts.show_error(returned.error)
        self._outside.refresh_data()

    def _read_for(self, box: Box, returned: Returned) -> None:
        if returned.error is None:
            box.take(returned.value)
        else:
            self.acts.show_error(returned.error)

    def _look(self) -> None:
        page = self.page
        self._pressed = None
        if page.name not in self._restored:
            self._restored.add(page.name)
            if page is self._navigator.root:
                page.restore(self._kept.filters.get(page.name, ""), self._kept.cursors.get(page.name))
        turn = -1

        def read(client: Asks) -> tuple[Counts | None, Any, int]:
            nonlocal turn
            turn += 1
            counts, seen = None, self._changed
            value = page.read(client)
            if isinstance(value, Seen):
                counts = counts_of(value.pulse)
            elif not page.is_always or turn % COUNTS_EVERY == 0:
                counts = client.call("deck.counts")
            return counts, value, seen

        self._outside.watch_page(page.name, read, page.is_always)

    # keys

    def paste(self, text: str) -> None:
        """Take pasted text where one types; elsewhere it could only be a mistake."""
        if not self.prompting.paste(text) and not (self._box is not None and self._box.paste(text)):
            self.say(self.keymap.tell("pasted text is taken only after {look.command} or {look.filter}"), "warn")

    def press(self, key: str) -> None:
        """Do what a key does here."""
        self._said, self._pressed = ("", ""), None
        ahead, self._ahead = self._ahead, []  # any other key is of now: it lets go of them
        if key == "ctrl+q":
            self.leave()
        elif key == "ctrl+z":
            self._outside.pause_program()
        elif key == "ctrl+c":
            self.say(
                self.keymap.tell("{go.back} leaves this screen, ctrl+q quits; the work goes on without the console"),
                "warn",
            )
        elif self._waiting is not None:
            self._press_while_waiting(key)
        elif self.prompting.is_open:
            self.prompting.press(key)
        elif self._box is not None:
            self._press_box(self._box, key)
        elif self._is_guarded():
            self.say(f"{key}: too soon after the box closed, nothing was done; press it again", "warn")
        else:
            action = self.keymap.action_for(self.page.scope, key)
            if action is not None and self._waits_for_rows(action):
                self._ahead = [*ahead, action][:MOST_AHEAD]
                self.say("reading; what was typed is done then", "dim")
            elif action is not None:
                self.do(action)

    def _waits_for_rows(self, action: Action) -> bool:
        """Say whether a key that only looks came before what it looks at."""
        if self.page.loaded or action.group == "act" or action.id.startswith("go."):
            return False
        return action.group == "move" or (self.page.selected is None and bool(action.available(None)))

    def _is_guarded(self) -> bool:
        """Say whether a key comes too soon after a confirmed box to be meant for the page that lay beneath it."""
        now, since = self.seconds(), self._guarded_since
        self._guarded_since = now if since is not None and now - since < GUARD_S else None
        return self._guarded_since is not None

    def _press_while_waiting(self, key: str) -> None:
        # Whatever is typed before a dialog stands is dropped: it was not meant for it.
        if key == "escape" and self._waiting is not None:
            self._waiting = None
            self._errand += 1
            self.say("not waited for any longer; what was sent goes on", "warn")

    def _press_box(self, box: Box, key: str) -> None:
        outcome = box.press(key)
        if outcome == TOO_SOON:
            self.say(f"{key}: too soon after the box opened, nothing was done; press it again", "warn")
        elif outcome == "cancel":
            self.acts.cancel()
            if len(key) == 1:  # a letter may be of a text that was meant for the box's reason
                self._guarded_since = self.seconds()
        elif outcome == "confirm" and isinstance(box, Menu):
            self._box = None
            if isinstance(box.selected, MenuRow):
                self.do(box.selected.action)
            elif isinstance(box.selected, SortRow):
                self.page.sort_by(box.selected.name)
                self._look()
        elif outcome == "confirm" and isinstance(box, Confirm):
            self.acts.confirm()
        elif outcome == "confirm":
            self._arrive_at(box)
        elif outcome == "reason" and isinstance(box, Confirm):
            self.prompting.ask_reason(box.reason, box.asks)
        elif outcome == "copy":
            self.copy(self.acts.command())

    def _arrive_at(self, box: Box) -> None:
        from console.jumping import Jump

        self._box = None
        if isinstance(box, Jump) and box.selected is not None:
            target = box.selected
            self.go(target.screen, *([target.page()] if target.page is not None else []))

    def do(self, action: Action) -> None:
        """Carry out an action of the table."""
        if action.group == "move" or action.id in ("look.follow", "look.next_match", "look.previous_match"):
            self.page.move("move.page_down" if action.id == "move.on" else action.id)
        elif action.group == "act":
            self._act(action)
        elif action.id.startswith("go."):
            self._go(action.id.removeprefix("go."))
        else:
            self._looks.do(action)

    def _jump(self) -> None:
        from console.jumping import Jump, read_targets

        self._box = Jump(self.seconds)
        self._outside.send(TARGETS, read_targets)

    def _act(self, action: Action) -> None:
        """Begin a change; where the row still shows what was before the last one, once it is read again."""
        refused = self.keymap.reason(action, self.page.selected)
        if refused and self._seen < self._changed and not self.keymap.read_only:
            self._pressed = action
            self.say("reading again…", "dim")
        elif not self.page.loaded and self.page.selected is None:
            self.say(f"{self.keymap.key(action.id)}: still reading; press it again", "warn")
        else:
            self.acts.start(action, self.page.selected)

    def _go(self, where: str) -> None:
        if where in ROOTS:
            self.go(where)
        elif where == "last":
            if self._navigator.last():
                self._look()
            else:
                self.say("there is no screen before this one", "dim")
        elif where in ("earlier", "later"):
            if self._navigator.step(-1 if where == "earlier" else 1):
                self._look()
            else:
                self.say(f"there is no {where} screen", "dim")
        elif where == "jump":
            self._jump()
        elif where == "out" and self.page.filtered:
            self.page.set_filter("")
        elif where == "quit" or (not self.back() and where == "back"):
            self.leave()

    def back(self) -> bool:
        """Go to the page below; say whether there is one."""
        went = self._navigator.back()
        if went:
            self._look()
        return went

    def copy(self, text: str) -> None:
        """Copy to the person's clipboard, and say whether that was possible."""
        if self._outside.copy(text):
            self.say(f"copied: {text}", "ok")
        else:
            self.say("too long for the clipboard of a terminal; the command line prints it", "warn")
