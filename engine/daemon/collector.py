"""Collecting predictions in a process of its own, so that the daemon never loads Arrow; none runs without work.

`python -P -m engine.daemon.collector -w DIR` is that process: it collects, counts the day's traffic and ends. A kill at
any point is `engine.monitoring.collect`'s to survive.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from engine.deck import Deck
from engine.monitoring.segments import close_abandoned
from engine.workspace import Workspace
from store.errors import WorkFailed

RECOUNT_S = 300.0  # the last day moves on also where nothing is served


class Collector:
    """Starts a collection when a segment is closed, and now and then for the traffic of the last day."""

    def __init__(self, deck: Deck) -> None:
        self._workspace = deck.workspace
        self._counted_at = float("-inf")

    def tick(self) -> bool:
        """Collect what is due, and wait for it; returns whether there was anything.

        Raises:
            WorkFailed: the process failed; what was not collected stays in its segment.
        """
        segments = self._workspace.segments
        if not segments.exists():
            return False
        close_abandoned(segments, time.time())  # ages of files are the machine's, whatever the deck's clock
        closed = next(segments.rglob("*.jsonl"), None) is not None
        if not closed and time.monotonic() - self._counted_at < RECOUNT_S:
            return False
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "engine.daemon.collector", "-w", str(self._workspace.root)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            start_new_session=True,  # a signal to the daemon's group lets it finish
        )
        if ran.returncode:
            said = ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"]
            raise WorkFailed(f"collecting predictions failed: {said[-1]}")
        self._counted_at = time.monotonic()
        return closed


def main() -> int:
    """Collect and count once."""
    parser = argparse.ArgumentParser(prog="engine.daemon.collector")
    parser.add_argument("-w", "--workspace", required=True, type=Path)
    from engine.daemon.traffic import Traffic
    from engine.deck import open_deck
    from engine.monitoring.collect import collect

    deck = open_deck(Workspace(parser.parse_args().workspace))
    try:
        collect(deck)
        Traffic(deck).count()
    finally:
        deck.database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
