"""Writes what a version's page draws as an SVG file, in the folder the console was started in."""

from __future__ import annotations

from pathlib import Path

from console.render.charts import fairness_charts, importance_chart
from console.render.svg import svg
from console.writing import write_whole
from store.errors import Refused
from store.rows import Version


def export_charts(version: Version, folder: Path) -> Path:
    """Write importance and fairness as they are on record; a file that is there is left alone, another name taken.

    Raises:
        Refused: nothing is on record. WorkFailed: the folder takes no file.
    """
    name = f"{version.model}@{version.number}"
    evaluation = version.evaluation
    found = evaluation.get("importance")
    charts = [importance_chart(name, str(evaluation.get("metric", "")), found)] if found else []
    charts += fairness_charts(name, evaluation)
    if not charts:
        raise Refused(f"{name} has no charts on record", f"modeldeck explain {version.model} {version.number}")
    target = folder / f"{version.model}-v{version.number}.svg"
    again = 2
    while target.exists():
        target = folder / f"{version.model}-v{version.number}-{again}.svg"
        again += 1
    write_whole(target, svg(charts))
    return target
