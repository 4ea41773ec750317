"""Tables, times, values and errors as the command line prints them."""

from __future__ import annotations

import io
import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.output import Column, Output, clip, fit, json_text, plain, text_width
from store.errors import GateFailed
from store.rows import Alias, Rows, Window, microseconds

COLUMNS = (
    Column("name", lambda row, _: row[0]),
    Column("count", lambda row, _: row[1], right=True),
    Column("title", lambda row, _: row[2], shrink=True),
)


def output(**kwargs: object) -> Output:
    return Output(stdout=io.StringIO(), stderr=io.StringIO(), **kwargs)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_table_fits_the_width_that_columns_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = output()
    out.table(COLUMNS, [("a", "1", "x" * 200), ("long-name", "1,000", "東京" * 60)])
    lines = out.stdout.getvalue().splitlines()  # type: ignore[attr-defined]
    assert all(text_width(line) <= 80 for line in lines)
    assert lines[1].endswith("…")


def test_piped_cells_are_whole_and_a_long_one_widens_no_other_line() -> None:
    out = output()
    out.table(COLUMNS[1:] + COLUMNS[:1], [("a", "1", "x" * 10_000), ("b", "2", "short")])
    lines = out.stdout.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "x" * 10_000 in lines[1]
    assert len(lines[2]) < 80


def test_table_is_plain_when_piped() -> None:
    out = output()
    out.table(COLUMNS, [("a", "1", "title")])
    assert "\x1b" not in out.stdout.getvalue()  # type: ignore[attr-defined]


def test_values_are_never_markup_nor_escapes() -> None:
    out = output()
    out.table(COLUMNS, [("[red]a[/]", "1", "\x1b[31mred\x1b[0m\nnext")])
    written = out.stdout.getvalue()  # type: ignore[attr-defined]
    assert "[red]a[/]" in written
    assert "\x1b" not in written
    assert len(written.splitlines()) == 2


def test_times_are_shown_in_the_decks_zone() -> None:
    out = output(zone_or_how=ZoneInfo("Europe/Rome"))
    assert out.time(microseconds("2024-07-01T12:00:00Z")) == "2024-07-01 14:00:00"
    assert out.time(None) == "-"


def test_minute_leaves_the_year_out_only_within_this_year() -> None:
    out = output()
    assert out.minute(microseconds("2001-02-03T04:05:06Z")) == "2001-02-03"


def test_ids_are_cut_where_they_still_differ() -> None:
    out = output()
    out.tell_apart(["0123456789abcd00", "0123456789abce00"])
    assert out.short("0123456789abcd00") == "0123456789abcd"
    out.tell_apart(["0123456789abcd00", "f123456789abce00"])
    assert out.short("0123456789abcd00") == "0123456789ab"


def test_error_is_one_line_for_a_person_and_one_object_for_a_program() -> None:
    out = output()
    out.error(GateFailed("mae is 31", "look: modeldeck versions"))
    assert out.stderr.getvalue() == "error: mae is 31: look: modeldeck versions\n"  # type: ignore[attr-defined]
    out = output(as_json=True)
    out.error(GateFailed("mae is 31", "look"))
    said = json.loads(out.stderr.getvalue())  # type: ignore[attr-defined]
    assert said == {"error": {"code": "gate_failed", "message": "mae is 31", "hint": "look"}}


def test_json_says_null_for_what_is_no_number() -> None:
    assert json.loads(json_text({"a": [float("nan"), 1.5], "b": float("inf")})) == {"a": [None, 1.5], "b": None}


@given(st.text(max_size=60), st.integers(min_value=1, max_value=40))
def test_a_clipped_text_is_never_wider_than_asked(text: str, width: int) -> None:
    assert text_width(clip(plain(text), width)) <= width


@given(st.text(max_size=60))
def test_plain_text_holds_no_control_character(text: str) -> None:
    assert all(sign.isprintable() or sign.isspace() for sign in plain(text))
    assert "\x1b" not in plain(text)
    assert "\n" not in plain(text)


