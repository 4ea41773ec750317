"""Going to anything by part of its name: models, versions by number, runs, jobs, alerts, releases, screens."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from console.command_line import SCREENS
from console.poller import Asks
from console.render.cells import Line, line
from console.render.columns import Column, Context
from console.render.signs import state
from console.render.words import age, short_id
from console.screens import catalog
from console.screens.list_page import MOST
from console.screens.log_page import LogPage
from console.screens.page import Page
from console.screens.runs import run_page
from console.widgets.dialog import Box
from console.widgets.grid import Grid
from console.widgets.prompt import Prompt
from engine.operations.alerts import AlertsRequest
from engine.operations.common import Page as PageRequest
from engine.operations.runs import RunsRequest
from engine.operations.serving import ReleasesRequest

_VERSION = re.compile(r"(\S+)@v?(\d+)")
_ROWS = 12


@dataclass(frozen=True, slots=True)
class Target:
    """One place to go to: the screen it lies on, and the page opened there, if any."""

    kind: str
    name: str
    what: str
    state: str
    at: int | None
    screen: str
    page: Callable[[], Page] | None
    text: str  # what typed words are looked for in


COLUMNS = (
    Column("", lambda row, context: (row.kind, "dim"), priority=1, least=8),
    Column("NAME", lambda row, context: (row.name, "name"), priority=1, least=12, most=40),
    Column("", lambda row, context: state(row.state) if row.state else "", priority=2, most=16),
    Column("", lambda row, context: (row.what, ""), priority=3, least=10, most=60, grow=True),
    Column("", lambda row, context: (age(row.at, context.now) if row.at is not None else "", "dim"), priority=3),
)


def read_targets(client: Asks) -> tuple[Target, ...]:
    """Ask for everything there is to go to: models first, then what was newest of each kind."""
    found = [_target("screen", name, "", "", None, name, None) for name in SCREENS]
    for model in client.call("models.list"):
        page: Callable[[], Page] = partial(catalog.model_page, model.name)
        found.append(_target("model", model.name, model.description, "", None, "models", page))
    for alert in client.call("alerts.list", AlertsRequest(all=True)):
        page = partial(catalog.alert_page, alert)
        found.append(_target("alert", alert.model, alert.title, alert.state, alert.seen_at, "alerts", page, alert.id))
    for one in client.call("releases.list", ReleasesRequest(limit=MOST)):
        page, said = partial(catalog.release_page, one), f"{one.kind} v{one.to_version}"
        found.append(_target("release", one.endpoint, said, one.state, one.requested_at, "releases", page, one.id))
    for run in client.call("runs.list", RunsRequest(limit=MOST)):
        page, named = partial(run_page, run), run.model or run.experiment
        found.append(_target("run", named, short_id(run.id), run.state, run.started_at, "runs", page, run.id))
    for job in client.call("jobs.list", PageRequest(limit=MOST)):
        page, said = partial(LogPage, job), f"{job.kind} {short_id(job.id)}"
        found.append(_target("job", job.model or "", said, job.state, job.requested_at, "jobs", page, job.id))
    return tuple(found)


def _target(
    kind: str,
    name: str,
    what: str,
    state: str,
    at: int | None,
    screen: str,
    page: Callable[[], Page] | None,
    id: str = "",
) -> Target:
    return Target(kind, name, what, state, at, screen, page, f"{kind} {name} {what} {state} {id}".casefold())


def matching(targets: Sequence[Target], typed: str) -> list[Target]:
    """Return the targets that hold every typed word; those whose name begins with the first come first.

    `NAME@3` names a version of a model, whatever the list holds.
    """
    words = typed.casefold().split()
    if not words:
        return list(targets)
    found = [one for one in targets if all(word in one.text for word in words)]
    found.sort(key=lambda one: not one.name.casefold().startswith(words[0]))
    named = _VERSION.fullmatch(typed.strip())
    if named:
        model, number = named[1], int(named[2])
        models = {one.name for one in targets if one.kind == "model"}
        if model in models:
            title = f"{model}@{number}"
            page = partial(catalog.version_named, model, number)
            found.insert(0, _target("version", title, "", "", None, "models", page))
    return found


class Jump(Box):
    """What is typed, and what it may mean."""

    hints = (("enter", "go"), ("↑ ↓", "move"), ("esc", "close"))
    more = " more ▼ "

    def __init__(self, seconds: Callable[[], float]) -> None:
        super().__init__("Go to", seconds)
        self._targets: tuple[Target, ...] | None = None
        self._prompt = Prompt("", complete=None)
        self._grid = Grid(COLUMNS, lambda row: f"{row.kind} {row.text}")

    @property
    def selected(self) -> Target | None:
        """The place under the cursor."""
        chosen = self._grid.selected
        return chosen if isinstance(chosen, Target) else None

    def take(self, value: Any) -> None:
        """Take what there is to go to."""
        self._targets = value
        self._look()

    def paste(self, text: str) -> bool:
        """Take pasted text."""
        self._prompt.insert(text)
        self._look()
        return True

    def press(self, key: str) -> str:
        """Take one key: every character is meant, from the first on, since nothing here changes anything."""
        if key == "escape" or (key == "backspace" and not self._prompt.text):
            return "cancel"
        if key == "enter":
            return "confirm" if self.selected is not None else ""
        move = {
            "up": "move.up",
            "down": "move.down",
            "ctrl+p": "move.up",
            "ctrl+n": "move.down",
            "tab": "move.down",
            "pageup": "move.page_up",
            "pagedown": "move.page_down",
        }.get(key)
        if move is not None:
            self._grid.move(move)
            return ""
        character = " " if key == "space" else key if len(key) == 1 else None
        if self._prompt.press(key, character):
            self._look()
        return ""

    def _look(self) -> None:
        found = matching(self._targets or (), self._prompt.text)
        self._grid.empty = ("Nothing of that name.",) if self._targets is not None else ("reading…",)
        self._grid.set_rows(found)
        self._grid.move("move.top")

    def content(self, width: int, height: int, context: Context) -> tuple[list[Line], bool, bool]:
        """Return what is typed above what it may mean; the box keeps its height while one types."""
        room = max(2, min(height - 1, _ROWS + 1))
        self._grid.empty = self._grid.empty or ("reading…",)
        rows = self._grid.draw(width, room, context)
        rows += [line("")] * (room - len(rows))
        more = self._grid.top + room - 1 < len(self._grid.rows)
        return [self._prompt.draw(width), *rows], self._grid.top > 0, more
