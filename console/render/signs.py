"""State as a glyph and a word, never colour alone; and the plain signs for terminals that only have ASCII."""

from __future__ import annotations

from console.render.cells import Span

_OK, _BUSY, _WARN, _BAD, _IDLE = "ok", "busy", "warn", "bad", "dim"

# state -> (glyph, style); the word is the state itself unless WORDS says otherwise
SIGNS: dict[str, tuple[str, str]] = {
    # replicas and endpoints
    "ready": ("●", _OK),
    "starting": ("◌", _BUSY),
    "unready": ("✗", _BAD),
    "draining": ("◌", _BUSY),
    "exited": ("✗", _BAD),
    "stopped": ("○", _WARN),
    "not deployed": ("○", _IDLE),
    # jobs, runs, steps
    "queued": ("◌", _IDLE),
    "pending": ("·", _IDLE),
    "running": ("▸", _BUSY),
    "succeeded": ("✓", _OK),
    "finished": ("✓", _OK),
    "done": ("✓", _OK),
    "completed": ("✓", _OK),
    "failed": ("✗", _BAD),
    "cancelled": ("○", _IDLE),
    "skipped": ("○", _IDLE),
    "abandoned": ("✗", _WARN),
    "aborted": ("↩", _WARN),
    "held": ("‖", _WARN),
    # approvals
    "granted": ("✓", _OK),
    "used": ("✓", _IDLE),
    "refused": ("✗", _BAD),
    "withdrawn": ("○", _IDLE),
    "lapsed": ("○", _WARN),
    # verdicts
    "ok": ("✓", _OK),
    "passed": ("✓", _OK),
    "drift": ("~", _WARN),
    "inconclusive": ("~", _WARN),
    "to decide": ("?", _WARN),
    "degraded": ("▼", _BAD),
    "no data": ("·", _IDLE),
    # schedules
    "paused": ("‖", _WARN),
    "waits": ("◌", _OK),
    "on event": ("◌", _IDLE),
    # alerts
    "critical": ("‼", _BAD),
    "warning": ("!", _WARN),
    "open": ("!", _WARN),
    "acknowledged": ("✓", _IDLE),
    "snoozed": ("◌", _IDLE),
    "muted": ("○", _IDLE),
    # notifications
    "sending": ("▸", _BUSY),
    "delivered": ("✓", _OK),
    "merged": ("✓", _IDLE),
    "resolved": ("✓", _OK),
}

WORDS = {"acknowledged": "acked"}

# every sign beyond ASCII that the console itself writes, and what stands for it
ASCII = {
    "●": "*",
    "○": "o",
    "◌": ".",
    "▸": ">",
    "✓": "+",
    "✗": "x",
    "‖": "=",
    "↩": "<",
    "‼": "!",
    "▼": "v",
    "▲": "^",
    "·": ".",
    "•": "*",
    "…": "~",
    "→": ">",
    "↑": "^",
    "↓": "v",
    "─": "-",
    "│": "|",
    "┃": "|",
    "╭": "+",
    "╮": "+",
    "╰": "+",
    "╯": "+",
    "├": "+",
    "┤": "+",
    "›": ">",
    "–": "-",
    "█": "#",
    "▏": " ",
    "▎": " ",
    "▍": "-",
    "▌": "-",
    "▋": "-",
    "▊": "=",
    "▉": "=",
    "░": ".",
    "▒": ":",
    "▓": "+",
    "▁": "_",
    "▂": "_",
    "▃": ".",
    "▄": "-",
    "▅": "-",
    "▆": "=",
    "▇": "#",
    "±": "+",
    "×": "x",
    "✎": "'",
}


def state(name: str) -> tuple[Span, ...]:
    """Return glyph and word of a state in its style."""
    glyph, style = SIGNS.get(name, ("·", ""))
    return ((f"{glyph} {WORDS.get(name, name)}", style),)


def style_of(name: str) -> str:
    """Return the style of a state."""
    return SIGNS.get(name, ("·", ""))[1]


def glyph_of(name: str) -> str:
    """Return the glyph of a state."""
    return SIGNS.get(name, ("·", ""))[0]


def to_ascii(text: str) -> str:
    """Return the text with our own signs replaced, and any other character beyond ASCII as `?`, width kept."""
    if text.isascii():
        return text
    from console.render.cells import width_of

    kept = []
    for character in text:
        if character.isascii():
            kept.append(character)
        elif character in ASCII:
            kept.append(ASCII[character])
        else:
            kept.append("?" * width_of(character))
    return "".join(kept)
