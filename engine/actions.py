"""The one action table: what a person can do from a screen, by which key, and why not when it cannot be done.

Keys, footer hints, help, action menu, `:` completion and the key table of the README are projections of `ACTIONS`.
Standard library only. The engine checks again on submit; `available` only spares a person a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.operations.operation import Danger

EVERYWHERE = "everywhere"
LISTS = ("pulse", "models", "versions", "runs", "jobs", "events", "alerts", "releases", "notifications")
PAGES = ("version", "run", "event", "alert", "release", "monitor", "notification", "log", "text")
SCOPES = (*LISTS, *PAGES)

_MODEL_SCOPES = (
    *("pulse", "models", "versions", "version", "alerts", "alert", "runs", "run", "releases", "release", "monitor"),
)
_TRAIN_SCOPES = tuple(scope for scope in _MODEL_SCOPES if not scope.startswith("release"))
_RUNNING = ("queued", "running")
_OPEN_RELEASE = ("pending", "running", "held")


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
        """Every key of the action."""
        return (self.key, *self.also)

    def reaches(self, scope: str) -> bool:
        """Say whether the action belongs to a screen's scope."""
        return EVERYWHERE in self.scopes or scope in self.scopes


def model_of(row: Any) -> str | None:
    """Return the model a row belongs to, or None."""
    for name in ("model", "endpoint"):
        value = getattr(row, name, None)
        if isinstance(value, str):
            return value
    return row.name if hasattr(row, "champion") and isinstance(getattr(row, "name", None), str) else None


def version_of(row: Any) -> int | None:
    """Return the version number when the row is a version, or a release whose A/B waits for a decision, else None."""
    if _decides(row):
        return int(row.to_version)
    return row.number if hasattr(row, "artifact_hash") else None


def _decides(row: Any) -> bool:
    """Say whether a row is a release held at the end of its A/B."""
    evidence = getattr(row, "evidence", None)
    waits = getattr(row, "state", "") == "held" and isinstance(evidence, dict)
    return bool(waits and evidence and evidence.get("cause") == "to decide")


def _needs_row(row: Any) -> str | None:
    return "nothing is selected" if row is None else None


def _needs_model(row: Any) -> str | None:
    if row is None:
        return "nothing is selected"
    return None if model_of(row) else "this row belongs to no model"


def _promotable(row: Any) -> str | None:
    reason = _needs_model(row)
    if reason:
        return reason
    if _decides(row):
        return None
    if version_of(row) is not None:
        return f"v{row.number} serves already" if "champion" in row.aliases else None
    if not hasattr(row, "challenger"):
        return "choose a version: open the model"
    return None if row.challenger else "no challenger waits: open the model and choose a version"


def _returnable(row: Any) -> str | None:
    reason = _needs_model(row)
    if reason:
        return reason
    if hasattr(row, "challenger") and row.champion is None:
        return "nothing serves, so there is nothing to go back from"
    return None


def _deployable(row: Any) -> str | None:
    """Return why a deploy has nothing to do; a row that does not tell what differs leaves it to the preview."""
    reason = _needs_model(row)
    if reason:
        return reason
    if hasattr(row, "challenger") and row.champion is None:
        return "nothing serves: promote a version first"
    if hasattr(row, "undeployed") and not row.undeployed:
        return "its servers run as the applied settings say"
    return None


def _cancellable(row: Any) -> str | None:
    if row is None:
        return "nothing is selected"
    return None if row.state in _RUNNING else f"the job has {row.state} already"


def _acknowledgeable(row: Any) -> str | None:
    if row is None:
        return "nothing is selected"
    return f"the alert is {row.state} already" if row.state in ("acknowledged", "resolved") else None


def _resolvable(row: Any) -> str | None:
    if row is None:
        return "nothing is selected"
    return "the alert is resolved already" if row.state == "resolved" else None


def _repeatable(row: Any) -> str | None:
    if row is None:
        return "nothing is selected"
    if row.event_seq is None:
        return f"it was a test: modeldeck notifications test {row.target}"
    if row.merged_into is not None:
        return f"it was told in {row.merged_into[:12]}: choose that one"
    return "it is being sent now" if row.state == "sending" else None


def _open_release(row: Any) -> str | None:
    if row is None:
        return "nothing is selected"
    return None if row.state in _OPEN_RELEASE else f"the release is {row.state} already"


def _pausable(row: Any) -> str | None:
    reason = _open_release(row)
    return reason or ("the release is held already" if row.state == "held" else None)


