"""The screens by name, and the pages they open."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render import alerts, describe, events, jobs, models, monitors, page_charts, releases, version
from console.render.cells import Line, line
from console.render.columns import Context
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import MOST, NO_MODEL, ListKind, ListPage
from console.screens.log_page import LogPage
from engine.operations.alerts import AlertDetail, AlertRequest, AlertsRequest
from engine.operations.behaviour import TestsRequest
from engine.operations.common import ModelRequest
from engine.operations.common import Page as PageRequest
from engine.operations.deck import EventsRequest
from engine.operations.models import VersionsRequest
from engine.operations.serving import ReleaseDetail, ReleaseRequest, ReleasesRequest
from engine.operations.watching import MonitorDetail
from store.rows import Alert, Event, Model, Release, Version

NO_MODELS = (
    "This deck has no models yet.",
    "Draft models/NAME.toml: modeldeck models new NAME FILE --target COLUMN",
    "Then take it in: modeldeck apply",
    "Or start from an example: modeldeck init DIR --example nightly-rates",
    "Or see the whole loop on real data: modeldeck demo",
    "{look.help} lists every key.",
)
_ORDER = {"open": 0, "acknowledged": 1, "snoozed": 2, "muted": 2, "resolved": 3}


def models_page() -> ListPage:
    """`2` Models."""
    return ListPage(
        ListKind(
            name="models",
            title="Models",
            command="modeldeck models",
            columns=models.COLUMNS,
            key=lambda row: row.name,
            read=lambda client: client.call("models.list"),
            empty=NO_MODELS,
            opens=lambda row: model_page(row.name),
        )
    )


class VersionsPage(ListPage):
    """One model: a line about it, and its versions."""

    def __init__(self, model: str) -> None:
        super().__init__(
            ListKind(
                name=f"versions:{model}",
                title=model,
                command=f"modeldeck versions {model}",
                columns=models.version_columns(""),
                key=lambda row: str(row.number),
                read=lambda client: client.call("versions.list", VersionsRequest(model)),
                empty=(f"{model} has no versions yet.", "{runs.train} trains one."),
                opens=version_page,
            )
        )
        self._name = model
        self._model: Model | None = None
        self._newest: Release | None = None
        self._metric = ""

    @property
    def selected(self) -> Any | None:
        """The version under the cursor; where there is none the model, so that it can be trained."""
        return self.grid.selected or self._model

    def read(self, client: Asks) -> Any:
        """Ask for the model, its newest release, which may be somebody else's and under way, and its versions."""
        name = self._name
        model = next((row for row in client.call("models.list") if row.name == name), None)
        newest = next(iter(client.call("releases.list", ReleasesRequest(name, limit=1))), None)
        return model, newest, tuple(client.call("versions.list", VersionsRequest(name)))

    def take(self, value: Any) -> None:
        """Take all; the primary metric names the versions' column."""
        self.loaded = True
        self._model, self._newest, rows = value
        metric = next((str(row.evaluation.get("metric") or "") for row in rows), "")
        if metric != self._metric:
            self._metric = metric
            self.grid.set_columns(models.version_columns(metric))
        self.set_rows(rows)

    def head(self, width: int, context: Context) -> list[Line]:
        """Return the line about the model."""
        return [] if self._model is None else [line("  ", *models.model_head(self._model, self._newest, context)), ()]


def model_page(name: str) -> VersionsPage:
    """Return the page of a model."""
    return VersionsPage(name)


def version_page(row: Version) -> DocumentPage:
    """Return the page of a version."""
    return version_named(row.model, row.number)


def version_named(model: str, number: int) -> DocumentPage:
    """Return the page of a version by model and number."""

    def read(client: Asks) -> Any:
        only = VersionsRequest(model, f"number={number}", limit=1)
        found = next((one for one in client.call("versions.list", only) if one.number == number), None)
        if found is None:
            return None
        released = tuple(client.call("releases.list", ReleasesRequest(model=model)))
        newest = next((one for one in released if one.to_version == number), None)
        steps = client.call("releases.detail", ReleaseRequest(newest.id)).steps if newest is not None else ()
        return found, released, steps, tuple(client.call("tests.list", TestsRequest(model, number)))

    def lines(subject: Any, width: int, now: int) -> list[Line]:
        return version.version_lines(subject[0], subject[1], width, now, subject[2], subject[3])

    kind = DocumentKind(
        scope="version",
        name=f"version:{model}@{number}",
        title=f"v{number}",
        command=f"modeldeck show version {model}@{number}",
        lines=lines,
        read=read,
        row=lambda subject: subject[0],
        charts=lambda subject: page_charts.version_charts(subject[0]),
        gone=f"no version {model}@{number}: modeldeck versions {model} lists them",
    )
    return DocumentPage(kind)


