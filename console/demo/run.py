"""Runs a demo deck's stages in order, skipping what the registry says is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.demo.board import board
from console.demo.files import recipe
from console.demo.stages import ModelDemo, Stage
from console.demo.standing import standing
from console.output import Output
from engine.operations.deck import ApplyRequest

if TYPE_CHECKING:
    from engine.client import Client


@dataclass(frozen=True, slots=True)
class Told:
    """What a demo did: how many stages it ran, and how many were done before."""

    ran: int
    skipped: int


def run_demo(client: Client, examples: list[str], output: Output) -> Told:
    """Bring every example to its end.

    Raises:
        ModeldeckError: a stage failed; the next demo goes on with it.
    """
    from engine.settings.files import load

    client.call("deck.apply", ApplyRequest("demo"))
    settings = load(client.workspace)
    recipes = [recipe(name) for name in examples]
    demos = [ModelDemo(client, each, settings.models[each.model]) for each in recipes]
    try:
        return _run(client, demos, output)
    finally:
        for demo in demos:
            demo.close()


def _run(client: Client, demos: list[ModelDemo], output: Output) -> Told:
    planned: list[tuple[ModelDemo, Stage]] = []
    skipped = 0
    for demo in demos:
        now = standing(client, demo.recipe.model)
        # Stages build on each other: from the first that is not done on, all are looked at again as they come up.
        for stage in demo.stages():
            if stage.is_done(now):
                skipped += 1
            else:
                planned.append((demo, stage))
    if not planned:
        return Told(0, skipped)
    with board(output, sum(stage.seconds for _, stage in planned)) as shown:
        for _, stage in planned:
            shown.begin(stage.title, stage.seconds)
            shown.end(stage.run(shown))
    return Told(len(planned), skipped)
