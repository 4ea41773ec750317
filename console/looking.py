"""What the actions that only look do: pages, boxes, marks, copies. They change nothing in the deck."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, cast

from console.acting import Acts
from console.exporting import export_charts
from console.help import menu_box
from console.keymap import Keymap
from console.prompting import Prompting
from console.screens import catalog, subjects
from console.screens.comments import thread_page
from console.screens.comparing import comparison_page
from console.screens.compliance import compliance_page
from console.screens.data import snapshot_page
from console.screens.lineage import lineage_page
from console.screens.moments import moment_page
from console.screens.page import Page
from console.screens.reasons import reasons_page
from console.screens.sample import sample_page
from console.screens.tree import tree_page
from console.screens.windows import windows_page
from console.screens.zoom import ZoomPage
from console.sorting import sort_box
from console.widgets.dialog import Box, Message
from engine.actions.action import Action
from engine.availability import model_of, time_of
from store.errors import ModeldeckError
from store.rows import Snapshot, rfc3339


class Viewer(Protocol):
    """What the desk does for who looks."""

    acts: Acts
    prompting: Prompting
    keymap: Keymap

    @property
    def page(self) -> Page:
        """The page in view."""

    def seconds(self) -> float:
        """Monotonic seconds."""

    def show_box(self, box: Box | None) -> None:
        """Put a box over the page."""

    def open(self, page: Page) -> None:
        """Open a page on top."""

    def back(self) -> bool:
        """Go to the page below; say whether there is one."""

    def say(self, text: str, style: str = "") -> None:
        """Say something in the footer."""

    def copy(self, text: str) -> None:
        """Copy to the person's clipboard, and say so."""

    def refresh(self) -> None:
        """Read again now."""

    def help(self) -> None:
        """Show every key."""


class Looks:
    """Carries out the `look.*` actions."""

    def __init__(self, desk: Viewer) -> None:
        self._desk = desk

    def do(self, action: Action) -> None:
        """Carry out one on what is selected, or say why that cannot be."""
        desk, page, row = self._desk, self._desk.page, self._desk.page.selected
        reason = action.available(row)
        if reason:
            desk.say(reason, "warn")
            return
        name = f"{subjects.kind_of(row)} {subjects.identity(row)}"
        steps: dict[str, Callable[[], object]] = {
            "look.open": self._open,
            "look.actions": lambda: desk.show_box(menu_box(desk.keymap, page.scope, row, desk.seconds)),
            "look.filter": lambda: desk.prompting.ask_filter(page.filtered),
            "look.command": desk.prompting.ask_command,
            "look.watch": lambda: desk.open(catalog.monitor_page(str(model_of(row)))),
            "look.reasons": lambda: desk.open(reasons_page(str(model_of(row)), row)),
            "look.mark": page.mark,
            "look.unmark": page.unmark,
            "look.compare": self._compare,
            "look.sort": lambda: desk.show_box(sort_box(page.sorts(), desk.seconds)),
            "look.tree": lambda: desk.open(tree_page(str(model_of(row)))),
            "look.comments": lambda: desk.open(thread_page(row)),
            "look.lineage": lambda: desk.open(lineage_page(subjects.kind_of(row), subjects.identity(row), row)),
            "look.compliance": lambda: desk.open(
                compliance_page(str(model_of(row)), getattr(row, "number", None), row)
            ),
            "look.windows": lambda: desk.open(windows_page(str(model_of(row)))),
            "look.data": lambda: desk.open(snapshot_page(str(getattr(row, "snapshot_id", "")))),
            "look.sample": lambda: desk.open(sample_page(cast(Snapshot, row))),
            "look.at": lambda: self._at(row),
            "look.describe": lambda: desk.open(catalog.describe_page(row, name, subjects.show_command(row))),
            "look.json": lambda: desk.open(catalog.json_page(row, name, subjects.show_command(row))),
            "look.copy_id": lambda: desk.copy(subjects.identity(row)),
            "look.copy_command": lambda: desk.copy(subjects.command_of(page)),
            "look.zoom": self._zoom,
            "look.unzoom": desk.back,
            "look.export": self._export,
            "look.refresh": desk.refresh,
            "look.log": lambda: desk.show_box(Message("Changed from this console", desk.acts.log.lines, desk.seconds)),
            "look.undo": desk.acts.undo,
            "look.help": desk.help,
        }
        steps[action.id]()

    def _compare(self) -> None:
        desk, marked = self._desk, self._desk.page.marked
        if len(marked) < 2:
            told = f"{len(marked)} marked: {{look.mark}} marks two or more, then {{look.compare}} compares them"
            desk.say(desk.keymap.tell(told), "warn")
            return
        compared = comparison_page(marked)
        if compared is None:
            told = "two versions are compared, no more: {look.unmark} takes the marks away"
            desk.say(desk.keymap.tell(told), "warn")
        else:
            desk.open(compared)

    def _at(self, row: Any) -> None:
        at = time_of(row)
        if at is not None:
            self._desk.open(moment_page(rfc3339(at)))

    def _open(self) -> None:
        opened = self._desk.page.open()
        if opened is not None:
            self._desk.open(opened)

    def _zoom(self) -> None:
        page = self._desk.page
        if page.charts():
            self._desk.open(ZoomPage(page))
        else:
            self._desk.say("there are no charts on record of it", "warn")

    def _export(self) -> None:
        page = self._desk.page
        try:
            name = page.name.replace("version:", "")
            self._desk.say(f"written here: {export_charts(name, page.charts(), Path.cwd()).name}", "ok")
        except ModeldeckError as error:
            self._desk.say(error.line(), "warn")
