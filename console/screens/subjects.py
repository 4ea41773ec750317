"""What a selected row is called: its id to copy, its command line to repeat. Pure."""

from __future__ import annotations

from typing import Any

from console.render.deploys import DeployRow
from console.render.samples import Record
from console.screens.list_page import ListPage
from console.screens.page import Page
from engine.operations.deck import PulseModel
from engine.operations.watching import MonitorDetail, MonitorNewest
from store.rows import Alert, Event, Incident, Job, Model, Release, Run, Schedule, Snapshot, Version, Window


def identity(row: Any) -> str:
    """Return the public id of a row."""
    if isinstance(row, Version):
        return f"{row.model}@{row.number}"
    if isinstance(row, PulseModel | MonitorNewest | MonitorDetail):
        return row.model
    if isinstance(row, Model):
        return row.name
    if isinstance(row, Event):
        return str(row.seq)
    return str(getattr(row, "id", ""))


def kind_of(row: Any) -> str:
    """Return the word for a row that `modeldeck show KIND ID` takes."""
    names = {
        Version: "version",
        PulseModel: "model",
        Model: "model",
        Event: "event",
        Run: "run",
        Job: "job",
        Release: "release",
        Alert: "alert",
        Incident: "incident",
        DeployRow: "deployment",
        Schedule: "schedule",
        MonitorNewest: "monitor",
        MonitorDetail: "monitor",
        Window: "window",
        Snapshot: "snapshot",
        Record: "row",
    }
    return next((name for kind, name in names.items() if isinstance(row, kind)), "")


def command_of(page: Page) -> str:
    """Return the command line that shows the same as the screen."""
    return page.twin if isinstance(page, ListPage) else page.command


def show_command(row: Any) -> str:
    """Return the command line that shows a row whole."""
    if isinstance(row, Schedule):
        return f"modeldeck schedules show {row.id} --json"
    if isinstance(row, MonitorNewest | MonitorDetail):
        return f"modeldeck monitors show {row.model} --json"
    if isinstance(row, Window):
        return f"modeldeck monitors windows {row.model} --json"
    if isinstance(row, Snapshot):
        return f"modeldeck data show {row.id} --json"
    if isinstance(row, Record):
        return f"modeldeck data sample {row.model} --snapshot {row.snapshot[7:19]} --json"
    return f"modeldeck show {kind_of(row)} {identity(row)} --json"
