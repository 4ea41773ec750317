"""Where a person was: last screen, filters and cursors, kept per deck in their own state folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

MOST_KEPT = 64
MOST_COMMANDS = 50
LONGEST_COMMAND = 200


@dataclass(slots=True)
class ConsoleState:
    """What is restored at the next start."""

    screen: str = "pulse"
    filters: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)  # typed after `:`, the newest last


def remember(commands: list[str], text: str) -> None:
    """Keep a command that was typed; not one that begins with a space, is very long, or was the last already."""
    if not text.strip() or text[0] == " " or len(text) > LONGEST_COMMAND:
        return
    if text in commands:
        commands.remove(text)
    commands.append(text)
    del commands[:-MOST_COMMANDS]


def load(path: Path) -> ConsoleState:
    """Read the state; a missing or spoiled file gives a fresh one."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        return ConsoleState(
            screen=str(body["screen"]),
            filters={str(name): str(text) for name, text in body["filters"].items()},
            cursors={str(name): str(key) for name, key in body["cursors"].items()},
            commands=[str(text)[:LONGEST_COMMAND] for text in body.get("commands", [])][-MOST_COMMANDS:],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ConsoleState()


def save(path: Path, state: ConsoleState) -> None:
    """Write the state by rename. A folder that cannot be written loses only the place one was at."""
    body = asdict(state)
    body["cursors"] = dict(list(state.cursors.items())[-MOST_KEPT:])
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(body), encoding="utf-8")
        fresh.replace(path)
    except OSError:
        return
