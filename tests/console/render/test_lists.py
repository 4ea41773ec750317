"""Every column of every list, with values that would like to be markup, escapes or wide."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sample_deck import ALERTS, EVENTS, JOBS, PULSE, RUNS
from sample_places import MONITORS, SCHEDULES
from sample_releases import MODELS, NOW, RELEASES, VERSIONS
from sample_told import NOTIFICATIONS

from console.render import alerts, events, jobs, models, monitor_list, notifications, pulse, releases, runs, schedules
from console.render.cells import line_width, plain
from console.render.columns import Column, Context, place, spans, titles
from console.widgets.grid import Grid
from engine.jobs.again import again

LISTS = {
    "pulse": (pulse.COLUMNS, PULSE.models),
    "models": (models.COLUMNS, MODELS),
    "versions": (models.version_columns("mae"), VERSIONS["nightly-rates"]),
    "runs": (runs.COLUMNS, RUNS),
    "jobs": (jobs.COLUMNS, JOBS),
    "releases": (releases.COLUMNS, RELEASES),
    "events": (events.COLUMNS, EVENTS),
    "alerts": (alerts.COLUMNS, ALERTS),
    "monitors": (monitor_list.COLUMNS, MONITORS),
    "schedules": (schedules.COLUMNS, SCHEDULES),
    "notifications": (notifications.COLUMNS, NOTIFICATIONS),
}
HOSTILE = ("[red]x[/]", "\x1b[31mred\x07\n\r\t", "日本語のモデル名", "مرحبا\u202e", "e\u0301\u200d👩‍🚀", "a" * 300, "")
CONTEXT = Context(NOW)


def spoil(row: Any, text: str) -> Any:
    """Return the row with every text replaced, states and task words included."""
    return dataclasses.replace(
        row,
        **{field.name: text for field in dataclasses.fields(row) if isinstance(getattr(row, field.name), str)},
    )


@pytest.mark.parametrize("width", [50, 80, 120, 200])
@pytest.mark.parametrize("name", LISTS)
def test_lines_have_the_width_of_the_screen_whatever_the_values(name: str, width: int) -> None:
    columns, rows = LISTS[name]
    for text in HOSTILE:
        grid = Grid(columns, key=lambda row: str(id(row)))
        grid.set_rows([*rows, *(spoil(row, text) for row in rows)])
        for cells in grid.draw(width, 30, CONTEXT):
            assert line_width(cells) == width
            assert "\x1b" not in plain(cells)


@pytest.mark.parametrize("name", LISTS)
def test_markup_in_values_is_shown_as_it_is(name: str) -> None:
    columns, rows = LISTS[name]
    grid = Grid(columns, key=lambda row: str(id(row)))
    grid.set_rows([spoil(rows[0], "[red]x[/]")])
    assert "[red]x[/]" in plain(grid.draw(200, 5, CONTEXT)[1])


@pytest.mark.parametrize("name", LISTS)
def test_state_and_name_stay_at_fifty_columns(name: str) -> None:
    columns, rows = LISTS[name]
    grid = Grid(columns, key=lambda row: str(id(row)))
    grid.set_rows(rows)
    head = plain(grid.draw(50, 5, CONTEXT)[0])
    assert all(column.title in head for column in columns if column.priority == 1)


def test_columns_leave_by_priority() -> None:
    columns = [Column(name, lambda row, context: "x" * 10, priority=order) for order, name in enumerate("abcde", 1)]
    contents = [[spans("x" * 10)] * 5]
    shown = [[item.column.title for item in place(columns, contents, width)] for width in (60, 46, 34, 22, 9)]
    assert shown == [list("abcde"), list("abcd"), list("abc"), list("ab"), ["a"]]


def test_titles_stand_over_their_columns() -> None:
    columns, rows = LISTS["jobs"]
    contents = [[spans(column.cell(row, CONTEXT)) for column in columns] for row in rows]
    assert line_width(titles(place(columns, contents, 78))) <= 78


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("running", "v7 serves; promote of v8 running by anna"),
        ("held", "v7 serves; promote of v8 held by anna"),
        ("completed", "v7 serves; v8 waits"),
        (None, "v7 serves; v8 waits"),
    ],
)
def test_versions_are_headed_by_what_serves_and_by_the_release_that_is_open(state: str | None, told: str) -> None:
    model = dataclasses.replace(MODELS[0], champion=7, challenger=8)
    newest = state and dataclasses.replace(
        RELEASES[0], state=state, kind="promote", from_version=7, to_version=8, actor="user:anna"
    )
    assert told in "".join(text for text, _ in models.model_head(model, newest or None, Context(NOW)))


def test_a_paused_schedule_says_by_whom_and_why_in_its_list_and_one_being_resumed_waits_for_no_event() -> None:
    paused = next(row for row in SCHEDULES if row.paused_at)
    grid = Grid(schedules.COLUMNS, lambda row: row.id)
    resumed = dataclasses.replace(paused, paused_at=None, paused_by="", paused_reason="", next_at=None)
    grid.set_rows([paused, resumed])
    shown = [plain(cells) for cells in grid.draw(120, 3, CONTEXT)]
    assert "paused by ben: the source moves" in shown[1]
    assert "being set" in shown[2]
    assert "when it happens" not in shown[2]
    below = " ".join(plain(cells) for cells in schedules.schedule_lines(paused, 80, NOW))
    assert "paused 1h ago by ben: the source moves" in " ".join(below.split())
    by_hand = dataclasses.replace(resumed, last_at=None, last_job_id="01a2")
    assert "never by its time" in plain(schedules.schedule_lines(by_hand, 80, NOW)[-1])


def test_a_version_that_left_is_named_whole_and_so_is_what_moved_most() -> None:
    row = dataclasses.replace(
        MONITORS[0], version=12, has_left=True, moved="prediction", moved_effect=0.94, moved_threshold=0.2
    )
    grid = Grid(monitor_list.COLUMNS, lambda row: row.model)
    grid.set_rows([row])
    shown = plain(grid.draw(80, 2, CONTEXT)[1])
    assert "v12 gone" in shown
    assert "prediction 0.94 of 0.2" in shown


def test_a_running_job_names_its_process_and_an_abandoned_one_how_to_have_its_work_done_again() -> None:
    running = dataclasses.replace(next(row for row in JOBS if row.state == "running"), pid=4711)
    assert "process 4711" in " ".join(plain(cells) for cells in jobs.job_lines(running, 80, NOW))
    gone = dataclasses.replace(
        next(row for row in JOBS if row.state == "abandoned"), args={"until_us": 1_490_313_600_000_000}
    )
    shown = " ".join(" ".join(plain(cells) for cells in jobs.job_lines(gone, 80, NOW)).split())
    assert "again: modeldeck train nightly-rates --until 2017-03-24T00:00:00Z" in shown
    scheduled = dataclasses.replace(gone, actor="schedule:retrain:nightly-rates")
    assert again(scheduled) == "modeldeck schedules run retrain:nightly-rates"
    assert again(dataclasses.replace(gone, state="failed")) == ""
