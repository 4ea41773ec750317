"""`6` Monitors and `7` Schedules, and the pages they open."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render import monitor_list, schedules
from console.render.cells import Line
from console.screens.catalog import monitor_page
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import ListKind, ListPage
from engine.operations.watching import MonitorNewest
from engine.operations.work import ScheduleDetail, ScheduleShow
from store.rows import Schedule

_WORST_FIRST = {"degraded": 0, "drift": 1, "ok": 3}


def monitors_page() -> ListPage:
    """`6` Monitors: the worst first."""

    def read(client: Asks) -> list[MonitorNewest]:
        found = client.call("monitors.newest")
        return sorted(found, key=lambda row: (_WORST_FIRST.get(row.verdict, 2), not row.alerts, row.model))

    return ListPage(
        ListKind(
            name="monitors",
            title="Monitors",
            command="modeldeck monitors newest",
            columns=monitor_list.COLUMNS,
            key=lambda row: row.model,
            read=read,
            empty=("Nothing is watched yet.", "[monitor] in models/NAME.toml says how; then run: modeldeck apply"),
            opens=lambda row: monitor_page(row.model),
            detail=monitor_list.monitor_lines,
        )
    )


def schedules_page() -> ListPage:
    """`7` Schedules: what fires next first, what is paused last."""

    def read(client: Asks) -> list[Schedule]:
        found = client.call("schedules.list")
        return sorted(found, key=lambda row: (row.paused_at is not None, row.next_at is None, row.next_at or 0, row.id))

    return ListPage(
        ListKind(
            name="schedules",
            title="Schedules",
            command="modeldeck schedules",
            columns=schedules.COLUMNS,
            key=lambda row: row.id,
            read=read,
            empty=(
                "Nothing runs by itself yet.",
                "[monitor] every and [retrain] cron in models/NAME.toml make schedules; then run: modeldeck apply",
            ),
            opens=schedule_page,
            detail=schedules.schedule_lines,
        )
    )


def schedule_page(row: Schedule) -> DocumentPage:
    """Return the page of a schedule."""

    def lines(subject: ScheduleDetail, width: int, now: int) -> list[Line]:
        return schedules.schedule_page(subject, width, now)

    def read(client: Asks) -> Any:
        return client.call("schedules.show", ScheduleShow(row.id))

    kind = DocumentKind(
        scope="schedule",
        name=f"schedule:{row.id}",
        title=row.id,
        command=f"modeldeck schedules show {row.id}",
        lines=lines,
        read=read,
        row=lambda subject: subject.schedule,
    )
    return DocumentPage(kind)
