"""The actions that go from screen to screen, and move within one."""

from __future__ import annotations

from engine.actions.action import Action
from engine.actions.scopes import EVERYWHERE, MARK_SCOPES, SCOPES


def _go(screen: str, key: str, title: str) -> Action:
    return Action(f"go.{screen}", key, title, (EVERYWHERE,), "go")


WAYS = (
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

MOVES = (
    Action("move.down", "j", "down", (EVERYWHERE,), "move", also=("down",)),
    Action("move.up", "k", "up", (EVERYWHERE,), "move", also=("up",)),
    Action("move.top", "g", "to the top", (EVERYWHERE,), "move", also=("home",)),
    Action("move.bottom", "G", "to the bottom", (EVERYWHERE,), "move", also=("end",)),
    Action("move.page_down", "ctrl+f", "a page down", (EVERYWHERE,), "move", also=("pagedown",)),
    Action("move.on", "space", "a page down", tuple(one for one in SCOPES if one not in MARK_SCOPES), "move"),
    Action("move.page_up", "ctrl+b", "a page up", (EVERYWHERE,), "move", also=("pageup",)),
    Action("move.half_down", "ctrl+d", "half a page down", (EVERYWHERE,), "move"),
    Action("move.half_up", "ctrl+u", "half a page up", (EVERYWHERE,), "move"),
)
