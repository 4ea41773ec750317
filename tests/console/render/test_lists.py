"""Every column of every list, with values that would like to be markup, escapes or wide."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from sample_deck import ALERTS, EVENTS, JOBS, NOTIFICATIONS, PULSE, RUNS
from sample_releases import MODELS, NOW, RELEASES, VERSIONS

from console.render import alerts, events, jobs, models, notifications, pulse, releases, runs
from console.render.cells import line_width, plain
from console.render.columns import Column, Context, place, spans, titles
from console.widgets.grid import Grid

LISTS = {
    "pulse": (pulse.COLUMNS, PULSE.models),
    "models": (models.COLUMNS, MODELS),
    "versions": (models.version_columns("mae"), VERSIONS["nightly-rates"]),
    "runs": (runs.COLUMNS, RUNS),
    "jobs": (jobs.COLUMNS, JOBS),
    "releases": (releases.COLUMNS, RELEASES),
    "events": (events.COLUMNS, EVENTS),
    "alerts": (alerts.COLUMNS, ALERTS),
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
