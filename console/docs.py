"""Writes the generated parts of the README: the key table and the verbs. `python -m console.docs` rewrites them."""

from __future__ import annotations

import sys
from pathlib import Path

from console.commands.verbs import VERBS, subverbs
from console.parser import GROUPS, usage_of
from engine.actions import key_table
from engine.operations.operation import Danger

README = Path(__file__).resolve().parent.parent / "README.md"


def parts() -> dict[str, str]:
    """Return each generated part by the name its markers carry."""
    return {"keys": keys(), "verbs": verbs()}


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


def with_parts(text: str) -> str:
    """Return the text with each generated part put between its markers.

    Raises:
        ValueError: a marker is missing.
    """
    for name, part in parts().items():
        begin, end = f"<!-- {name}: made by python -m console.docs -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the markers of {name!r} are missing")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text


def main() -> int:
    """Rewrite the README; with --check only say whether it is up to date, by the exit code."""
    text = README.read_text("utf-8")
    fresh = with_parts(text)
    if "--check" in sys.argv[1:]:
        return int(fresh != text)
    README.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
