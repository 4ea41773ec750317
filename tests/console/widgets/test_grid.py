from __future__ import annotations

from dataclasses import dataclass

from console.render.cells import plain
from console.render.columns import Column, Context
from console.widgets.grid import Grid


@dataclass(frozen=True)
class Row:
    key: str
    value: int = 0


CONTEXT = Context(0)
COLUMNS = (Column("NAME", lambda row, context: row.key), Column("VALUE", lambda row, context: str(row.value)))


def grid_of(*names: str) -> Grid:
    grid = Grid(COLUMNS, key=lambda row: row.key)
    grid.set_rows([Row(name) for name in names])
    return grid


def test_the_cursor_stays_on_its_row_when_rows_move() -> None:
    grid = grid_of("a", "b", "c")
    grid.move("move.down")
    grid.set_rows([Row("c"), Row("x"), Row("b"), Row("a")])
    assert grid.cursor == "b"


def test_the_cursor_takes_the_neighbour_when_its_row_vanishes() -> None:
    grid = grid_of("a", "b", "c")
    grid.move("move.bottom")
    grid.set_rows([Row("a"), Row("b")])
    assert grid.cursor == "b"


def test_a_cursor_put_before_the_rows_come_is_taken_up() -> None:
    grid = Grid(COLUMNS, key=lambda row: row.key)
    grid.put_cursor("b")
    grid.set_rows([Row("a"), Row("b")])
    assert grid.selected == Row("b")


def test_a_cursor_of_a_row_that_is_gone_goes_to_the_first() -> None:
    grid = Grid(COLUMNS, key=lambda row: row.key)
    grid.put_cursor("gone")
    grid.set_rows([Row("a"), Row("b")])
    assert grid.cursor == "a"


def test_the_cursor_row_stays_in_view() -> None:
    grid = grid_of(*(f"row{number:02d}" for number in range(50)))
    for _ in range(20):
        grid.move("move.down")
    shown = [plain(cells) for cells in grid.draw(40, 10, CONTEXT)]
    assert any(text.startswith("› row20") for text in shown)
    grid.move("move.top")
    assert plain(grid.draw(40, 10, CONTEXT)[1]).startswith("› row00")


def test_moves_end_at_the_edges() -> None:
    grid = grid_of("a", "b")
    for action, cursor in (("move.up", "a"), ("move.page_down", "b"), ("move.down", "b"), ("move.page_up", "a")):
        assert grid.move(action)
        assert grid.cursor == cursor
    assert not grid.move("look.open")


def test_an_empty_grid_says_why() -> None:
    grid = grid_of()
    grid.empty = ("No job has run yet.", "T trains.")
    shown = [plain(cells) for cells in grid.draw(40, 10, CONTEXT)]
    assert shown[1:3] == ["  No job has run yet.", "  T trains."]


def test_ten_thousand_rows_draw_only_what_is_seen() -> None:
    seen: list[str] = []

    def cell(row: Row, context: Context) -> str:
        seen.append(row.key)
        return row.key

    grid = Grid((Column("NAME", cell),), key=lambda row: row.key)
    grid.set_rows([Row(str(number)) for number in range(10_000)])
    grid.draw(40, 20, CONTEXT)
    seen.clear()
    grid.move("move.down")
    grid.draw(40, 20, CONTEXT)
    assert len(seen) == 19


def test_no_key_is_held_beside_its_row_and_a_cursor_is_still_found_among_thousands() -> None:
    grid = grid_of(*(f"row-{number}" for number in range(5000)))
    grid.put_cursor("row-4321")
    grid.set_rows([Row(f"row-{number}", 1) for number in reversed(range(5000))])
    assert (grid.cursor, grid.selected) == ("row-4321", Row("row-4321", 1))
    grid.put_cursor("nowhere")
    assert grid.cursor == "row-4321"
