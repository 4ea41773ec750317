"""The console on the sample deck, as a program of its own. SIGUSR1 changes one row."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from console import terminal

profile = terminal.profile(os.environ, encoding="utf-8")
terminal.prepare(profile, os.environ)

from sample_deck import JOBS, SampleClient  # noqa: E402
from sample_releases import NOW  # noqa: E402

from console.deck_app import DeckApp  # noqa: E402

client = SampleClient()


def change_one_row(*_: object) -> None:
    rows = list(JOBS)
    rows[1] = replace(rows[1], progress=0.71, progress_text="boosting, fold 3 of 3")
    client.change("jobs.list", tuple(rows))


signal.signal(signal.SIGUSR1, change_one_row)
app = DeckApp(lambda: client, profile, deck_name="hotel-demo", now=lambda: NOW, interval_s=0.2)
app.run(mouse=False)
