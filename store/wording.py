"""What a person wrote: any text that shows on a line as it was meant."""

from __future__ import annotations

import unicodedata

from store.errors import Refused

LONGEST = 10_000  # characters
_TURNS_LINES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # text is shown other than it is written


def checked(text: str) -> str:
    """Return a text without the space around it.

    Raises:
        Refused: it is empty, too long, or holds a control character or a turn of direction.
    """
    said = text.strip()
    if not said:
        raise Refused("the comment is empty", "say something")
    if len(said) > LONGEST:
        raise Refused(f"the comment has {len(said):,} characters", f"at most {LONGEST:,}")
    for place, sign in enumerate(said, 1):
        is_control = unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t"
        if is_control or unicodedata.bidirectional(sign) in _TURNS_LINES:
            raise Refused(
                f"the comment holds a control character, U+{ord(sign):04X}, at character {place}", "leave it out"
            )
    return said
