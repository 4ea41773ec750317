"""What bad links, storms and an hour of changes cost the console; its tests ask whether it does right meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from figures import Row, environment, median
from terminal import Terminal

DELAY_S, BYTES_PER_S = 0.3, 20_000.0
STORM = 60  # sizes
PASTED = 10_000
HOUR = 36_000  # changes: ten a second for an hour
PER_SECOND = 300  # how fast they are made
WARM = 0.25  # part of the soak after which memory is first looked at


class Stage(Protocol):
    """Where the console is opened."""

    folder: Path

    def ours(self, *words: str) -> list[str]:
        """Return a command line of ours."""

    def open(self, command: Sequence[str], home: str) -> Terminal:
        """Open a program."""


def faults(stage: Stage, repeats: int) -> list[Row]:
    """Work over a slow link, in a storm of sizes and under a paste."""
    terminal = _opened(stage)
    slow, storms, pastes = [], [], []
    for _ in range(repeats):
        slow.append(terminal.throttled("4", "PROGRESS", BYTES_PER_S, DELAY_S) * 1000)
        terminal.settle()
        terminal.press("2", "WHAT FOR")
        terminal.settle()
        storms.append(_storm(terminal) * 1000)
        terminal.press("/")
        pasted = terminal.press("\x1b[200~" + "x" * PASTED + "\x1b[201~", "does not match")
        pastes.append(None if pasted.seconds is None else pasted.seconds * 1000)
        terminal.press("\x1b")
        terminal.settle()
    terminal.close()
    note = f"of which {DELAY_S * 1000:.0f} ms are the link's delay"
    return [
        Row("switch of screen over 300 ms, 20 kB/s", "ms", "lower", median(slow), repeats=repeats, note=note),
        Row(f"{STORM} sizes until the last is whole", "ms", "lower", median(storms), repeats=repeats),
        Row(f"paste of {PASTED:,} characters into a filter", "ms", "lower", median(pastes), repeats=repeats),
    ]


def _storm(terminal: Terminal) -> float:
    for number in range(STORM):
        terminal.resize(60 + number % 41, 16 + number % 17)
        time.sleep(0.005)
    terminal.resize(80, 24)
    return terminal.press("j", "? help").seconds or 0.0


def soak(stage: Stage) -> list[Row]:
    """Let an hour's changes go by; return what memory it has then, and by how much it grew."""
    terminal = _opened(stage)
    terminal.press("4", "PROGRESS")
    seconds = HOUR / PER_SECOND
    command = [sys.executable, str(Path(__file__).with_name("console_deck.py"))]
    writer = subprocess.Popen(
        [*command, str(stage.folder), str(seconds), str(PER_SECOND)], env=environment(), stdout=subprocess.DEVNULL
    )
    terminal.idle(seconds * WARM)
    before = terminal.pss_mb()
    terminal.idle(seconds * (1 - WARM))
    writer.wait()
    after = terminal.pss_mb()
    terminal.close()
    told = f"{HOUR:,} changes at {PER_SECOND} a second"
    return [
        Row("memory after a soak", "MB", "lower", after, repeats=1, note=f"{told}; goal: 60"),
        Row("the same, grown by", "MB", "lower", after - before, repeats=1, note="goal: flat"),
    ]


def _opened(stage: Stage) -> Terminal:
    terminal = stage.open(stage.ours(), "modeldeck")
    terminal.until("model-00000")
    terminal.settle()
    return terminal