def _resumable(row: Any) -> str | None:
    reason = _open_release(row)
    return reason or (None if row.state == "held" else f"the release is {row.state}, not held")


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
        _promotable,
    ),
    _act(
        "releases.rollback",
        "R",
        "roll back: return to the version before",
        _MODEL_SCOPES,
        "roll back",
        Danger.DANGEROUS,
        _returnable,
    ),
    _act(
        "releases.deploy",
        "D",
        "deploy: bring the champion to the applied settings",
        ("pulse", "models", "releases", "release"),
        "",
        Danger.DANGEROUS,
        _deployable,
    ),
    _act("runs.train", "T", "train a new version", _TRAIN_SCOPES, "train", Danger.CHANGE, _needs_model),
    _act("monitors.run", "M", "run the monitor now", _MODEL_SCOPES, "", Danger.CHANGE, _needs_model),
    _act("alerts.ack", "A", "take the alert on yourself", ("alerts", "alert"), "ack", Danger.CHANGE, _acknowledgeable),
    _act(
        "alerts.snooze",
        "Z",
        "put the alert aside for 4 hours",
        ("alerts", "alert"),
        "snooze",
        Danger.CHANGE,
        _resolvable,
    ),
    _act("alerts.resolve", "V", "say that the alert is over", ("alerts", "alert"), "over", Danger.CHANGE, _resolvable),
    _act(
        "notifications.replay",
        "E",
        "send the notification again, with the same id",
        ("notifications", "notification"),
        "again",
        Danger.CHANGE,
        _repeatable,
    ),
    _act("jobs.cancel", "K", "cancel the job", ("jobs", "log"), "cancel", Danger.CHANGE, _cancellable),
    _act(
        "releases.abort",
        "X",
        "abort the release: traffic returns to the champion",
        ("releases", "release"),
        "abort",
        Danger.DANGEROUS,
        _open_release,
    ),
    _act(
        "releases.pause",
        "H",
        "hold the release where it is",
        ("releases", "release"),
        "hold",
        Danger.CHANGE,
        _pausable,
    ),
    _act(
        "releases.resume",
        "U",
        "let the held release go on",
        ("releases", "release"),
        "resume",
        Danger.CHANGE,
        _resumable,
    ),
)

_LOOKS = (
    Action("look.open", "enter", "open what is selected", LISTS, "look", "open", available=_needs_row),
    Action("look.actions", "a", "what can be done here", (EVERYWHERE,), "look", "actions"),
    Action("look.filter", "/", "filter, or search in a text", (EVERYWHERE,), "look", "filter"),
    Action("look.command", ":", "command line", (EVERYWHERE,), "look"),
    Action(
        "look.watch",
        "w",
        "how good it is over time: promised, estimated, realised",
        tuple(scope for scope in _MODEL_SCOPES if scope != "monitor"),
        "look",
        "watch",
        available=_needs_model,
    ),
    Action("look.describe", "d", "describe: every field", (EVERYWHERE,), "look", "describe", available=_needs_row),
    Action("look.json", "y", "raw JSON", (EVERYWHERE,), "look", available=_needs_row),
    Action("look.copy_id", "c", "copy the id", (EVERYWHERE,), "look", available=_needs_row),
    Action("look.copy_command", "C", "copy the command line that shows this", (EVERYWHERE,), "look"),
    Action("look.export", "o", "write its charts here as SVG", ("version",), "look", "export", available=_needs_row),
    Action("look.refresh", "r", "read again now", (EVERYWHERE,), "look"),
    Action("look.follow", "f", "follow the end of the log", ("log",), "look", "follow"),
    Action("look.next_match", "n", "next match", ("log", "text"), "look"),
    Action("look.previous_match", "N", "match before", ("log", "text"), "look"),
    Action("look.help", "?", "every key, runnable", (EVERYWHERE,), "look", "help"),
)

_WAYS = (
    _go("pulse", "1", "Pulse: what serves, what changed, is it hurting anyone"),
    _go("models", "2", "Models and their versions"),
    _go("runs", "3", "Runs: what was trained"),
    _go("jobs", "4", "Jobs: queue, progress, logs"),
    _go("releases", "5", "Releases: promotions and rollbacks"),
    _go("events", "8", "Events: the record of changes"),
    _go("alerts", "9", "Alerts with their evidence"),
    _go("notifications", "0", "Notifications: what was told to whom"),
    Action("go.last", "-", "back to the screen before", (EVERYWHERE,), "go"),
    Action("go.back", "q", "one level back; at the root, quit", (EVERYWHERE,), "go", "back"),
    Action("go.out", "escape", "clear the filter, then one level back", (EVERYWHERE,), "go"),
    Action("go.quit", "ctrl+q", "quit; nothing is lost, the work goes on", (EVERYWHERE,), "go"),
)

_MOVES = (
    Action("move.down", "j", "down", (EVERYWHERE,), "move", also=("down",)),
    Action("move.up", "k", "up", (EVERYWHERE,), "move", also=("up",)),
    Action("move.top", "g", "to the top", (EVERYWHERE,), "move", also=("home",)),
    Action("move.bottom", "G", "to the bottom", (EVERYWHERE,), "move", also=("end",)),
    Action("move.page_down", "ctrl+f", "a page down", (EVERYWHERE,), "move", also=("pagedown", "space")),
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
