"""What the screens look like, colours and all, at 80x24: one SVG each in `snapshots/`, from a deck that never changes.

Where a screen differs from its SVG, the new one is written beside it and both are named. Look at the two in a browser;
to accept what is new, run these tests with MODELDECK_ACCEPT_SCREENS=1 and commit the SVG files with the change.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from on_a_loop import run
from sample_deck import PULSE, RUNS, SampleClient
from sample_releases import HASH
from test_windows import MODEL, snapshot

from engine.operations.data import DataSample, SampledRow, SnapshotDetail
from engine.operations.runs import RunsTable

FOLDER = Path(__file__).parent / "snapshots"
ACCEPT = "MODELDECK_ACCEPT_SCREENS"
MOST = 20
CHANGED = """{name} looks different: {new} is new, {old} is what was accepted.
To accept all that is new: {accept}=1 pytest {test}"""


def empty(sample: SampleClient) -> None:
    """Take everything out of the deck."""
    for operation, answer in list(sample.answers.items()):
        if isinstance(answer, tuple):
            sample.answers[operation] = ()
    sample.answers["deck.pulse"] = replace(PULSE, models=(), alerts=(), events=(), total=0)


def compared(sample: SampleClient) -> None:
    """Answer what differs between two runs."""
    ids = (RUNS[0].id, RUNS[1].id)
    sample.answers["runs.compare"] = RunsTable(ids, (("metrics.mae", "", "20.73"), ("state", "running", "finished")))


def sampled(sample: SampleClient) -> None:
    """Answer rows of a version's data, one column of them personal."""
    names = ("arrival", "country", "adr", "nights", "meal", "segment", "lead_time", "agent", "company")
    rows = tuple(
        SampledRow(n * 97, (f"2016-{n:02d}-12", "***", 40.5 + n * 7, n % 5 + 1, "bb", "online", n * 13, None, ""))
        for n in range(1, 10)
    )
    sample.answers["data.show"] = SnapshotDetail(snapshot(names), True, 1, 0, ())
    sample.answers["data.sample"] = DataSample(HASH, MODEL, 4963, "spread", names, ("country",), rows)


@dataclass(frozen=True)
class Shot:
    """One screen: the keys to it, after each of which its text is waited for, and how the deck and console are."""

    keys: tuple[tuple[str, str], ...] = ()
    deck: Callable[[SampleClient], None] = lambda sample: None
    look: dict[str, Any] = field(default_factory=dict)
    first: str = "Way back"  # what the first screen shows


MODELS = ("2", "WHAT FOR")
VERSIONS = ("enter", "challenger")
SHOTS = {
    "pulse": Shot(),
    "pulse-light": Shot(look={"theme": "light"}),
    "pulse-mono": Shot(look={"theme": "mono"}),
    "pulse-empty": Shot(deck=empty, first="no models yet"),
    "models": Shot((MODELS,)),
    "version": Shot((MODELS, VERSIONS, ("enter", "› v3"))),
    "tree": Shot((MODELS, ("x", "tree"))),
    "data-sample": Shot(
        (MODELS, VERSIONS, ("i", "Columns"), ("i", "personal, so masked")),
        deck=sampled,
    ),
    "runs": Shot((("3", "RESULT"),)),
    "compare": Shot(
        (("3", "RESULT"), ("space", "1 marked"), ("space", "2 marked"), ("v", "metrics.mae")), deck=compared
    ),
    "jobs": Shot((("4", "PROGRESS"),)),
    "deploys": Shot((("5", "Deploys"),)),
    "monitors": Shot((("6", "Monitors"),)),
    "monitor": Shot((("6", MODEL), ("enter", "Promised"))),
    "alerts": Shot((("9", "WHAT"),)),
    "alert": Shot((("9", "WHAT"), ("enter", "Evidence"))),
    "release": Shot((("h", "completed"), ("enter", "› promote"))),
    "promotion": Shot((("P", "Promote nightly-rates: v2 → v3"),)),
    "rollback": Shot((("R", "undo"),)),
    "help": Shot((("question_mark", "Keys of this screen"),)),
}


@pytest.mark.parametrize("name", SHOTS)
def test_a_screen_looks_as_it_was_accepted(
    console: Any, sample: SampleClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shot = SHOTS[name]
    shot.deck(sample)

    @run
    async def look() -> None:
        async with console(**shot.look) as screen:
            await screen.shows(shot.first, "hotel-demo")
            for key, text in shot.keys:
                await screen.press(key)
                await screen.shows(text)
            await screen.until(lambda: screen.app.desk.page.loaded and "reading" not in screen.text, "the read")
            seen = [""]

            def is_still() -> bool:
                seen.append(svg_of(screen.app))
                return seen[-1] == seen[-2]

            await screen.until(is_still, "the screen to come to rest")
            taken.append(seen[-1])

    taken: list[str] = []
    look()
    agree(name, taken[0], FOLDER, accept=bool(os.environ.get(ACCEPT)))


def svg_of(app: Any) -> str:
    """Return the screen as SVG that tells nothing but what is on it: no fonts of the net, no name by a hash."""
    text = app.export_screenshot(title="", simplify=True)
    text = re.sub(r"\s*@font-face \{.*?\}\n", "", text, flags=re.DOTALL)
    return re.sub(r"terminal-\d+", "t", text).strip() + "\n"


def agree(name: str, text: str, folder: Path, *, accept: bool) -> None:
    """Hold a screen against what was accepted."""
    old, new = folder / f"{name}.svg", folder / f"{name}.new.svg"
    if accept:
        folder.mkdir(exist_ok=True)
        old.write_text(text, "utf-8")
    if old.exists() and old.read_text("utf-8") == text:
        new.unlink(missing_ok=True)
        return
    new.write_text(text, "utf-8")
    raise AssertionError(
        CHANGED.format(name=name, new=new, old=old, accept=ACCEPT, test="tests/console/tui/test_snapshots.py")
    )


def test_a_screen_that_changed_is_told_with_both_pictures_and_is_accepted_on_request(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="looks different"):
        agree("pulse", "<svg/>", tmp_path, accept=False)
    agree("pulse", "<svg/>", tmp_path, accept=True)
    agree("pulse", "<svg/>", tmp_path, accept=False)
    assert not (tmp_path / "pulse.new.svg").exists()
    with pytest.raises(AssertionError, match=r"pulse\.new\.svg is new, .*pulse\.svg is what was accepted"):
        agree("pulse", "<svg>red</svg>", tmp_path, accept=False)
    assert (tmp_path / "pulse.svg").read_text() == "<svg/>"
    assert (tmp_path / "pulse.new.svg").read_text() == "<svg>red</svg>"


def test_each_accepted_picture_is_of_a_screen_that_is_looked_at() -> None:
    accepted = {path.stem for path in FOLDER.glob("*.svg") if not path.name.endswith(".new.svg")}
    assert accepted == set(SHOTS)
    assert len(accepted) <= MOST
