"""The branches of a lineage: strokes that join each node to the one it hangs on."""

from __future__ import annotations

from console.render.lineage import branches, short
from console.screens.lineage import lineage_lines
from engine.operations.lineage import Lineage, LineageNode

NODES = (
    LineageNode(1, "run", "01a229dbc8997cf5b134dbbd6fcec2d3", at=1, actor="user:anna", detail="train, finished"),
    LineageNode(2, "snapshot", f"sha256:{'ab' * 32}", at=1, until_at=2, rows=1),
    LineageNode(3, "source", "rows.csv"),
    LineageNode(2, "snapshot", "sha256:cd"),
    LineageNode(1, "settings", "4"),
)


def test_strokes_go_on_where_a_branch_does() -> None:
    told = branches(NODES, str)
    assert [strokes for strokes, _, _ in told] == ["├─ ", "│  ├─ ", "│  │  ╰─ ", "│  ╰─ ", "╰─ "]
    assert [name for _, name, _ in told][:3] == [
        "run 01a229dbc8997cf5",
        f"snapshot sha256:{'ab' * 8}",
        "source rows.csv",
    ]
    assert [about for _, _, about in told] == ["train, finished, 1, by anna", "1 row, 1 to 2", "", "", ""]


def test_only_hashes_and_ids_of_ours_are_shortened() -> None:
    name = "s3://bucket/a-rather-long-name.csv"
    assert (len(name) > 32, short(name), short("rates@7")) == (True, name, "rates@7")


def test_the_page_shows_both_trees_and_what_is_left_out() -> None:
    shown = [
        "".join(text for text, _ in cells) for cells in lineage_lines(Lineage("run", "r", "m", "", NODES, (), 3), 80, 9)
    ]
    assert "  what stands behind it" in shown
    assert shown[-3:] == ["  nothing yet", "", "  3 nodes left out"]
