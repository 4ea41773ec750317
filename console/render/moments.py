"""What had traffic at a past moment. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.cells import Line
from console.render.columns import Cell
from console.render.sheet import Sheet
from console.render.words import ago, moment, person, short_id, short_moment
from engine.operations.history import Moment
from store.rows import Served

WIDE = 100  # from this width on a row has room for its release and its host


def moment_lines(found: Moment, width: int, now: int) -> list[Line]:
    """Return the page of a moment: one row per version that had traffic, and by whose hand it had it."""
    sheet = Sheet(width)
    sheet.pair("At", (f"{found.local} {found.zone}", "strong"), (f"  {moment(found.at)}, {ago(found.at, now)}", "dim"))
    sheet.blank()
    if found.note:
        sheet.paragraph(found.note, "warn")
    with_host = width >= WIDE or len({one.host for one in found.serving}) > 1
    titles = ["MODEL", "VERSION", "TRAFFIC", "FROM", "UNTIL", "BY"]
    titles += ["HOST"] if with_host else []
    titles += ["RELEASE"] if width >= WIDE else []
    rows = [_row(one, now)[: len(titles)] if with_host else _row(one, now)[:6] for one in found.serving]
    sheet.table(titles, rows, frozenset({1, 2}))
    why = dict.fromkeys(f"{one.model} v{one.version}: {one.reason}" for one in found.serving if one.reason)
    if why:
        sheet.blank()
    for said in why:
        sheet.paragraph(said, "dim")
    return sheet.lines


def _row(one: Served, now: int) -> Sequence[Cell]:
    return (
        (one.model, "name"),
        f"v{one.version}",
        f"{one.weight} %",
        short_moment(one.since_at, now),
        ("still", "ok") if one.until_at is None else short_moment(one.until_at, now),
        f"{one.release_kind} {person(one.actor)}".strip() or ("-", "dim"),
        one.host,
        (short_id(one.release_id) if one.release_id else "-", "dim"),
    )
