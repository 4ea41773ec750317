"""Explanations and fairness as lines and as SVG."""

from __future__ import annotations

import io
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sample_releases import NOW, VERSIONS

from console.exporting import export_charts
from console.render.cells import line_width, plain
from console.render.charts import charts_of, fairness_charts
from console.render.explain import diverging, explanation_lines
from console.render.fairness import put_fairness
from console.render.page_charts import version_charts
from console.render.png import png
from console.render.sheet import Sheet
from console.render.signs import to_ascii
from console.render.svg import BLUE, DIM, INK, PALE, RED, svg
from console.render.version import version_lines
from engine.operations.explain import Explanation
from store.errors import Refused

RECORDED = next(iter(VERSIONS.values()))[0]
CONTRIBUTIONS = (("nights", 3, 12.5, False), ("country", None, -4.25, True), ("segment", "<b>&", 0.5, False))


def of_row(**changed: Any) -> Explanation:
    told = {
        "row": 0,
        "prediction_id": None,
        "prediction": {"value": 108.75},
        "base": 100.0,
        "predicted": 108.75,
        "contributions": [
            {"column": name, "value": value, "personal": personal, "contribution": moved, "error": None}
            for name, value, moved, personal in CONTRIBUTIONS
        ],
        "parts": [{"column": "note", "part": "sea", "contribution": 1.25}],
    }
    made = Explanation("rates", 2, None, "rows", "value", "value", "linear", 100.0, 100, 1, explained=(told,))
    return replace(made, **changed)


def over_all() -> Explanation:
    points = [{"value": at, "mean": 10.0 * at, "low": 8.0 * at, "high": 12.0 * at} for at in (1, 2, 3)]
    return Explanation(
        *("rates", 2, None, "version", "value", "value", "trees", 100.0, 100, 200, "mae"),
        importance=({"name": "nights", "value": 5.0, "low": 4.0, "high": 6.0},),
        attributions=({"name": "nights", "value": 9.0, "share": 0.9}, {"name": "segment", "value": 1.0, "share": 0.1}),
        dependence=(
            {"column": "nights", "kind": "number", "points": points, "curves": [[1.0, 2.0, 3.0]]},
            {"column": "segment", "kind": "category", "points": points[:2], "curves": []},
        ),
    )


def fairness() -> dict[str, Any]:
    def figure(value: float, n: int, small: bool = False) -> dict[str, Any]:
        return {"value": value, "low": value - 1, "high": value + 1, "n": n, "small": small, "note": ""}

    gap = {"difference": {"value": 4.0, "low": 2.5, "high": 5.5}, "ratio": None, "lowest": "a", "highest": "b"}
    groups = {
        "a": {"rows": 300, "mae": figure(8.0, 300)},
        "b": {"rows": 200, "mae": figure(12.0, 200)},
        "tiny": {"rows": 9, "mae": figure(40.0, 9, small=True)},
    }
    told = {"personal": False, "min_rows": 50, "left_out": 0, "groups": groups}
    return {"metric": "mae", "fairness": {"segment": {**told, "gaps": {"mae": {**gap, "judged": 2, "note": ""}}}}}


def text(found: Explanation, width: int = 80) -> str:
    return "\n".join(plain(cells).rstrip() for cells in explanation_lines(found, width))


def test_a_row_is_told_as_the_usual_and_what_moved_it() -> None:
    shown = text(of_row())
    assert "value 108.8 = usual 100.0 + 8.750" in shown
    assert "███│" in shown
    assert "(personal)" in shown
    assert "in note: sea +1.25" in shown


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("found", [of_row(), over_all()], ids=["row", "version"])
def test_lines_fit_the_width_and_have_ascii(found: Explanation, width: int) -> None:
    lines = explanation_lines(found, width)
    assert max(line_width(cells) for cells in lines) <= width
    ascii_lines = [to_ascii(plain(cells)) for cells in lines]
    assert all(line.isascii() for line in ascii_lines)
    assert any("###" in line for line in ascii_lines)


def test_over_all_has_intervals_shares_and_curves() -> None:
    shown = text(over_all())
    assert "growth of mae when a column is shuffled" in shown
    assert "[4, 6]" in shown
    assert "90%" in shown
    assert "10.00 at 1, 30.00 at 3" in shown
    assert "exact, over every leaf of the trees" in shown


def test_a_bar_may_go_both_ways() -> None:
    assert diverging(0.5, 20) == " " * 10 + "│" + "█████     "
    assert diverging(-1.0, 20) == "██████████│" + " " * 10


def test_svg_is_well_formed_and_escapes_what_data_say() -> None:
    for found in (of_row(), over_all()):
        drawn = svg(charts_of(found))
        root = ElementTree.fromstring(drawn)  # our own text, made above
        assert root.tag.endswith("svg")
        assert len(root.findall(".//{*}rect")) >= 3
    assert "&lt;b&gt;&amp;" in svg(charts_of(of_row()))
    assert "<b>" not in svg(charts_of(of_row()))


