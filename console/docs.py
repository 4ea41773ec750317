"""Writes what is generated: keys, verbs and settings in the documents, and the help of the whole command line.

`python -m console.docs` rewrites them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from console.commands.verbs import VERBS, subverbs
from console.parser import GROUPS, overview, usage_of
from console.preferences import SETTINGS
from console.usage import OVERVIEW
from engine.actions.table import ACTIONS, key_table
from engine.operations.operation import Danger
from engine.settings.reference import DECK_FILE, MODEL_FILE
from engine.settings.reference import keys as keys_of_files

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONSOLE = ROOT / "docs" / "console.md"
SETTINGS_KEYS = ROOT / "docs" / "settings.md"
DOCUMENTS = {README: ("keys", "verbs"), CONSOLE: ("settings", "actions"), SETTINGS_KEYS: ("deck-keys", "model-keys")}


def parts() -> dict[str, str]:
    """Return each generated part by the name its markers carry."""
    return {"keys": keys(), "verbs": verbs(), "settings": settings(), "actions": actions(), **settings_keys()}


def settings() -> str:
    """Return the settings of the console."""
    lines = ["| setting | default | values | variable | what |", "|---|---|---|---|---|"]
    for one in SETTINGS:
        default = f"{one.default:g}" if isinstance(one.default, float) else json.dumps(one.default)
        values = ", ".join(f"`{choice}`" for choice in one.choices) or "see at the right"
        variable = f"`{one.variable}`" if one.variable else ""
        lines.append(f"| `{one.name}` | `{default}` | {values} | {variable} | {one.help} |")
    return "\n".join(lines)


def settings_keys() -> dict[str, str]:
    """Return the keys of deck.toml and of model files, a table for each of theirs."""
    found = {}
    for part, file in (("deck-keys", DECK_FILE), ("model-keys", MODEL_FILE)):
        lines: list[str] = []
        for one in (key for key in keys_of_files() if key.file == file):
            if "." not in one.key and (one.kind == "table" or not lines):
                heading = [f"### `[{one.key}]`", "", f"{one.what[0].upper()}{one.what[1:]}.", ""]
                head = ["| key | takes | default | what |", "|---|---|---|---|"]
                lines += [*([""] if lines else []), *(heading if one.kind == "table" else []), *head]
            if "." in one.key or one.kind != "table":
                default = f"`{one.default}`" if one.default not in ("", "required") else one.default
                lines.append(f"| `{one.key}` | {one.kind} | {default} | {one.what} |")
        found[part] = "\n".join(lines)
    return found


def actions() -> str:
    """Return every action by the id that a keymap names."""
    lines = ["| action | keys | what |", "|---|---|---|"]
    for action in ACTIONS:
        shown = " ".join(f"`{key}`" for key in action.keys)
        lines.append(f"| `{action.id}` | {shown} | {action.title} |")
    return "\n".join(lines)


def keys() -> str:
    """Return the key table of the console."""
    lines = ["| keys | what | where |", "|---|---|---|"]
    for pressed, what, where in key_table():
        shown = " ".join(f"`{key}`" for key in pressed.split())
        lines.append(f"| {shown} | {what} | {where} |")
    return "\n".join(lines)


def verbs() -> str:
    """Return the verbs of the command line, the dangerous ones marked."""
    lines = ["| | verb | what |", "|---|---|---|"]
    for title, nouns in GROUPS:
        group = title
        for noun in nouns:
            own = [VERBS[(noun,)]] if (noun,) in VERBS else []
            for verb in (*own, *subverbs(noun)):
                operation = verb.operation
                marked = " (asks first)" if operation and operation.danger is Danger.DANGEROUS else ""
                lines.append(f"| {group} | `{usage_of(verb)}` | {verb.help}{marked} |")
                group = ""
    return "\n".join(lines)


def with_parts(text: str, names: Sequence[str]) -> str:
    """Return the text with each of these parts put between its markers.

    Raises:
        ValueError: a marker is missing.
    """
    made = parts()
    for name in names:
        part = made[name]
        begin, end = f"<!-- {name}: made by python -m console.docs -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the markers of {name!r} are missing")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


def main() -> int:
    """Rewrite documents and help; with --check only say whether they are up to date, by the exit code."""
    help = Path(OVERVIEW)
    stale = int(not help.exists() or help.read_text("utf-8") != overview())
    if "--check" not in sys.argv[1:]:
        help.write_text(overview(), "utf-8")
    for path, names in DOCUMENTS.items():
        text = path.read_text("utf-8")
        fresh = with_parts(text, names)
        stale |= int(fresh != text)
        if "--check" not in sys.argv[1:]:
            path.write_text(fresh, "utf-8")
    return stale if "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