def jobs_page() -> ListPage:
    """`4` Jobs."""
    return ListPage(
        ListKind(
            name="jobs",
            title="Jobs",
            command="modeldeck jobs",
            columns=jobs.COLUMNS,
            key=lambda row: row.id,
            read=lambda client: client.call("jobs.list", PageRequest(limit=MOST)),
            empty=(
                "No job has run yet.",
                "Training, releases and monitors make jobs; {runs.train} on a model makes one now.",
                NO_MODEL,
            ),
            opens=LogPage,
            detail=jobs.job_lines,
            is_routine=jobs.is_routine,
        )
    )


def releases_page() -> ListPage:
    """`5` Releases."""
    return ListPage(
        ListKind(
            name="releases",
            title="Releases",
            command="modeldeck releases",
            columns=releases.COLUMNS,
            key=lambda row: row.id,
            read=lambda client: client.call("releases.list", ReleasesRequest(limit=MOST)),
            empty=(
                "Nothing has been released yet.",
                "{releases.promote} on a model or version promotes it, plan shown first.",
                NO_MODEL,
            ),
            opens=release_page,
        )
    )


def release_page(row: Release) -> DocumentPage:
    """Return the live page of a release."""

    def lines(subject: ReleaseDetail, width: int, now: int) -> list[Line]:
        return releases.release_lines(subject, width, now)

    kind = DocumentKind(
        scope="release",
        name=f"release:{row.id}",
        title=f"{row.kind} v{row.to_version} {row.endpoint}",
        command=f"modeldeck show release {row.id[:12]}",
        lines=lines,
        read=lambda client: client.call("releases.detail", ReleaseRequest(row.id)),
        row=lambda subject: subject.release,
    )
    return DocumentPage(kind)


def events_page() -> ListPage:
    """`8` Events."""
    return ListPage(
        ListKind(
            name="events",
            title="Events",
            command="modeldeck events",
            columns=events.COLUMNS,
            key=lambda row: str(row.seq),
            read=lambda client: client.call("events.list", EventsRequest(limit=MOST)),
            empty=(
                "Nothing has changed yet.",
                "Every change of this deck will be listed here, with who and why; modeldeck apply makes the first.",
            ),
            opens=_event_page,
        )
    )


def _event_page(row: Event) -> DocumentPage:
    def lines(subject: Event, width: int, now: int) -> list[Line]:
        return describe.describe_lines(subject, width)

    return DocumentPage(
        DocumentKind("event", f"event:{row.seq}", f"event {row.seq}", f"modeldeck show event {row.seq}", lines), row
    )


def alerts_page() -> ListPage:
    """`9` Alerts: open ones first."""

    def read(client: Asks) -> list[Alert]:
        found = client.call("alerts.list", AlertsRequest(all=True))
        return sorted(found, key=lambda row: (_ORDER.get(row.state, 3), row.severity != "critical", -row.seen_at))

    return ListPage(
        ListKind(
            name="alerts",
            title="Alerts",
            command="modeldeck alerts --all",
            columns=alerts.COLUMNS,
            key=lambda row: row.id,
            read=read,
            empty=(
                "No alert has been raised.",
                "Monitors raise them; {monitors.run} on a model runs its monitor now.",
                NO_MODEL,
            ),
            opens=alert_page,
            detail=alerts.alert_detail,
        )
    )


def alert_page(row: Alert) -> DocumentPage:
    """Return the page of an alert with its evidence."""

    def lines(subject: AlertDetail, width: int, now: int) -> list[Line]:
        return alerts.alert_page(subject, width, now)

    kind = DocumentKind(
        scope="alert",
        name=f"alert:{row.id}",
        title=f"{row.kind} {alerts.subject(row)}",
        command=f"modeldeck show alert {row.id[:12]}",
        lines=lines,
        read=lambda client: client.call("alerts.detail", AlertRequest(row.id)),
        row=lambda subject: subject.alert,
        charts=page_charts.alert_charts,
    )
    return DocumentPage(kind)


def monitor_page(model: str) -> DocumentPage:
    """Return how good a model is over time."""

    def lines(subject: MonitorDetail, width: int, now: int) -> list[Line]:
        return monitors.monitor_page(subject, width, now)

    kind = DocumentKind(
        scope="monitor",
        name=f"monitor:{model}",
        title=f"watch {model}",
        command=f"modeldeck monitors show {model}",
        lines=lines,
        read=lambda client: client.call("monitors.detail", ModelRequest(model)),
        charts=page_charts.monitor_charts,
    )
    return DocumentPage(kind)


def describe_page(row: Any, title: str, command: str) -> DocumentPage:
    """Return every field of a row."""

    def lines(subject: Any, width: int, now: int) -> list[Line]:
        return describe.describe_lines(subject, width)

    return DocumentPage(DocumentKind("text", f"describe:{title}", "described", command, lines), row)


def json_page(row: Any, title: str, command: str) -> DocumentPage:
    """Return a row as JSON."""

    def lines(subject: Any, width: int, now: int) -> list[Line]:
        return describe.json_lines(subject, width)

    return DocumentPage(DocumentKind("text", f"json:{title}", "JSON", command, lines), row)
