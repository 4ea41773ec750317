"""The one action table: what a person can do from a screen, by which key, and why not when it cannot be done.

Keys, footer hints, help, action menu, `:` completion and the key table of the README are projections of `ACTIONS`.
Standard library only. The engine checks again on submit; `available` only spares a person a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine import availability as why
from engine.operations.operation import Danger

EVERYWHERE = "everywhere"
READ_ONLY = "this session is read-only"
LISTS = (
    *("pulse", "models", "versions", "runs", "jobs", "deploys", "monitors", "schedules", "events", "alerts"),
    *("releases", "notifications", "approvals", "windows", "incidents", "sample"),
)
PAGES = (
    *("version", "run", "event", "alert", "release", "deploy", "monitor", "schedule", "notification", "log", "text"),
    *("approval", "window", "thread", "incident", "compared", "zoom", "snapshot", "record"),
)
SCOPES = (*LISTS, *PAGES)

_MODEL_SCOPES = (
    *("pulse", "models", "versions", "version", "alerts", "alert", "runs", "run", "releases", "release", "monitor"),
    *("deploys", "deploy", "monitors"),
)
_TRAIN_SCOPES = tuple(scope for scope in _MODEL_SCOPES if not scope.startswith(("release", "deploy")))
_RELEASE_SCOPES = ("releases", "release", "deploys")
_DRAWN_SCOPES = ("version", "monitor", "alert", "compared")  # pages with charts
_MARK_SCOPES = ("runs", "versions")  # where rows are marked, to be compared
_LINEAGE_SCOPES = ("versions", "version", "runs", "run", "releases", "release")
_SCHEDULE_SCOPES = ("schedules", "schedule")
_SAID_OF_SCOPES = (
    *("pulse", "models", "versions", "version", "alerts", "alert", "runs", "run", "releases", "release"),
    *("incidents", "incident"),
)
_SEARCHED_SCOPES = ("log", "text", "compared", "snapshot", "record")
_DATED_SCOPES = ("events", "event", "alerts", "alert", "releases", "release")


@dataclass(frozen=True, slots=True)
class Action:
    """One key on some screens: `group` is act, look, go or move; `hint` is the footer's word ("" hides it there)."""

    id: str
    key: str
    title: str
    scopes: tuple[str, ...]
    group: str
    hint: str = ""
    danger: Danger = Danger.READ
    operation: str | None = None
    also: tuple[str, ...] = ()  # further keys
    available: Callable[[Any], str | None] = lambda row: None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key of the action; none where a person took its key away."""
        return (self.key, *self.also) if self.key else ()

    def reason(self, row: Any, *, read_only: bool = False) -> str | None:
        """Return why it cannot be done on a row, in this session; None where it can."""
        if read_only and self.operation is not None:
            return READ_ONLY
        return self.available(row)

    def reaches(self, scope: str) -> bool:
        """Say whether the action belongs to a screen's scope."""
        return EVERYWHERE in self.scopes or scope in self.scopes


def _act(
    operation: str,
    key: str,
    title: str,
    scopes: tuple[str, ...],
    hint: str,
    danger: Danger,
    available: Callable[[Any], str | None],
) -> Action:
    return Action(operation, key, title, scopes, "act", hint, danger, operation, available=available)


def _go(screen: str, key: str, title: str) -> Action:
    return Action(f"go.{screen}", key, title, (EVERYWHERE,), "go")


