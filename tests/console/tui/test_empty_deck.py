"""A deck with nothing in it: each screen says why it is empty, and which key or command fills it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from on_a_loop import run
from sample_deck import PULSE, SampleClient
from sample_releases import NOW

from console.command_line import SCREENS
from engine.operations.handover import Handover

TOLD = {
    "pulse": ("no models yet", "modeldeck apply", "modeldeck demo", "? lists every key"),
    "models": ("no models yet", "modeldeck init DIR --example", "modeldeck demo"),
    "runs": ("Nothing has been trained", "modeldeck train MODEL", "2 lists the models, or says how"),
    "jobs": ("No job has run", "T on a model", "2 lists the models, or says how"),
    "deploys": ("Nothing is deployed", "P on a model", "2 lists the models, or says how"),
    "monitors": ("Nothing is watched", "[monitor]", "modeldeck apply"),
    "schedules": ("Nothing runs by itself", "[retrain] cron", "modeldeck apply"),
    "events": ("Nothing has changed", "with who and why", "makes the first"),
    "alerts": ("No alert has been raised", "M on a model", "2 lists the models, or says how"),
    "releases": ("Nothing has been released", "P on a model", "2 lists the models, or says how"),
    "notifications": ("Nothing was told", "docs/notifications.md", "[notify.oncall]"),
    "approvals": ("Nobody was asked", "Q on a version"),
    "handover": ("nobody has it", "handover take takes it", "Changed  nothing"),
    "incidents": ("No incident was opened", "modeldeck incident open"),
}


@pytest.fixture
def nothing(sample: SampleClient) -> SampleClient:
    """A deck without a row."""
    for operation, answer in list(sample.answers.items()):
        if isinstance(answer, tuple):
            sample.answers[operation] = ()
    sample.answers["deck.pulse"] = dataclasses.replace(PULSE, models=(), alerts=(), events=(), total=0)
    sample.answers["incident.list"] = ()
    sample.answers["handover.show"] = Handover(
        *("hotel-demo", "UTC", NOW, NOW, "a day ago: you never had the watch", None),
        *((), (), (), (), (), (), (), (), 0),
    )
    return sample


@pytest.mark.parametrize("screen", SCREENS)
@run
async def test_an_empty_screen_says_why_and_what_fills_it(console: Any, nothing: SampleClient, screen: str) -> None:
    async with console(client=nothing) as shown:
        await shown.press(":", *screen, "enter")
        await shown.shows(*TOLD[screen])
