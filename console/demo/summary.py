"""What a finished demo deck holds, and what to type next."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands import render
from console.demo.standing import standing
from console.demo.traffic import later_rows
from console.output import Output

if TYPE_CHECKING:
    from console.demo.files import Recipe
    from engine.client import Client
    from engine.settings.model import DeckSettings

SAMPLE_ROWS = 3


def write_samples(client: Client, recipes: list[Recipe], settings: DeckSettings) -> None:
    """Write a few later rows per model as JSON, to be predicted by hand."""
    folder = client.workspace.root / "samples"
    folder.mkdir(exist_ok=True)
    for recipe in recipes:
        target = folder / f"{recipe.model}.json"
        if target.exists():
            continue
        versions = standing(client, recipe.model).versions
        inputs = {str(each["name"]) for each in versions[0].signature["inputs"]}
        rows = later_rows(client.workspace, settings.models[recipe.model], recipe, inputs)[-SAMPLE_ROWS:]
        target.write_text(json.dumps([row.record for row in rows], ensure_ascii=False, indent=2) + "\n", "utf-8")


def summary(client: Client, models: list[str], output: Output) -> None:
    """Print what serves, what was found, and the next commands."""
    render.pulse(client.call("deck.pulse"), output)
    root = Path(os.path.relpath(client.workspace.root))
    shown = root if not str(root).startswith("..") else client.workspace.root
    first = models[0]
    output.line("")
    output.line("next:")
    lines = [
        ("modeldeck", "the console"),
        (f"modeldeck versions {first}", "what was trained"),
        (f"modeldeck predict {first} samples/{first}.json", "ask the endpoint"),
        (f"modeldeck monitors windows {first}", "month by month"),
        (f"modeldeck promote {first} 2 --reason 'again'", "shows its plan, then asks"),
        ("modeldeck daemon stop --all", "stop everything"),
    ]
    if str(shown) != ".":
        lines.insert(0, (f"cd {shown}", ""))
    here = _not_on_path()
    if here:
        lines.insert(0, (f"alias modeldeck={here}", ""))
    width = max(len(line) for line, what in lines if what)
    for line, what in lines:
        output.line(f"  {line:<{width}}  {what}".rstrip())


def _not_on_path() -> str:
    """Return where the command lies when its name alone does not find it."""
    beside = Path(sys.executable).parent / "modeldeck"
    return "" if shutil.which("modeldeck") or not beside.exists() else str(beside)
