"""What people say, as lines of a page, and how many said something as a mark on a row. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from console.render.cells import Line, Span
from console.render.columns import Column, Context, spans
from console.render.sheet import Sheet
from console.render.words import ago, person, short_id
from store.rows import Comment

MARK = "✎"
_DEEPEST = 4  # indents of replies on a narrow screen


def noted(column: Column) -> Column:
    """Return a column whose cells tell how many comments stand on their row."""
    plain = column.cell

    def cell(row: Any, context: Context) -> tuple[Span, ...]:
        told = spans(plain(row, context))
        return (*told, (f" {MARK}{row.comments}", "accent")) if row.comments else told

    return replace(column, cell=cell, most=column.most + 4)


def thread_lines(rows: tuple[Comment, ...], width: int, now: int) -> list[Line]:
    """Return what is said of one thing, replies indented below what they answer."""
    sheet = Sheet(width)
    for row in rows:
        indent = " " * 2 * min(row.depth, _DEEPEST)
        edited = f", edited {ago(row.edited_at, now)}" if row.edited_at is not None else ""
        sheet.blank()
        sheet.pair(
            "",
            (f"{indent}{person(row.actor)}", "name"),
            (f"  {ago(row.written_at, now)}{edited}  {short_id(row.id)}", "dim"),
            label_width=0,
        )
        if row.withdrawn_at is not None:
            sheet.pair("", (f"{indent}withdrawn by {person(row.withdrawn_by or row.actor)}", "dim"), label_width=0)
            continue
        for text in row.text.split("\n"):
            sheet.pair(indent, text, label_width=len(indent) + 2)
    if not rows:
        sheet.blank()
        sheet.paragraph("Nothing is said of it yet.", "dim")
    sheet.blank()
    sheet.paragraph("W writes a comment; @name tells somebody; a reply: modeldeck comments add … --reply-to ID", "dim")
    return sheet.lines
