"""Where an action is offered: the screens by name, and the groups of them that share a key."""

from __future__ import annotations

EVERYWHERE = "everywhere"
LISTS = (
    *("pulse", "models", "versions", "runs", "jobs", "deploys", "monitors", "schedules", "events", "alerts"),
    *("releases", "notifications", "approvals", "windows", "incidents", "sample"),
)
PAGES = (
    *("version", "run", "event", "alert", "release", "deploy", "monitor", "schedule", "notification", "log", "text"),
    *("approval", "window", "thread", "incident", "compared", "zoom", "snapshot", "record"),
)
SCOPES = (*LISTS, *PAGES)

MODEL_SCOPES = (
    *("pulse", "models", "versions", "version", "alerts", "alert", "runs", "run", "releases", "release", "monitor"),
    *("deploys", "deploy", "monitors"),
)
TRAIN_SCOPES = tuple(scope for scope in MODEL_SCOPES if not scope.startswith(("release", "deploy")))
RELEASE_SCOPES = ("releases", "release", "deploys", "pulse")
DRAWN_SCOPES = ("version", "monitor", "alert", "compared")  # pages with charts
MARK_SCOPES = ("runs", "versions")  # where rows are marked, to be compared
LINEAGE_SCOPES = ("versions", "version", "runs", "run", "releases", "release")
SCHEDULE_SCOPES = ("schedules", "schedule")
SAID_OF_SCOPES = (
    *("pulse", "models", "versions", "version", "alerts", "alert", "runs", "run", "releases", "release"),
    *("incidents", "incident"),
)
SEARCHED_SCOPES = ("log", "text", "compared", "snapshot", "record")
DATED_SCOPES = ("events", "event", "alerts", "alert", "releases", "release")
