"""What is typed in the footer: a filter, a command, a reason. Knows no terminal."""

from __future__ import annotations

from typing import Protocol

from console import command_line
from console.acting import Acts, Then, Work
from console.keymap import Keymap
from console.naming import Names, find_page
from console.render.cells import Line
from console.screens.catalog import model_page, version_named
from console.screens.moments import moment_page, verify_page
from console.screens.page import Page
from console.state import remember
from console.version_names import named_version
from console.widgets.prompt import Prompt


class Typist(Protocol):
    """What the desk does for what is typed."""

    acts: Acts
    keymap: Keymap
    commands: list[str]

    @property
    def page(self) -> Page:
        """The page in view."""

    @property
    def names(self) -> Names | None:
        """What a command may be completed to; None while that is not known."""

    def read_names(self) -> None:
        """Read it anew."""

    def send(self, doing: str, work: Work, then: Then) -> None:
        """Carry out work on the errands' thread, keys held back meanwhile."""

    def go(self, name: str, *pages: Page) -> None:
        """Go to a numbered screen."""

    def open(self, page: Page) -> None:
        """Open a page on top."""

    def say(self, text: str, style: str = "") -> None:
        """Say something."""

    def help(self) -> None:
        """Show every key."""

    def refresh(self) -> None:
        """Read again now."""

    def leave(self) -> None:
        """Quit."""


class Prompting:
    """Holds the prompt while one stands."""

    def __init__(self, desk: Typist) -> None:
        self._desk = desk
        self._prompt: Prompt | None = None
        self._purpose = ""
        self._before = ""

    @property
    def is_open(self) -> bool:
        """Whether something is being typed."""
        return self._prompt is not None

    def ask_filter(self, text: str) -> None:
        """Type a filter; the rows follow every key."""
        self._open("filter", Prompt(" /", text))
        self._before = text

    def ask_command(self) -> None:
        """Type a command."""
        self._desk.read_names()

        def complete(text: str) -> tuple[str, ...]:
            names = self._desk.names
            return command_line.complete(text, names.models, names.ids) if names else ()

        self._open("command", Prompt(" :", complete=complete, history=self._desk.commands))

    def ask_reason(self, text: str, asks: str = "reason") -> None:
        """Type a reason, or the text of what is said."""
        self._open("reason", Prompt(f" {asks}: ", text))

    def _open(self, purpose: str, prompt: Prompt) -> None:
        self._purpose, self._prompt = purpose, prompt

    def draw(self, width: int) -> Line:
        """Return the prompt's line."""
        return self._prompt.draw(width) if self._prompt is not None else ()

    def paste(self, text: str) -> bool:
        """Take pasted text; say whether something is being typed."""
        if self._prompt is None:
            return False
        self._prompt.insert(text)
        self._follow(self._prompt)
        return True

    def press(self, key: str) -> None:
        """Take one key."""
        prompt = self._prompt
        if prompt is None:
            return
        if key == "escape":
            self._prompt = None
            if self._purpose == "filter":
                self._desk.page.set_filter(self._before)
        elif key == "enter":
            self._enter(prompt)
        elif key == "backspace" and not prompt.text and self._purpose != "reason":
            self._prompt = None
        else:
            character = " " if key == "space" else key if len(key) == 1 else None
            if prompt.press(key, character):
                self._follow(prompt)

    def _follow(self, prompt: Prompt) -> None:
        if self._purpose == "filter":
            prompt.error = self._desk.page.set_filter(prompt.text)

    def _enter(self, prompt: Prompt) -> None:
        if prompt.error:
            return
        self._prompt = None
        if self._purpose == "reason":
            self._desk.acts.give_reason(prompt.text.strip())
        elif self._purpose == "command":
            remember(self._desk.commands, prompt.text)
            self._command(command_line.parse(prompt.text))

    def _command(self, command: command_line.Command) -> None:
        desk = self._desk
        if command.kind == "quit":
            desk.leave()
        elif command.kind == "help":
            desk.help()
        elif command.kind == "refresh":
            desk.refresh()
        elif command.kind == "screen":
            self._screen(command)
        elif command.kind == "model":
            desk.go("models", model_page(command.name))
        elif command.kind == "version":
            self._version(command)
        elif command.kind in command_line.KINDS:
            self._open_by_id(command)
        elif command.kind == "at":
            desk.open(moment_page(command.name))
        elif command.kind == "verify":
            desk.open(verify_page())
        elif command.kind == "shell":
            desk.say(f"only a shell has it: modeldeck {command.name}", "warn")
        elif command.kind == "act":
            self._act(command)
        elif command.kind == "unknown":
            desk.say(
                desk.keymap.tell(f"{command.name}: no such command; tab completes, {{look.help}} lists the keys"),
                "warn",
            )

    def _open_by_id(self, command: command_line.Command) -> None:
        """Open a run, a job or an alert, upon the list it stands in."""
        desk, kind, id = self._desk, command.kind, command.name
        desk.send(
            f"looking for {kind} {id}",
            lambda client: find_page(client, kind, id),
            lambda page: desk.go(f"{kind}s", page),
        )

    def _version(self, command: command_line.Command) -> None:
        """Open a version, looked up where it is named by an alias."""
        desk, model = self._desk, command.name
        desk.send(
            f"looking for {model}@{command.version}",
            lambda client: named_version(client, model, command.version),
            lambda number: desk.go("models", model_page(model), version_named(model, number)),
        )

    def _screen(self, command: command_line.Command) -> None:
        self._desk.go(command.name)
        wrong = self._desk.page.set_filter(command.rest)
        if wrong:
            self._desk.say(wrong, "warn")

    def _act(self, command: command_line.Command) -> None:
        action = self._desk.keymap[command.name]
        if not command.rest:
            self._desk.acts.start(action, self._desk.page.selected)
        elif self._desk.names is not None and command.rest not in self._desk.names.models:
            self._desk.say(f"no model is named {command.rest}", "warn")
        elif not command.version:
            self._desk.acts.start(action, None, None, command.rest)
        else:
            self._desk.send(
                f"looking for {command.rest}@{command.version}",
                lambda client: named_version(client, command.rest, command.version),
                lambda number: self._desk.acts.start(action, None, number, command.rest),
            )
