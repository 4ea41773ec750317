"""What the console holds in memory of screens that are out of view."""

from __future__ import annotations

from dataclasses import dataclass

from console.navigation import FEW_HELD, MOST_HELD, Navigator
from console.render.columns import Column
from console.screens.list_page import ListKind, ListPage


@dataclass(frozen=True)
class Row:
    id: str


def page(name: str) -> ListPage:
    columns = (Column("ID", lambda row, context: row.id),)
    return ListPage(ListKind(name, name, name, columns, lambda row: row.id, lambda client: (), ()))


def rows(many: int) -> tuple[Row, ...]:
    return tuple(Row(f"row-{number}") for number in range(many))


def test_rows_out_of_view_for_longest_are_let_go_and_come_back_with_filter_and_cursor() -> None:
    navigator = Navigator({name: lambda name=name: page(name) for name in ("a", "b", "c", "few")}, "a")  # type: ignore[misc]
    half = MOST_HELD // 2 + 1
    pages = {}
    for name, many in (("a", half), ("few", FEW_HELD), ("b", half), ("c", half)):
        pages[name] = navigator.go(name)
        pages[name].take(rows(many))
        if name == "a":
            pages[name].set_filter("row-1")
            pages[name].move("move.bottom")
    cursor = pages["a"].cursor
    navigator.go("few")
    assert [pages[name].held for name in ("a", "few", "b", "c")] == [0, FEW_HELD, 0, half]
    assert not pages["a"].loaded
    again = navigator.go("a")
    assert again is pages["a"]
    again.take(rows(half))
    assert (again.filtered, again.cursor, again.loaded) == ("row-1", cursor, True)
    assert cursor == "row-10000"


def test_a_screen_in_view_is_never_let_go() -> None:
    navigator = Navigator({"a": lambda: page("a"), "b": lambda: page("b")}, "a")
    navigator.page.take(rows(MOST_HELD + 2))
    navigator.open(page("opened"))
    assert navigator.root.held == MOST_HELD + 2
    navigator.go("b")
    assert navigator.last()
    assert not navigator.page.loaded or navigator.root.held