def test_small_groups_are_marked_and_the_gap_is_told_with_its_interval() -> None:
    sheet = Sheet(80)
    put_fairness(sheet, fairness())
    shown = "\n".join(plain(cells).rstrip() for cells in sheet.lines)
    assert "groups below 50 rows are not judged" in shown
    assert "40.00 [39.00, 41.00] few" in shown
    assert "4 apart [2.5, 5.5]; of 2 groups a has the least, b the most" in shown
    assert [bar.says for bar in fairness_charts("rates@2", fairness())[0].bars][-1] == "9 rows, too few"


def test_png_shows_what_svg_shows_without_a_font_of_the_system() -> None:
    from PIL import Image

    charts = charts_of(over_all())
    drawn = Image.open(io.BytesIO(png(svg(charts))))
    root = ElementTree.fromstring(svg(charts))
    assert (drawn.format, drawn.size) == ("PNG", (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"])))
    colours = {f"#{red:02x}{green:02x}{blue:02x}" for _, (red, green, blue) in drawn.getcolors(1 << 20)}
    assert {BLUE, PALE, INK, DIM, "#ffffff"} <= colours
    bar = next(one for one in root if one.tag.endswith("rect") and one.get("fill") == BLUE)
    inside = (2 * float(bar.attrib["x"]) + 4, 2 * float(bar.attrib["y"]) + 4)
    assert drawn.getpixel(inside) == tuple(bytes.fromhex(BLUE[1:]))
    other = Image.open(io.BytesIO(png(svg(charts_of(of_row())))))
    assert RED in {f"#{red:02x}{green:02x}{blue:02x}" for _, (red, green, blue) in other.getcolors(1 << 20)}
    unlike = Image.open(io.BytesIO(png(svg(charts).replace("nights", "rights"))))
    assert unlike.tobytes() != drawn.tobytes()  # words are drawn


def test_without_pillow_png_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(Refused, match=r"PNG needs Pillow, which is not installed") as refused:
        png(svg(charts_of(over_all())))
    assert "pip install 'modeldeck[png]', or name it FILE.svg" in refused.value.line()


def test_the_page_says_which_columns_were_not_reached() -> None:
    found = [{"name": "lead_time", "value": 8.2, "low": 7.0, "high": 9.5}]
    signature = {"inputs": [{"name": "lead_time", "type": "long"}, {"name": "meal", "type": "string"}], "outputs": []}
    short = replace(RECORDED, signature=signature, evaluation={**RECORDED.evaluation, "importance": found})
    shown = "\n".join(plain(cells) for cells in version_lines(short, (), 100, NOW))
    assert "8.200 [7.000, 9.500]" in shown
    assert "1 of 2 were measured in the time there was; all: modeldeck explain" in shown


def test_exporting_never_overwrites(tmp_path: Path) -> None:
    version = replace(RECORDED, evaluation={**RECORDED.evaluation, **fairness()})
    name, charts = f"{version.model}@{version.number}", version_charts(version)
    first, second = export_charts(name, charts, tmp_path), export_charts(name, charts, tmp_path)
    assert (first.name, second.name) == (
        f"{version.model}-v{version.number}.svg",
        f"{version.model}-v{version.number}-2.svg",
    )
    assert "mae by segment" in first.read_text()
    with pytest.raises(Refused, match="no charts on record"):
        export_charts(name, version_charts(replace(version, evaluation={})), tmp_path)


def test_every_chart_of_a_versions_page_is_exported(tmp_path: Path) -> None:
    evaluation = {
        "metric": "mae",
        "learning_curve": [{"rows": 400, "value": 3.0, "low": 2.5, "high": 3.5}, {"rows": 900, "value": 2.0}],
        "calibration": {"bins": [{"n": 9, "said": 0.5, "seen": 0.25}], "error": 0.25},
        "roc": {"false_positive_rate": [0.0, 0.5, 1.0], "true_positive_rate": [0.2, 0.9, 1.0], "area": 0.75},
        "confusion": {"labels": ["no", "yes"], "counts": [[7, 1], [2, 0]]},
        "residuals": {"histogram": {"edges": [-2.0, 0.0, 2.0], "counts": [3, 5]}},
    }
    charts = version_charts(replace(RECORDED, evaluation=evaluation))
    assert [chart.title.partition(": ")[2] for chart in charts] == [
        *("mae by rows it was fitted on", "said and seen", "ROC", "answer less truth", "true class and answer"),
    ]
    learning, calibration, roc, residuals, confusion = charts
    assert [one.points for one in roc.series] == [((0.0, 0.2), (0.5, 0.9), (1.0, 1.0)), ((0.0, 0.0), (1.0, 1.0))]
    assert "area 0.750" in roc.note
    assert (learning.means, learning.lows, learning.highs) == ((3.0, 2.0), (2.5, 2.0), (3.5, 2.0))
    assert [(bar.label, bar.value) for bar in calibration.bars] == [("0.500", 0.25)]
    assert [bar.value for bar in residuals.bars] == [3.0, 5.0]
    assert [(bar.label, bar.value, bar.says) for bar in confusion.bars] == [
        ("no said no", 7.0, "right"),
        ("yes said no", 2.0, "wrong"),
        ("no said yes", 1.0, "wrong"),
    ]
    drawn = export_charts("m@1", charts, tmp_path).read_text()
    assert all(chart.title in drawn for chart in charts)
