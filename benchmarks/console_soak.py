"""Memory by the clock: the console at work on a changing deck, and the other programs with nothing to do beside it.

Memory may be measured on a busy machine, unlike time: ours walks its screens once a minute, while ten changes a second
come into the registry.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from figures import Row, environment
from terminal import Terminal, memory_mb

WALK = "1234567890"  # every screen
PAGES = ("d", "y", "x", "?")  # pages opened upon a model, each closed again
PER_SECOND = 10
WARM = 0.25  # part of the soak after which growth is counted
OURS = "modeldeck"


class Stage(Protocol):
    """Where programs are opened."""

    folder: Path

    def programs(self) -> dict[str, tuple[list[str], str]]:
        """Return each program's command, and a text of its first frame."""

    def open(self, command: Sequence[str], home: str) -> Terminal:
        """Open a program."""


def by_the_clock(stage: Stage, seconds: float) -> list[Row]:
    """Let so many seconds of changes go by; return what each program holds then, and by how much ours grew."""
    terminals: dict[str, Terminal] = {}
    for name, (command, text) in stage.programs().items():
        terminals[name] = stage.open(command, name)
        terminals[name].until(text)
    ours = terminals[OURS]
    ours.until("model-00000")
    command = [sys.executable, str(Path(__file__).with_name("console_deck.py"))]
    writer = subprocess.Popen(
        [*command, str(stage.folder), str(seconds), str(PER_SECOND)], env=environment(), stdout=subprocess.DEVNULL
    )
    daemon = _daemon(stage.folder)
    began = time.monotonic()
    warm = _memory(terminals, daemon)
    is_warm = False
    while (late := time.monotonic() - began) < seconds:
        walk(ours)
        _leave_alone(terminals, min(60.0, seconds / 10))
        now = _memory(terminals, daemon)
        if not is_warm and late >= seconds * WARM:
            warm, is_warm = now, True
        told = ", ".join(f"{name} {rss:.1f} resident, {pss:.1f} its share" for name, (rss, pss) in now.items())
        print(f"{late / 60:5.1f} min: {told}", file=sys.stderr, flush=True)
    after = _memory(terminals, daemon)
    writer.wait()
    for terminal in terminals.values():
        terminal.close()
    return _rows(warm, after, seconds)


def walk(terminal: Terminal) -> None:
    """Go to every screen, move in it, and open pages upon the first model."""
    for key in WALK:
        terminal.press(key, wait_s=1.0)
        terminal.press("j", wait_s=0.5)
        terminal.press("k", wait_s=0.5)
    terminal.press("2", wait_s=1.0)
    for key in PAGES:
        terminal.press(key, wait_s=1.0)
        terminal.press("\x1b", wait_s=1.0)
    terminal.press("4", wait_s=1.0)


def _leave_alone(terminals: dict[str, Terminal], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:  # each is read, else a program that writes would wait for its terminal
        for terminal in terminals.values():
            terminal.idle(0.2)


def _memory(terminals: dict[str, Terminal], daemon: int) -> dict[str, tuple[float, float]]:
    held = {name: (terminal.rss_mb(), terminal.pss_mb()) for name, terminal in terminals.items()}
    return {**held, "daemon": (memory_mb(daemon, "Rss"), memory_mb(daemon, "Pss"))}


def _daemon(folder: Path) -> int:
    command = [sys.executable, "-m", "console.main", "-w", str(folder), "daemon", "status", "--json"]
    told = subprocess.run(command, env=environment(), capture_output=True, check=True, text=True).stdout
    return int(json.loads(told)["pid"])


def _rows(warm: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]], seconds: float) -> list[Row]:
    told = f"after {seconds / 60:.0f} min, {PER_SECOND} changes a second"
    peers = {name: held for name, held in after.items() if name not in (OURS, "daemon", "Textual")}
    rows = []
    for field, title in enumerate(("resident memory", "memory, what is shared in part")):
        row = Row(title, "MB", "lower", after[OURS][field], repeats=1, note=f"{told}; goal: 60")
        row.peers = {name: held[field] for name, held in peers.items()}
        row.limit = {"Textual": after["Textual"][field]}
        rows.append(row)
    grown = {name: held[0] - warm[name][0] for name, held in after.items()}
    rows.append(Row("resident memory, grown by", "MB", "lower", grown[OURS], repeats=1, note="goal: flat"))
    rows.append(Row("daemon, resident memory", "MB", "lower", after["daemon"][0], repeats=1, note="goal: 60"))
    rows.append(Row("daemon, grown by", "MB", "lower", grown["daemon"], repeats=1, note="goal: flat"))
    return rows
