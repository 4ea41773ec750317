"""How values and keys are shown on this terminal, settled before the first screen: zone, glyphs, own keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.keymap import Keymap


@dataclass(slots=True)
class Display:
    """`zone` is None for this machine's own; `glyphs` is auto, braille, block or ascii: what curves are drawn with."""

    zone: tzinfo | None = UTC
    glyphs: str = "auto"
    keymap: Keymap | None = None  # loaded behind the first frame


SHOWN = Display()


def key(action_id: str) -> str:
    """Return the key of an action, as a sentence on the screen names it."""
    return _keymap().key(action_id)


def tell(sentence: str) -> str:
    """Return a sentence with each `{action.id}` as the key that does it."""
    return _keymap().tell(sentence)


def _keymap() -> Keymap:
    from console.keymap import Keymap

    SHOWN.keymap = SHOWN.keymap or Keymap()
    return SHOWN.keymap
