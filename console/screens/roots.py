"""The numbered screens."""

from __future__ import annotations

from collections.abc import Callable

from console.screens.approvals import approvals_page
from console.screens.catalog import alerts_page, events_page, jobs_page, models_page, releases_page
from console.screens.deploys import deploys_page
from console.screens.handover import handover_page, incidents_page
from console.screens.notifications import notifications_page
from console.screens.page import Page
from console.screens.pulse import PulsePage
from console.screens.runs import RunsPage
from console.screens.watching import monitors_page, schedules_page

ROOTS: dict[str, Callable[[], Page]] = {
    "pulse": PulsePage,
    "models": models_page,
    "runs": RunsPage,
    "jobs": jobs_page,
    "deploys": deploys_page,
    "monitors": monitors_page,
    "schedules": schedules_page,
    "releases": releases_page,
    "events": events_page,
    "alerts": alerts_page,
    "notifications": notifications_page,
    "approvals": approvals_page,
    "handover": handover_page,
    "incidents": incidents_page,
}
