"""The console beside a bare Textual program, posting and harlequin, each under a pseudo-terminal of 80x24.

    python benchmarks/console.py [--quick] [--json FILE]
    python benchmarks/console.py --soak MINUTES [--quick] [--json FILE]    only its memory, for so long

Ours looks at a deck of 10,000 models and 1,000,000 runs (`--quick`: 100,000), with its daemon up; the others at
nothing. A repaint lasts from the key to its last byte. The deck is made once and kept in the temporary folder.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from console_deck import MODELS, Daemon, large_deck
from console_faults import faults, soak
from console_soak import by_the_clock
from figures import PEERS, ROOT, Row, arguments, environment, median, show
from terminal import Repaint, Terminal

HELLO = """
from textual.app import App
from textual.widgets import Label
class Hello(App):
    BINDINGS = [("ctrl+q", "quit", "quit")]
    def compose(self):
        yield Label("Hello, terminal")
Hello().run(mouse=False)
"""
TEXTUAL, POSTING, HARLEQUIN = "Textual", "posting", "harlequin"
SCREENS = [("1", "SERVES"), ("3", "RESULT"), ("6", "VERDICT"), ("7", "WHEN"), ("8", "WHAT"), ("4", "PROGRESS")]
PER_SECOND = 100  # changes in the registry of a fleet at work


def main() -> None:
    """Measure and show."""
    named = arguments("the console beside bare Textual, posting and harlequin", _more)
    folder = large_deck(100_000 if named.quick else 1_000_000)
    daemon = Daemon(folder)
    try:
        with tempfile.TemporaryDirectory(prefix="modeldeck-console-") as home:
            stage = Stage(folder, Path(home))
            rows = by_the_clock(stage, named.soak * 60) if named.soak else everything(stage, named.quick)
    finally:
        daemon.stop()
    if stage.missing:
        rows[0].note += f"; not measured, make bench-peers: {', '.join(stage.missing)}"
    show(rows, named)


def _more(parser: argparse.ArgumentParser) -> None:
    told = "only memory, beside the others, after so long by the clock (it may be measured on a busy machine)"
    parser.add_argument("--soak", type=float, metavar="MINUTES", help=told)


def everything(stage: Stage, is_quick: bool) -> list[Row]:
    """Measure all rows, the long soak but for it."""
    repeats = 3 if is_quick else 15
    rows = [*first_frames(stage, repeats), *keys(stage, repeats * 4, is_quick)]
    rows += [*commands(stage, repeats), *faults(stage, 1 if is_quick else 5)]
    return rows if is_quick else [*rows, *soak(stage)]


class Stage:
    """The programs that can be opened here, each in a home of its own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self._home = folder, home
        self.missing = [name for name in (POSTING, HARLEQUIN) if not self._peer(name).exists()]
        self._hello = home / "hello.py"
        self._hello.write_text(HELLO)

    def _peer(self, name: str) -> Path:
        return PEERS / name / "bin" / name

    def ours(self, *words: str) -> list[str]:
        """Return a command line of ours."""
        return [sys.executable, "-m", "console.main", "-w", str(self.folder), *words]

    def programs(self) -> dict[str, tuple[list[str], str]]:
        """Return each program's command, and a text of its first frame."""
        found = {
            "modeldeck": (self.ours(), "modeldeck"),
            TEXTUAL: ([sys.executable, str(self._hello)], "Hello, terminal"),
        }
        peers = {
            POSTING: ([str(self._peer(POSTING)), "--collection", str(self._fresh("collection"))], "osting"),
            HARLEQUIN: ([str(self._peer(HARLEQUIN)), "-a", "sqlite"], "Catalog"),
        }
        return {**found, **{name: told for name, told in peers.items() if name not in self.missing}}

    def _fresh(self, name: str) -> Path:
        folder = self._home / name
        folder.mkdir(exist_ok=True)
        return folder

    def open(self, command: Sequence[str], home: str) -> Terminal:
        """Open a program. Ours begins at its first screen, whatever an earlier one ended at."""
        (self.folder / "console.json").unlink(missing_ok=True)
        at_home = {"HOME": str(self._fresh(home)), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
        return Terminal(command, {**environment(), **{name: value for name, value in at_home.items() if value}})


def first_frames(stage: Stage, repeats: int) -> list[Row]:
    """Spawn each in turn, until its first frame; ours also until its first rows."""
    programs = stage.programs()
    frames: dict[str, list[float]] = {name: [] for name in programs}
    rows_s: list[float] = []
    for _ in range(repeats):
        for name, (command, text) in programs.items():
            terminal = stage.open(command, name)
            frames[name].append(terminal.until(text) * 1000)
            if name == "modeldeck":
                rows_s.append(terminal.until("model-00000") * 1000)
            terminal.close()
    medians = {name: median(values) for name, values in frames.items()}
    note = "goal: at most 1.6 times bare Textual, a third of the others"
    first = Row("spawn to first frame", "ms", "lower", medians.pop("modeldeck"), repeats=repeats, note=note)
    first.limit = {TEXTUAL: float(medians.pop(TEXTUAL) or 0)}
    first.peers = {name: value for name, value in medians.items() if value is not None}
    second = Row(f"spawn to the first rows, {MODELS:,} models", "ms", "lower", median(rows_s), repeats=repeats)
    return [first, second]


def keys(stage: Stage, presses: int, is_quick: bool) -> list[Row]:
    """Work in one console: cursor, filter, screens, nothing at all, and a fleet that changes meanwhile."""
    terminal = stage.open(stage.ours(), "modeldeck")
    terminal.until("model-00000")
    terminal.settle()
    terminal.press("2")
    terminal.until("WHAT FOR")
    terminal.settle()
    cursor = [terminal.press("jk"[number % 7 == 6]) for number in range(presses)]
    terminal.press("/")
    filtered = [terminal.press(key) for key in "model-0999"]
    terminal.press("\x1b")
    terminal.settle()
    for key, text in SCREENS:  # each screen's code is loaded by its first visit
        terminal.press(key, text)
    switched = [terminal.press(key, text) for key, text in SCREENS * max(1, presses // 8)]
    terminal.press("4", "PROGRESS")
    terminal.settle()
    silent, share = terminal.idle(3 if is_quick else 20)
    live, latency = fleet(stage, terminal, 8 if is_quick else presses, 3 if is_quick else 20)
    memory = terminal.pss_mb()
    terminal.close()
    return [
        repaint(f"cursor key to repaint, {MODELS:,} rows", cursor, "ms", "goal: 5"),
        repaint("the same, bytes", cursor, "bytes", "goal: 450"),
        repaint(f"filter keystroke over {MODELS:,} rows", filtered, "ms", "goal: 50"),
        repaint("switch of screen", switched, "ms", "goal: 100"),
        repaint("the same, bytes", switched, "bytes", "goal: 14,000"),
        Row("idle, bytes", "bytes/s", "lower", silent, repeats=1, note="goal: 0"),
        Row("idle, processor", "% of a core", "lower", share * 100, repeats=1, note="goal: 0.5"),
        Row(f"live, {PER_SECOND} changes/s", "bytes/s", "lower", live, repeats=1, note="goal: 1,000"),
        repaint("the same, cursor key", latency, "ms", "goal: as without changes"),
        Row("memory", "MB", "lower", memory, repeats=1, note="goal: 60"),
    ]


def repaint(title: str, repaints: Sequence[Repaint], unit: str, goal: str) -> Row:
    """Return the row of what keys brought about: the median of their times, or of their bytes."""
    values = [
        float(one.bytes) if unit == "bytes" else one.seconds * 1000 for one in repaints if one.seconds is not None
    ]
    told = f"{goal}; {len(repaints) - len(values)} keys brought nothing" if len(values) < len(repaints) else goal
    return Row(title, unit, "lower", median(values), repeats=len(values), note=told)


def fleet(stage: Stage, terminal: Terminal, presses: int, seconds: float) -> tuple[float, list[Repaint]]:
    """Change the registry a hundred times a second; return bytes a second, and what keys cost meanwhile."""
    command = [sys.executable, str(Path(__file__).with_name("console_deck.py"))]
    spent = seconds + presses * 0.2
    writer = subprocess.Popen(
        [*command, str(stage.folder), str(spent + 2), str(PER_SECOND)], env=environment(), stdout=subprocess.DEVNULL
    )
    time.sleep(1.0)
    live, _ = terminal.idle(seconds)
    # up and down: at the last of so few rows a key brings nothing, and the fleet's next repaint would be timed for it
    repaints = [terminal.press("jk"[number % 2]) for number in range(presses)]
    writer.wait()
    return live, repaints


def commands(stage: Stage, repeats: int) -> list[Row]:
    """Time commands that open no screen, whole processes from spawn to end."""
    ours = timed(stage.ours("--help"), repeats)
    peers = {
        name: value
        for name in (POSTING, HARLEQUIN)
        if name not in stage.missing and (value := timed([str(stage._peer(name)), "--help"], repeats)) is not None
    }
    bare = timed([sys.executable, "-c", "pass"], repeats)
    models = timed(stage.ours("models"), repeats)
    return [
        Row("--help", "ms", "lower", ours, peers, {"python": bare or 0.0}, repeats, "goal: 60"),
        Row(f"models, {MODELS:,} of them", "ms", "lower", models, {}, {"python": bare or 0.0}, repeats, "goal: 150"),
    ]


def timed(command: Sequence[str], repeats: int) -> float | None:
    """Return the median of whole runs, in ms."""
    run: Callable[[], object] = lambda: subprocess.run(  # noqa: E731
        command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, cwd=ROOT
    )
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        found.append((time.perf_counter() - began) * 1000)
    return median(found)


if __name__ == "__main__":
    if shutil.which("true") is None:
        sys.exit("this needs a POSIX system")
    main()
