"""What lies behind a monitor and a version: windows one by one, the data, charts as SVG."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from on_a_loop import run
from sample_deck import SampleClient
from sample_monitor import monitor_detail
from sample_releases import HASH, HOUR, NOW
from test_hostile_values import HOSTILE, check

from engine.operations.data import DataSample, SampledRow, SampleRequest, SnapshotDetail
from store.rows import Snapshot

MODEL = "nightly-rates"
WATCHED = "post-moderation"  # the first of the monitors, for it is the worst


def windows() -> tuple[Any, ...]:
    """Return two windows: one of drift with realised figures, one of which only an estimate is known."""
    first = monitor_detail().window
    assert first is not None
    metrics = {"mae": {"value": 27.4, "low": 26.0, "high": 28.9, "n": 380}, "rmse": {"value": 31.0, "n": 380}}
    before = {"id": "v", "from_at": NOW - 2 * HOUR, "to_at": NOW - HOUR, "verdict": "ok", "features": (), "errors": 3}
    older = replace(first, **before, metrics={"estimated_mae": {"value": 20.5, "n": 400}})
    return replace(first, metrics=metrics), older


def snapshot(names: tuple[str, ...]) -> Snapshot:
    """Return a snapshot with columns of these names."""
    columns = tuple({"name": name, "type": "double", "nulls": 0, "distinct": 9} for name in names)
    return Snapshot(HASH, MODEL, 4963, columns, None, None, None, "python:hotel:load", 49_000, NOW)


async def to_the_data(screen: Any) -> None:
    """Go from the models to the data of a version."""
    await screen.press("2")
    await screen.shows(MODEL)
    await screen.press("enter")
    await screen.shows("challenger")
    await screen.press("i")
    await screen.until(lambda: screen.app.desk.page.scope == "snapshot" and screen.app.desk.page.loaded, "the data")


@run
async def test_windows_are_listed_from_a_monitor_and_one_is_opened(console: Any, sample: SampleClient) -> None:
    sample.answers["monitors.windows"] = windows()
    async with console() as screen:
        await screen.press("6")
        await screen.shows(MODEL)
        await screen.press("i")
        await screen.shows(f"windows of {WATCHED}", "27.40 mae", "est. 20.50 mae", "~ drift", "✓ ok")
        await screen.press("enter")
        await screen.shows("of v2", "Figures", "27.40 [26.00, 28.90]", "380", "MOVED MOST")
        await screen.press("escape", "escape")
        await screen.shows("Monitors")


@run
async def test_a_monitor_without_a_window_says_what_computes_one(console: Any, sample: SampleClient) -> None:
    sample.answers["monitors.windows"] = ()
    async with console() as screen:
        await screen.press("6")
        await screen.shows(MODEL)
        await screen.press("i")
        await screen.shows("No window has been computed yet.", "modeldeck monitors run")


@run
async def test_the_data_of_a_version_tells_nothing_of_a_personal_column(console: Any, sample: SampleClient) -> None:
    quantiles = [39.0, 64.8, 98.75, 167.75, 241.0]
    columns = (
        {"name": "adr", "type": "double", "nulls": 0, "distinct": 9, "min": 19.0, "max": 359.0, "quantiles": quantiles},
        {"name": "meal", "type": "string", "nulls": 7, "distinct": 2, "top": [["bb", 3878], ["none", 54]]},
        {"name": "country", "type": "string", "nulls": 65, "distinct": 68},
    )
    held = Snapshot(HASH, MODEL, 4963, columns, "arrival", NOW - 100 * HOUR, NOW, "python:hotel:load", 49_000, NOW)
    sample.answers["data.show"] = SnapshotDetail(held, True, 1, 0, ())
    async with console() as screen:
        await to_the_data(screen)
        await screen.shows(
            "4,963 in 3 columns", "python:hotel:load", "19 to 359, half up to 98.75", "bb 3,878, none 54"
        )
        country = next(line for line in screen.text.splitlines() if "country" in line)
        assert country.split() == ["country", "string", "65", "68", "-"]


@run
async def test_rows_of_a_versions_data_are_listed_and_one_is_opened_whole(console: Any, sample: SampleClient) -> None:
    sample.answers["data.show"] = SnapshotDetail(snapshot(("adr", "country")), True, 1, 0, ())
    sampled = (SampledRow(12, (98.75, "***")), SampledRow(3011, (None, "***")))
    sample.answers["data.sample"] = DataSample(HASH, MODEL, 4963, "spread", ("adr", "country"), ("country",), sampled)
    async with console() as screen:
        await to_the_data(screen)
        await screen.press("i")
        await screen.shows("2 of 4,963 rows, one drawn from each of 2 equal parts")
        await screen.shows("enter shows all 2 columns of a row; personal, so masked: country")
        assert [line.split() for line in screen.text.splitlines() if "***" in line][:2] == [
            ["›", "12", "98.75", "***"],
            ["3,011", "null", "***"],
        ]
        await screen.press("slash")
        await screen.type("row.adr>90")
        await screen.press("enter")
        await screen.until(lambda: "3,011" not in screen.text, "the filter")
        await screen.press("slash")
        await screen.type(" Spain")
        await screen.shows(
            "does not match any of 2 rows", "Values of country are personal, so masked, and not searched"
        )
        await screen.press(*["backspace"] * len(" Spain"), "enter")
        await screen.press("enter")
        await screen.until(lambda: screen.app.desk.page.title == "row 12", "the row")
        await screen.shows("of 4,963", "98.75")
        assert sample.called("data.sample") == [SampleRequest(MODEL, HASH, limit=50)], "a snapshot is read once"


@run
@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_and_values_of_a_wide_table_spoil_no_screen(
    console: Any, sample: SampleClient, name: str
) -> None:
    names = tuple(f"{place}{HOSTILE[name]}" for place in range(120))
    values = tuple(HOSTILE[name] if place % 2 else place * 1e9 for place in range(120))
    sample.answers["data.show"] = SnapshotDetail(snapshot(names), True, 1, 0, ())
    sampled = tuple(SampledRow(number, values) for number in range(1, 41))
    sample.answers["data.sample"] = DataSample(HASH, MODEL, 4963, "first", names, names[:1], sampled)
    async with console() as screen:
        await to_the_data(screen)
        check(screen.text, (80, 24), "the profile")
        await screen.press("i")
        await screen.shows("the first 40 of 4,963 rows")
        check(screen.text, (80, 24), "the rows")
        await screen.press("enter")
        await screen.shows("Row 1")
        check(screen.text, (80, 24), "one row")


@run
async def test_a_monitors_charts_are_written_as_svg(
    console: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with console() as screen:
        await screen.press("6")
        await screen.shows(MODEL)
        await screen.press("enter")
        await screen.shows("Promised")
        await screen.press("o")
        await screen.shows("written here: monitor-post-moderation.svg")
    drawn = next(tmp_path.glob("*.svg")).read_text()
    assert f"{MODEL} v2: realised mae" in drawn
    assert f"{MODEL} v2: estimated mae" in drawn


@run
async def test_charts_of_a_page_are_looked_at_one_by_one(console: Any) -> None:
    async with console() as screen:
        await screen.press("6")
        await screen.shows(MODEL)
        await screen.press("enter")
        await screen.shows("Promised")
        await screen.press("+")
        await screen.shows("› charts", "estimated mae", "1 of 2")
        await screen.press("j")
        await screen.shows("realised mae", "2 of 2")
        await screen.press("j", "k")
        await screen.shows("estimated mae", "1 of 2")
        await screen.press("_")
        await screen.shows("Promised")
        await screen.press("3", "+")
        assert "› charts" not in screen.text


@run
async def test_a_page_without_charts_says_so(console: Any, sample: SampleClient) -> None:
    sample.answers["monitors.detail"] = replace(monitor_detail(), looks=())
    async with console() as screen:
        await screen.press("6")
        await screen.shows(MODEL)
        await screen.press("enter")
        await screen.shows("no windows yet")
        await screen.press("+")
        await screen.shows("there are no charts on record of it")
