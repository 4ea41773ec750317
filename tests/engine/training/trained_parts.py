"""Functions and files that tests of a training share."""

from __future__ import annotations

from store import runs

KILLED = """
import os
import sys
from pathlib import Path

from engine.deck import open_deck
from engine.settings.model import ModelSettings
from engine.training.train import train
from engine.workspace import Workspace
from store import settings

os.environ["TRAINING"] = str(os.getpid())
deck = open_deck(Workspace(Path(sys.argv[1])))
revision = settings.current(deck.database)
train(deck, ModelSettings.from_body(revision.body["models"]["rates"]), revision.revision, actor="user:anna")
"""


BUILDING = """
import os
import signal

from sklearn.linear_model import Ridge

MADE = []


def build():
    MADE.append(1)
    if len(MADE) == 4 and "TRAINING" in os.environ:  # folds are fitted in a process apart
        os.kill(int(os.environ["TRAINING"]), signal.SIGKILL)
    return Ridge()
"""


def blob_kinds(deck):
    return sorted(row["kind"] for row in deck.database.rows("SELECT kind FROM blob"))


def only_run(deck):
    (found,) = runs.runs(deck.database)
    return found
