"""Whether the reasons of answers moved: what each column contributed to the newest explained ones. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from console.render.cells import Line, Span
from console.render.columns import Cell
from console.render.sheet import Sheet
from console.render.words import ago, count, number
from engine.operations.watching import AttributionMoved

NONE_KEPT = "no attributions are kept of this model: [log] attributions says of how many predictions"
NARROW = 70


def reasons_lines(rows: Sequence[AttributionMoved], width: int, now: int) -> list[Line]:
    """Return the page: of which predictions, then a line for each column, the one that moved most first."""
    sheet = Sheet(width)
    if not rows:
        sheet.paragraph(NONE_KEPT, "dim")
        return sheet.lines
    first = rows[0]
    drifted = [one.name for one in rows if one.drifted]
    said: Span | str = (f"moved: {', '.join(drifted)}", "warn") if drifted else "as before"
    if all(one.drifted is None for one in rows):
        said = (first.note, "dim")
    sheet.pair("Reasons", said)
    sheet.pair("Version", f"v{first.version}")
    when = f", {ago(first.from_at, now)} to {ago(first.to_at, now)}"
    sheet.pair("Newest", f"{count(first.n)} explained answers", (when, "dim"))
    sheet.pair("Before", f"{count(first.n_reference)} explained answers of the same version")
    sheet.blank()
    cells: list[Sequence[Cell]] = [
        (
            (one.name, "name"),
            number(one.before),
            number(one.now),
            (number(one.effect), "warn" if one.drifted else ""),
            number(one.threshold),
            (one.note or ("drift" if one.drifted else ""), "warn" if one.drifted else "dim"),
        )
        for one in rows
    ]
    titles = ("COLUMN", "BEFORE", "NOW", "MOVED", "BEARABLE", "")
    shown = [0, 1, 2, 3, 5] if width < NARROW else list(range(len(titles)))
    right = frozenset(place for place, column in enumerate(shown) if column in (1, 2, 3, 4))
    sheet.table([titles[column] for column in shown], [[row[column] for column in shown] for row in cells], right)
    sheet.blank()
    sheet.paragraph("Mean size of a column's contribution. It opens no alert: outcomes say whether it harms.", "dim")
    return sheet.lines
