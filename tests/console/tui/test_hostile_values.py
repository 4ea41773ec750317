"""Values that would spoil a screen, through every column of every list and every page."""

from __future__ import annotations

import asyncio
import dataclasses
import unicodedata
from typing import Any

import pytest
from sample_deck import SampleClient
from sample_releases import VERSIONS

from console.render.cells import clean, width_of

HOSTILE = {
    "markup": "[red]x[/red][link=file:///etc]y[/link]",
    "control bytes": "a\x1b[2J\x1b]52;c;eA==\x07b\x00c\rd\ne\x9bf",
    "right to left": "\u202eabc\u2066\u05e9\u05dc\u05d5\u05dd\u2069 \u0645\u0631\u062d\u0628\u0627",
    "wide": "\u65e5\u672c\u8a9e\u30c7\u30fc\u30bf\uff21\U0001f469\u200d\U0001f680\U0001f1f5\U0001f1f9",
    "combining": "e\u0301\u0301\u0301\u0301a\u0308" + "\u0336" * 40,
    "long": "x" * 10_000,
    "empty": "",
    "braces": "{0} %s $HOME `id` \\x41",
}
LISTS = "23456789h0"
KEPT = (
    "state",
    "kind",
    "verdict",
    "severity",
    "health",
    "role",
    "desired",
    "id",
    "trigger",
    "model",
    "endpoint",
    "host",
)


def spoiled(row: Any, text: str) -> Any:
    """Return the row with every free text of it replaced, in rows within rows too; names of states stay."""
    if isinstance(row, tuple):
        return tuple(spoiled(item, text) for item in row)
    if isinstance(row, dict):
        return {key: text if isinstance(value, str) else value for key, value in row.items()}
    if not dataclasses.is_dataclass(row) or isinstance(row, type):
        return row
    changed = {}
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        if isinstance(value, str) and field.name not in KEPT:
            changed[field.name] = text
        elif dataclasses.is_dataclass(next(iter(value), None) if isinstance(value, tuple) else value):
            changed[field.name] = spoiled(value, text)
    return dataclasses.replace(row, **changed)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_no_value_spoils_a_screen(console: Any, sample: SampleClient, name: str, size: tuple[int, int]) -> None:
    for operation, answer in sample.answers.items():
        if operation.endswith((".list", ".newest", ".pulse", ".detail")):
            sample.answers[operation] = spoiled(answer, HOSTILE[name])

    sample.answers["versions.list"] = spoiled(VERSIONS["nightly-rates"], HOSTILE[name])
    seen = []

    async def walk() -> None:
        async with console(size=size) as screen:
            for key in "1" + LISTS:
                await screen.press(key)
                await screen.until(lambda: screen.app.desk.page.loaded, f"screen {key}")
                check(screen.text, size, f"screen {key}")
                await screen.press("d")
                await screen.until(lambda: screen.app.desk.page.loaded, f"described on {key}")
                check(screen.text, size, f"described on {key}")
                seen.append(screen.text)
                await screen.press("q", "enter")
                await screen.until(lambda: screen.app.desk.page.loaded, f"opened from {key}")
                check(screen.text, size, f"opened from {key}")
                await screen.press("1")
            if not HOSTILE[name]:
                return  # a model without a name has no tree
            await screen.press("2", "x")
            await screen.until(lambda: screen.app.desk.page.name.startswith("tree:"), "the tree")
            await screen.until(lambda: screen.app.desk.page.loaded, "the tree to be read")
            check(screen.text, size, "the tree")

    asyncio.run(walk())
    assert sum(clean(HOSTILE[name])[:5] in text for text in seen) >= len(LISTS) - 2, "the values are shown"


def check(text: str, size: tuple[int, int], where: str) -> None:
    lines = text.split("\n")
    assert len(lines) == size[1], where
    for line in lines:
        assert width_of(line) == size[0], (where, line)
        bad = [one for one in line if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn")]
        assert not bad, (where, bad, line)
