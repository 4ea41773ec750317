"""Frozen rows the store gives out. Standard library only: the console imports this and nothing else of the store.

Field names are the JSON contract. A field ending in `_at` holds integer microseconds UTC (or None); `to_json` writes
those as RFC 3339 with `Z`. Fields holding structured values are plain dicts, lists or tuples, already parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import json_rows, many_rows

if TYPE_CHECKING:
    from store.rows.behaviour import BehaviourResult, BehaviourRun
    from store.rows.comments import Comment, CommentText, Watch
    from store.rows.data import DataCheck, QuarantineBatch
    from store.rows.erasures import Erasure, ErasureDecision, ErasureItem
    from store.rows.governance import Approval, ApprovalAnswer
    from store.rows.handover import Duty, Incident
    from store.rows.models import Alias, AliasMove, Image, Model, SettingsRevision, Snapshot, Version, VersionSummary
    from store.rows.notifying import Notification
    from store.rows.record import Event, PersonalRead
    from store.rows.releases import Release, Step
    from store.rows.runs import Experiment, Run, RunArtifact
    from store.rows.serving import Deployment, Endpoint, EndpointKey, Fault, Host, Replica, Route, RouteSpan, Served
    from store.rows.watching import (
        ESTIMATED,
        FAIRNESS,
        PLAIN,
        Alert,
        Maintenance,
        Monitor,
        OutcomeBatch,
        Window,
        WindowPart,
    )
    from store.rows.work import Job, Schedule, Terms
else:
    import importlib

    # Which file holds which row: each is loaded where it is first asked for, as most commands show one kind or two.
    _HELD = {
        "behaviour": (
            "BehaviourResult",
            "BehaviourRun",
        ),
        "comments": (
            "Comment",
            "CommentText",
            "Watch",
        ),
        "data": (
            "DataCheck",
            "QuarantineBatch",
        ),
        "erasures": (
            "Erasure",
            "ErasureDecision",
            "ErasureItem",
        ),
        "governance": (
            "Approval",
            "ApprovalAnswer",
        ),
        "handover": (
            "Duty",
            "Incident",
        ),
        "models": (
            "Alias",
            "AliasMove",
            "Image",
            "Model",
            "SettingsRevision",
            "Snapshot",
            "Version",
            "VersionSummary",
        ),
        "notifying": ("Notification",),
        "record": (
            "Event",
            "PersonalRead",
        ),
        "releases": (
            "Release",
            "Step",
        ),
        "runs": (
            "Experiment",
            "Run",
            "RunArtifact",
        ),
        "serving": (
            "Deployment",
            "Endpoint",
            "EndpointKey",
            "Fault",
            "Host",
            "Replica",
            "Route",
            "RouteSpan",
            "Served",
        ),
        "watching": (
            "ESTIMATED",
            "FAIRNESS",
            "PLAIN",
            "Alert",
            "Maintenance",
            "Monitor",
            "OutcomeBatch",
            "Window",
            "WindowPart",
        ),
        "work": (
            "Job",
            "Schedule",
            "Terms",
        ),
    }
    _HOMES = {name: home for home, names in _HELD.items() for name in names}

    def __getattr__(name):
        """Return a row's class from its file."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"store.rows.{_HOMES[name]}"), name)
        globals()[name] = found
        return found


EPOCH = json_rows.EPOCH
microseconds = json_rows.microseconds
rfc3339 = json_rows.rfc3339
to_json = json_rows.to_json
Rows = many_rows.Rows
column = many_rows.column

__all__ = [
    "EPOCH",
    "ESTIMATED",
    "FAIRNESS",
    "PLAIN",
    "Alert",
    "Alias",
    "AliasMove",
    "Approval",
    "ApprovalAnswer",
    "BehaviourResult",
    "BehaviourRun",
    "Comment",
    "CommentText",
    "DataCheck",
    "Deployment",
    "Duty",
    "Endpoint",
    "EndpointKey",
    "Erasure",
    "ErasureDecision",
    "ErasureItem",
    "Event",
    "Experiment",
    "Fault",
    "Host",
    "Image",
    "Incident",
    "Job",
    "Maintenance",
    "Model",
    "Monitor",
    "Notification",
    "OutcomeBatch",
    "PersonalRead",
    "QuarantineBatch",
    "Release",
    "Replica",
    "Route",
    "RouteSpan",
    "Rows",
    "Run",
    "RunArtifact",
    "Schedule",
    "Served",
    "SettingsRevision",
    "Snapshot",
    "Step",
    "Terms",
    "Version",
    "VersionSummary",
    "Watch",
    "Window",
    "WindowPart",
    "column",
    "microseconds",
    "rfc3339",
    "to_json",
]
