"""Answers written as their page in the console shows them, without its keys."""

from __future__ import annotations

from console.output import Output
from engine.operations.alerts import AlertDetail
from engine.operations.serving import ReleaseDetail
from engine.operations.watching import MonitorDetail
from engine.operations.work import ScheduleDetail


def alert(answer: AlertDetail, out: Output) -> None:
    """Write an alert as its page in the console shows it."""
    from console.render.alerts import alert_page
    from console.render.cells import plain
    from store.clock import SystemClock

    for cells in alert_page(answer, out.width(), SystemClock().now(), keys=False):
        out.line(plain(cells).rstrip())


def monitor(answer: MonitorDetail, out: Output) -> None:
    """Write how good a model is as its page in the console shows it."""
    from console.render.cells import plain
    from console.render.monitors import monitor_page
    from store.clock import SystemClock

    for cells in monitor_page(answer, out.width(), SystemClock().now()):
        out.line(plain(cells).rstrip())


def schedule(answer: ScheduleDetail, out: Output) -> None:
    """Write a schedule as its page in the console shows it."""
    from console.render.cells import plain
    from console.render.schedules import schedule_page
    from store.clock import SystemClock

    for cells in schedule_page(answer, out.width(), SystemClock().now(), keys=False):
        out.line(plain(cells).rstrip())


def release(answer: ReleaseDetail, out: Output) -> None:
    """Write a release as its page in the console shows it."""
    from console.render.cells import plain
    from console.render.releases import release_lines
    from store.clock import SystemClock

    for cells in release_lines(answer, out.width(), SystemClock().now(), keys=False):
        out.line(plain(cells).rstrip())
