"""The box that asks by what rows are to be sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.render.columns import Column
from console.widgets.dialog import Menu


@dataclass(frozen=True, slots=True)
class SortRow:
    """One order: `name` as the command line writes it, "" for the newest first; `now` says how it holds, if it does."""

    name: str
    title: str
    now: str = ""


COLUMNS = (
    Column("SORT BY", lambda row, context: row.title, priority=1, least=12, most=40),
    Column("NOW", lambda row, context: (row.now, "accent"), priority=2, least=8, most=40, grow=True),
)


def sort_box(rows: Sequence[SortRow], seconds: Callable[[], float]) -> Menu:
    """Return the orders to choose from; the one that holds, chosen again, is turned round."""
    return Menu("Sort by", COLUMNS, rows, lambda row: row.name, seconds)
