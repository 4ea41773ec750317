"""Writes the charts of a page as an SVG file, in the folder the console was started in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from console.render.charts import Chart
from console.render.svg import svg
from console.writing import write_whole
from store.errors import Refused
from store.ids import short

_WHOLE_ID = re.compile(r"\b[0-9a-f]{32}\b")
LONGEST = 60  # cells of a file's name: that of a comparison names every run


def export_charts(name: str, charts: Sequence[Chart], folder: Path) -> Path:
    """Write charts under a page's name; a file that is there is left alone, another name taken.

    Raises:
        Refused: there is none to write. WorkFailed: the folder takes no file.
    """
    if not charts:
        raise Refused(f"{name} has no charts on record")
    name = _WHOLE_ID.sub(lambda found: short(found[0]), name)
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", name.replace("@", "-v")).strip("-.")[:LONGEST]
    target = folder / f"{plain}.svg"
    again = 2
    while target.exists():
        target = folder / f"{plain}-{again}.svg"
        again += 1
    write_whole(target, svg(charts))
    return target
