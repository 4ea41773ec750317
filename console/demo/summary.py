"""What a finished demo deck holds, and what to type next."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from console.commands import render
from console.output import Output

if TYPE_CHECKING:
    from engine.client import Client


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
        (f"modeldeck monitors windows {first}", "window by window"),
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
