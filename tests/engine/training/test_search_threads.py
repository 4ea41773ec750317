"""What a search leaves alone: pools of threads that each worker would start anew."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

THREADS_OF_A_WORKER = """
import os
import time

import numpy as np
import pyarrow as pa

from engine.measures.metrics import find
from engine.settings.model import DataSettings, ModelSettings
from engine.training.dataset import prepare
from engine.training.family import Family, nothing
from engine.training.folds import Fold
from engine.training.search import Effort, compare
from engine.training.trial import Bench


class Counting:
    def fit(self, table, truth):
        self.threads = len(os.listdir("/proc/self/task"))

    def predict(self, table):
        return np.full(len(table), float(self.threads))


class Deaf:
    begun = ended = write = lambda self, *_told: None


assert len(os.listdir("/proc/self/task")) > 1, "numpy has a pool of threads"
at = pa.array(range(100), pa.timestamp("us"))
table = pa.table({"at": at, "x": [1.0] * 100, "price": [2.0] * 100})
data = DataSettings("rows.csv", "price", time_column="at")
dataset = prepare(table, ModelSettings("rates", "regression", data), "UTC")
families = [Family(name, nothing, lambda _params: Counting(), {}) for name in ("dummy", "counting")]
bench = Bench(dataset, [Fold(np.arange(50), np.arange(50, 100))], families, find("mae"), {})
found = compare(bench, Effort(time.monotonic() + 600, 7), Deaf(), lambda _share, _text: None)
print([int(trial.guess[0].values[0]) for trial in found.trials])
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on one core numpy has no pool of threads")
def test_workers_of_a_search_start_no_threads():
    done = subprocess.run(
        [sys.executable, "-P", "-c", THREADS_OF_A_WORKER],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[1, 1]\n", "")
