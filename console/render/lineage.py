"""The branches of a lineage, for the command line and the console. Pure; standard library only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.render.words import person, plural
from engine.operations.lineage import LineageNode

DIGITS = 16  # of a hash after `sha256:`, and of an id: its milliseconds and four more
HEX_ID = 32

BEHIND, AFTER = "what stands behind it", "what came of it"
NONE_BEHIND, NONE_AFTER = "nothing on record", "nothing yet"

Told = tuple[str, str, str]  # the tree's strokes, the node's name, what is said of it


def branches(nodes: Sequence[LineageNode], time: Callable[[int | None], str]) -> list[Told]:
    """Return a line for each node, with the strokes that join it to the one it hangs on."""
    told = []
    for place, node in enumerate(nodes):
        strokes = "".join("│  " if _goes_on(nodes, place, depth) else "   " for depth in range(1, node.depth))
        strokes += "├─ " if _goes_on(nodes, place, node.depth) else "╰─ "
        told.append((strokes, f"{node.kind} {short(node.id)}", _about(node, time)))
    return told


def short(id: str) -> str:
    """Return an id as a tree shows it: a hash or an id of ours by its first digits, anything else whole."""
    if id.startswith("sha256:"):
        return f"sha256:{id[7 : 7 + DIGITS]}"
    return id[:DIGITS] if len(id) == HEX_ID and id.isalnum() else id


def _goes_on(nodes: Sequence[LineageNode], place: int, depth: int) -> bool:
    """Say whether another node of this depth follows before the branch ends."""
    for node in nodes[place + 1 :]:
        if node.depth <= depth:
            return node.depth == depth
    return False


def _about(node: LineageNode, time: Callable[[int | None], str]) -> str:
    parts = [plural(node.rows, "row")] if node.rows is not None else []
    parts += [node.detail] if node.detail else []
    if node.at is not None:
        parts.append(time(node.at) if node.until_at is None else f"{time(node.at)} to {time(node.until_at)}")
    parts += [f"by {person(node.actor)}"] if node.actor else []
    return ", ".join(parts)