_CHANGES = (
    _act(
        "releases.promote",
        "P",
        "promote: give a version the traffic",
        _MODEL_SCOPES,
        "promote",
        Danger.DANGEROUS,
        why.promotable,
    ),
    _act(
        "releases.rollback",
        "R",
        "roll back: return to the version before",
        _MODEL_SCOPES,
        "roll back",
        Danger.DANGEROUS,
        why.returnable,
    ),
    _act(
        "releases.deploy",
        "D",
        "deploy: bring the champion to the applied settings",
        ("pulse", "models", "deploys", "deploy", "releases", "release"),
        "",
        Danger.DANGEROUS,
        why.deployable,
    ),
    _act(
        "approvals.request",
        "Q",
        "ask that a version may take traffic",
        ("models", "versions", "version"),
        "",
        Danger.CHANGE,
        why.approvable,
    ),
    _act(
        "approvals.grant",
        "S",
        "say yes to what is asked of a version",
        ("models", "versions", "version", "approvals", "approval"),
        "grant",
        Danger.DANGEROUS,
        why.grantable,
    ),
    _act("runs.train", "T", "train a new version", _TRAIN_SCOPES, "train", Danger.CHANGE, why.needs_model),
    _act("monitors.run", "M", "run the monitor now", _MODEL_SCOPES, "", Danger.CHANGE, why.needs_model),
    _act(
        "alerts.ack", "A", "take the alert on yourself", ("alerts", "alert"), "ack", Danger.CHANGE, why.acknowledgeable
    ),
    _act(
        "alerts.snooze",
        "Z",
        "put the alert aside for 4 hours",
        ("alerts", "alert"),
        "snooze",
        Danger.CHANGE,
        why.resolvable,
    ),
    _act(
        "alerts.resolve", "V", "say that the alert is over", ("alerts", "alert"), "over", Danger.CHANGE, why.resolvable
    ),
    _act(
        "notifications.replay",
        "E",
        "send the notification again, with the same id",
        ("notifications", "notification"),
        "again",
        Danger.CHANGE,
        why.repeatable,
    ),
    _act(
        "comments.add",
        "W",
        "write a comment; @name tells somebody",
        (*_SAID_OF_SCOPES, "thread"),
        "",
        Danger.CHANGE,
        why.needs_row,
    ),
    _act("jobs.cancel", "K", "cancel the job", ("jobs", "log"), "cancel", Danger.CHANGE, why.cancellable),
    _act("jobs.pause", "H", "let the backfill begin nothing more", ("jobs",), "pause", Danger.CHANGE, why.holdable),
    _act("jobs.resume", "U", "let the paused backfill go on", ("jobs",), "go on", Danger.CHANGE, why.holdable),
    _act(
        "releases.abort",
        "X",
        "abort the release: traffic returns to the champion",
        (*_RELEASE_SCOPES, "pulse"),
        "abort",
        Danger.DANGEROUS,
        why.open_release,
    ),
    _act(
        "releases.pause",
        "H",
        "hold the release where it is",
        _RELEASE_SCOPES,
        "hold",
        Danger.CHANGE,
        why.pausable,
    ),
    _act(
        "releases.resume",
        "U",
        "let the held release go on",
        _RELEASE_SCOPES,
        "resume",
        Danger.CHANGE,
        why.resumable,
    ),
    _act(
        "deployments.converge",
        "B",
        "bring the hosts to what the registry says",
        ("pulse", "deploys", "deploy"),
        "bring back",
        Danger.DANGEROUS,
        why.convergeable,
    ),
    _act(
        "schedules.pause",
        "H",
        "hold the schedule: it fires no more until it is resumed",
        _SCHEDULE_SCOPES,
        "pause",
        Danger.CHANGE,
        why.schedule_runs,
    ),
    _act(
        "schedules.resume",
        "U",
        "let the schedule fire again, from now on",
        _SCHEDULE_SCOPES,
        "resume",
        Danger.CHANGE,
        why.schedule_is_paused,
    ),
    _act(
        "schedules.run",
        "N",
        "run the schedule's job now, paused or not",
        _SCHEDULE_SCOPES,
        "run now",
        Danger.CHANGE,
        why.needs_row,
    ),
)

_LOOKS = (
    Action("look.open", "enter", "open what is selected", LISTS, "look", "open", available=why.needs_row),
    Action("look.actions", "a", "what can be done here", (EVERYWHERE,), "look", "actions"),
    Action("look.filter", "/", "filter, or search in a text", (EVERYWHERE,), "look", "filter"),
    Action("look.command", ":", "command line", (EVERYWHERE,), "look"),
    Action(
        "look.watch",
        "w",
        "how good it is over time: promised, estimated, realised",
        tuple(scope for scope in _MODEL_SCOPES if not scope.startswith("monitor")),
        "look",
        "watch",
        available=why.needs_model,
    ),
    Action(
        "look.reasons",
        "w",
        "whether the reasons of answers moved",
        tuple(scope for scope in _MODEL_SCOPES if scope.startswith("monitor")),
        "look",
        "reasons",
        available=why.needs_model,
    ),
    Action("look.mark", "space", "mark, or take the mark away", _MARK_SCOPES, "look", "mark", available=why.needs_row),
    Action("look.unmark", "u", "take every mark away", _MARK_SCOPES, "look"),
    Action(
        "look.compare",
        "v",
        "compare what is marked: only what differs",
        _MARK_SCOPES,
        "look",
        "compare",
        available=why.needs_row,
    ),
    Action(
        "look.sort", "s", "sort by a metric; again turns it round", ("runs",), "look", "sort", available=why.needs_row
    ),
    Action(
        "look.tree",
        "x",
        "the tree of a model: versions, releases, deployments, servers, monitor",
        _MODEL_SCOPES,
        "look",
        available=why.needs_model,
    ),
    Action(
        "look.lineage",
        "l",
        "lineage: what stands behind it, and what came of it",
        _LINEAGE_SCOPES,
        "look",
        available=why.traceable,
    ),
    Action(
        "look.compliance",
        "L",
        "compliance: what is on record of it, what is missing, who read it",
        ("models", "versions", "version"),
        "look",
        available=why.traceable_model,
    ),
    Action(
        "look.windows",
        "i",
        "window by window: what was seen of its traffic",
        ("monitors", "monitor"),
        "look",
        "windows",
        available=why.needs_model,
    ),
    Action(
        "look.data",
        "i",
        "the data it was trained on, column by column",
        ("versions", "version", "runs", "run"),
        "look",
        "data",
        available=why.needs_data,
    ),
    Action(
        "look.sample", "i", "rows of it, personal values masked", ("snapshot",), "look", "rows", available=why.needs_row
    ),
    Action("look.comments", "m", "what people say of it", _SAID_OF_SCOPES, "look", available=why.needs_row),
    Action("look.at", "t", "what served then, where, by whose hand", _DATED_SCOPES, "look", available=why.needs_row),
    Action("look.describe", "d", "describe: every field", (EVERYWHERE,), "look", "describe", available=why.needs_row),
    Action("look.json", "y", "raw JSON", (EVERYWHERE,), "look", available=why.needs_row),
    Action("look.copy_id", "c", "copy the id", (EVERYWHERE,), "look", available=why.needs_row),
    Action("look.copy_command", "C", "copy the command line that shows this", (EVERYWHERE,), "look"),
    Action("look.zoom", "+", "its charts one by one, each over the whole screen", _DRAWN_SCOPES, "look", "zoom"),
    Action("look.unzoom", "_", "back to the page", ("zoom",), "look", "back"),
    Action("look.export", "o", "write its charts here as SVG", (*_DRAWN_SCOPES, "zoom"), "look", "export"),
    Action("look.refresh", "r", "read again now", (EVERYWHERE,), "look"),
    Action("look.follow", "f", "follow the end of the log", ("log",), "look", "follow"),
    Action("look.next_match", "n", "next match", _SEARCHED_SCOPES, "look"),
    Action("look.previous_match", "N", "match before", _SEARCHED_SCOPES, "look"),
    Action("look.log", "@", "what was changed from this console, as commands", (EVERYWHERE,), "look"),
    Action("look.undo", "z", "take back the last change made from this console; asks first", (EVERYWHERE,), "look"),
    Action("look.help", "?", "every key, runnable", (EVERYWHERE,), "look", "help"),
)