@given(st.lists(st.tuples(st.text(max_size=90), st.booleans()), min_size=1, max_size=8))
def test_columns_that_may_shrink_make_room_for_those_that_may_not(cells: list[tuple[str, bool]]) -> None:
    titles = ["t"] * len(cells)
    row = [plain(text) for text, _ in cells]
    shrink = [may for _, may in cells]
    widths = fit(titles, [[cell] for cell in row], shrink, 80)
    for place, (width, may) in enumerate(zip(widths, shrink, strict=True)):
        assert may or width == max(1, text_width(row[place]))


def test_a_ranked_answer_fits_the_terminal_and_piped_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from console.commands.predict import _table

    items = [str(number) for number in range(50_000, 50_010)]
    answer = {"prediction_id": "0" * 32 + "-0", "items": items, "scores": [number / 7 for number in range(10)]}
    out = output()
    _table([answer], out)
    piped = out.stdout.getvalue()  # type: ignore[attr-defined]
    assert ", ".join(items) in piped
    assert "0, 0.1429, 0.2857" in piped
    monkeypatch.setenv("COLUMNS", "80")
    out = output()
    _table([answer], out)
    lines = out.stdout.getvalue().splitlines()  # type: ignore[attr-defined]
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].split()[1] == "50000,"


def test_a_window_shows_the_metric_it_is_judged_by() -> None:
    from console.commands.values import window_metric

    judged = {"value": 21.3, "low": 20.0, "high": 22.0}
    beside = {"value": 0.83, "low": None, "high": None}
    assert window_metric(seen_window({"interval_coverage": beside, "mae": judged})) == "21.3 mae"
    assert window_metric(seen_window({"interval_coverage": beside})) == "0.83 interval_coverage"
    assert window_metric(seen_window({})) == "-"


def test_an_estimate_never_stands_in_for_what_outcomes_told() -> None:
    from console.commands.values import window_metric

    expected = {"value": 0.9612, "low": 0.93, "high": 0.99}
    undefined = {"value": None, "low": None, "high": None}
    told = {"average_precision": undefined, "estimated_average_precision": expected}
    assert window_metric(seen_window(told)) == "- average_precision"
    assert window_metric(seen_window({"estimated_roc_auc": expected})) == "est. 0.9612 roc_auc"


def seen_window(metrics: dict[str, object]) -> Window:
    return Window(
        id="w",
        monitor="rates",
        model="rates",
        version=1,
        from_at=0,
        to_at=1,
        revision=1,
        verdict="ok",
        rows=1,
        errors=0,
        latency_p50_ms=None,
        latency_p99_ms=None,
        coverage=None,
        metrics=metrics,
        features=(),
        computed_at=1,
    )


def test_cells_that_are_mostly_equal_are_written_once_and_stand_in_their_rows() -> None:
    asked: list[int] = []

    def said(value: int) -> str:
        asked.append(value)
        return f"@{value}"

    out = output()
    rows = Rows(Alias, {"name": [f"a{n}" for n in range(60)], "version": [n % 3 for n in range(60)]})
    out.table((Column("alias", "name"), Column("version", "version", said=said, right=True)), rows)
    assert out.stdout.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "alias  version",
        *(f"{f'a{n}':5}  {f'@{n % 3}':>7}" for n in range(60)),
    ]
    assert sorted(asked) == [0, 1, 2]


def test_control_characters_and_wide_signs_are_as_harmless_among_equal_cells() -> None:
    out = output()
    rows = Rows(Alias, {"name": ["模型", "\x1b[2J"] * 30, "version": [7] * 60})
    out.table((Column("alias", "name"), Column("v", "version", said=str)), rows)
    assert set(out.stdout.getvalue().splitlines()) == {"alias  v", "模型   7", "�[2J   7"}
