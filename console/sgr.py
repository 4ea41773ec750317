"""Terminal output said in fewer bytes: between two runs of text only what changes of their look is sent. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\x1b\[([0-9;]*)m|\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\)|[ -/]*[0-~])|[\r\n]+", re.DOTALL
)
_ENDS = {"22": {"1", "2"}, "23": {"3"}, "24": {"4"}, "25": {"5"}, "27": {"7"}, "28": {"8"}, "29": {"9"}}
_COLOUR_PARTS = {"5": 3, "2": 5}


@dataclass(frozen=True, slots=True)
class Look:
    """Colours and other attributes of a run, as the parameters that set them."""

    ink: str = ""
    ground: str = ""
    others: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_plain(self) -> bool:
        """Whether it is the terminal's own look."""
        return not (self.ink or self.ground or self.others)


PLAIN = Look()


def condense(text: str) -> str:
    """Return output that shows the same, without the resets and repetitions between runs of text.

    It ends with the terminal's own look, whatever the text leaves.
    """
    result: list[str] = []
    shown = wanted = PLAIN
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() > at:
            result.append(_turn(shown, wanted))
            shown = wanted
            result.append(text[at : match.start()])
        at = match.end()
        parameters = match.group(1)
        if parameters is None:
            result.append(match.group())
        else:
            wanted = _changed(wanted, parameters)
    if at < len(text):
        result.append(_turn(shown, wanted))
        shown = wanted
        result.append(text[at:])
    result.append(_turn(shown, PLAIN))
    return "".join(result)


def _changed(look: Look, parameters: str) -> Look:
    """Return the look after one SGR sequence."""
    parts = parameters.split(";") if parameters else ["0"]
    ink, ground, others = look.ink, look.ground, set(look.others)
    at = 0
    while at < len(parts):
        part = parts[at]
        size = 1
        if part in ("38", "48"):
            size = _COLOUR_PARTS.get(parts[at + 1] if at + 1 < len(parts) else "", 1)
        whole = ";".join(parts[at : at + size])
        at += size
        code = int(part or 0)
        if code == 0:
            ink, ground, others = "", "", set()
        elif code == 39:
            ink = ""
        elif code == 49:
            ground = ""
        elif code == 38 or 30 <= code <= 37 or 90 <= code <= 97:
            ink = whole
        elif code == 48 or 40 <= code <= 47 or 100 <= code <= 107:
            ground = whole
        elif part in _ENDS:
            others -= _ENDS[part]
        else:
            others.add(whole)
    return Look(ink, ground, frozenset(others))


def _turn(shown: Look, wanted: Look) -> str:
    """Return the shortest sequence from one look to another."""
    if shown == wanted:
        return ""
    if wanted.is_plain:
        return "\x1b[m"
    afresh = ["", *sorted(wanted.others), *(part for part in (wanted.ink, wanted.ground) if part)]
    if not shown.others <= wanted.others:
        return f"\x1b[{';'.join(afresh)}m"
    steps = sorted(wanted.others - shown.others)
    if wanted.ink != shown.ink:
        steps.append(wanted.ink or "39")
    if wanted.ground != shown.ground:
        steps.append(wanted.ground or "49")
    return min(f"\x1b[{';'.join(steps)}m", f"\x1b[{';'.join(afresh)}m", key=len)