_WAYS = (
    _go("pulse", "1", "Pulse: what serves, what changed, is it hurting anyone"),
    _go("models", "2", "Models and their versions"),
    _go("runs", "3", "Runs: what was trained"),
    _go("jobs", "4", "Jobs: queue, progress, logs"),
    _go("deploys", "5", "Deploys: what runs where, traffic, health, the rollout under way"),
    _go("monitors", "6", "Monitors: estimated, realised, drift, the worst first"),
    _go("schedules", "7", "Schedules: what runs when"),
    _go("events", "8", "Events: the record of changes"),
    _go("alerts", "9", "Alerts with their evidence"),
    _go("notifications", "0", "Notifications: what was told to whom"),
    _go("releases", "h", "Releases: the history of promotions and rollbacks"),
    Action("go.last", "-", "back to the screen before", (EVERYWHERE,), "go"),
    Action("go.earlier", "[", "back through the screens visited", (EVERYWHERE,), "go"),
    Action("go.later", "]", "forward again", (EVERYWHERE,), "go"),
    Action(
        "go.jump",
        "p",
        "go to any model, version, run, job, alert, release or screen by part of its name",
        (EVERYWHERE,),
        "go",
        "go to",
        also=("ctrl+p",),
    ),
    Action("go.back", "q", "one level back; at the root, quit", (EVERYWHERE,), "go", "back"),
    Action("go.out", "escape", "clear the filter, then one level back", (EVERYWHERE,), "go"),
    Action("go.quit", "ctrl+q", "quit; nothing is lost, the work goes on", (EVERYWHERE,), "go"),
)

_MOVES = (
    Action("move.down", "j", "down", (EVERYWHERE,), "move", also=("down",)),
    Action("move.up", "k", "up", (EVERYWHERE,), "move", also=("up",)),
    Action("move.top", "g", "to the top", (EVERYWHERE,), "move", also=("home",)),
    Action("move.bottom", "G", "to the bottom", (EVERYWHERE,), "move", also=("end",)),
    Action("move.page_down", "ctrl+f", "a page down", (EVERYWHERE,), "move", also=("pagedown",)),
    Action("move.on", "space", "a page down", tuple(one for one in SCOPES if one not in _MARK_SCOPES), "move"),
    Action("move.page_up", "ctrl+b", "a page up", (EVERYWHERE,), "move", also=("pageup",)),
    Action("move.half_down", "ctrl+d", "half a page down", (EVERYWHERE,), "move"),
    Action("move.half_up", "ctrl+u", "half a page up", (EVERYWHERE,), "move"),
)

ACTIONS: tuple[Action, ...] = (*_CHANGES, *_LOOKS, *_WAYS, *_MOVES)
BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}


def in_scope(scope: str) -> tuple[Action, ...]:
    """Return the actions of a screen's scope, in table order."""
    return tuple(action for action in ACTIONS if action.reaches(scope))


def key_table() -> list[tuple[str, str, str]]:
    """Return (keys, what it does, where) per action, as the README prints it."""
    rows = []
    for action in ACTIONS:
        where = "every screen" if EVERYWHERE in action.scopes else ", ".join(action.scopes)
        rows.append((" ".join(action.keys), action.title, where))
    return rows
