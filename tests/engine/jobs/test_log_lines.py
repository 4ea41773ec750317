"""What a job prints of its progress: each line with its time, and counting lines only now and then."""

from __future__ import annotations

import time

import pytest

from engine.jobs.context import COUNTS_EVERY_S, JobContext, stamped
from store import jobs
from store.database import Fence


@pytest.fixture(name="context")
def running_job(stage):
    job = stage.enqueue()
    with stage.deck.database.write() as tx:
        claimed = jobs.claim(tx, job.id)
    return JobContext(stage.deck, claimed, Fence(claimed.id, claimed.attempt))


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0:00:00  x"), (61, "0:01:01  x"), (7325, "2:02:05  x"), (-3, "0:00:00  x")]
)
def test_a_line_begins_with_how_long_after_the_beginning_it_came(seconds, told):
    assert stamped(seconds, "x") == told


def test_lines_that_only_count_on_come_now_and_then_and_others_always(context, capsys, monkeypatch):
    now = [time.monotonic()]
    monkeypatch.setattr("engine.jobs.context.time.monotonic", lambda: now[0])
    for number in range(1, 41):
        context.progress(number / 40, f"window {number} of 40, version 2")
        now[0] += 0.2
    context.progress(1.0, "40 windows computed")
    context.progress(1.0, "40 windows computed")
    lines = [line.split("  ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "window 1 of 40, version 2"
    assert lines[-1] == "40 windows computed"
    assert lines.count("40 windows computed") == 1
    assert len(lines) == 2 + int(39 * 0.2 // COUNTS_EVERY_S)
    assert jobs.job(context.deck.database, context.job.id).progress_text == "40 windows computed"
