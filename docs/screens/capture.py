"""Draws every screen of the console, at 80x24 and at 120x40, from the real program on a deck of `modeldeck demo`.

    .venv/bin/modeldeck demo --dir DIR --no-tui && .venv/bin/python docs/screens/capture.py DIR

Writes the SVG files beside this one, and the page that shows them. Names of screens after DIR draw those alone. What a
demo leaves unsaid is said first, through the same commands a person has: a comment with its answer, and an incident.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from picture_of import svg_of  # noqa: E402
from wire import Link  # noqa: E402

SIZES = ((80, 24), (120, 40))
WITHIN_S = 60.0
ENTER, ESCAPE, WAIT = "\r", "\x1b", ""
SCREENS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("pulse", "`1` Pulse: what serves, what changed, is it hurting anyone, the way back", ()),
    ("models", "`2` Models", ("2",)),
    ("versions", "`2` `enter` The versions of a model", ("2", ENTER)),
    ("version", "`2` `enter` `enter` A version: evaluation, gates, curves, importance, lineage", ("2", ENTER, ENTER)),
    ("data", "`2` `enter` `i` The data of a version, column by column", ("2", ENTER, "i")),
    ("rows", "`2` `enter` `i` `i` Rows of it, personal columns masked", ("2", ENTER, "i", "i")),
    ("row", "`2` `enter` `i` `i` `enter` A row with every column", ("2", ENTER, "i", "i", ENTER)),
    ("lineage", "`2` `enter` `l` What stands behind a version, and what came of it", ("2", ENTER, "l")),
    ("thread", "`2` `m` What people say of a model", ("2", "m")),
    ("compare", "`space` `j` `space` `v` Two versions, only what differs", ("2", ENTER, " ", "j", " ", "v")),
    ("tree", "`x` The tree of a model", ("2", "x")),
    ("runs", "`3` Runs", ("3",)),
    ("jobs", "`4` Jobs", ("4",)),
    ("log", "`4` `enter` The log of a job", ("4", "/", "train", ENTER, ENTER)),
    ("deploys", "`5` Deploys", ("5",)),
    ("monitors", "`6` Monitors, the worst first", ("6",)),
    ("watch", "`6` `enter` How good a model is over time, what drifts", ("6", ENTER)),
    ("windows", "`6` `i` Window by window: what was seen of its traffic", ("6", "i")),
    ("window", "`6` `i` `enter` A window with all its figures", ("6", "i", ENTER)),
    ("attributions", "`6` `w` Whether the reasons of answers moved", ("6", "w")),
    ("schedules", "`7` Schedules", ("7",)),
    ("events", "`8` Events", ("8",)),
    ("at", "`8` `t` What served then", ("8", "t")),
    ("alerts", "`9` Alerts", ("9",)),
    ("alert", "`9` `enter` An alert with its evidence", ("9", ENTER)),
    ("notifications", "`0` Notifications", ("0",)),
    ("releases", "`h` Releases", ("h",)),
    ("release", "`h` `enter` A release, step by step", ("h", ENTER)),
    ("approvals", "`:approvals` What has to be said yes to", (":", "approvals", ENTER)),
    ("handover", "`:handover` What whoever comes has to know", (":", "handover", ENTER)),
    ("incidents", "`:incidents` What goes wrong, by name", (":", "incidents", ENTER)),
    ("incident", "`:incidents` `enter` An incident with its timeline", (":", "incidents", ENTER, ENTER)),
    ("promotion", "`2` `enter` `P` Before a promotion: what differs, gates, steps, the way back", ("2", ENTER, "P")),
    ("rollback", "`R` The way back, its proof first", ("R",)),
    ("actions", "`a` What can be done here, and why not what cannot", ("a",)),
    ("help", "`?` Every key", ("?",)),
    ("describe", "`2` `d` Every field", ("2", "d")),
    ("json", "`2` `y` Raw JSON", ("2", "y")),
    ("train", "`T` Before a training", ("T",)),
    ("chart", "`6` `enter` `+` One chart over the whole screen", ("6", ENTER, "+")),
    ("filter", "`3` `/` A filter, as on the command line", ("3", "/", "metrics.mae < 30 and kind = train", ENTER)),
    ("jump", "`p` Go to anything by part of its name", ("p", "rates")),
    ("commands", "`:` The command line, with what it may mean", (":", "release")),
    ("log_of_commands", "`@` What was changed from this console, as commands", ("@",)),
)


def main() -> int:
    """Draw them all, or those that are named."""
    parser = argparse.ArgumentParser(description="Draws every screen of the console.")
    parser.add_argument("deck", metavar="DIR", type=Path, help="a deck of modeldeck demo")
    parser.add_argument("names", metavar="NAME", nargs="*", help="draw these alone")
    parser.add_argument("--to", metavar="DIR", type=Path, default=HERE, help="where to, instead of beside this file")
    asked = parser.parse_args()
    unknown = sorted({*asked.names} - {name for name, _, _ in SCREENS})
    if not (asked.deck / "deck.toml").exists():
        parser.error(f"{asked.deck} holds no deck.toml")
    if unknown:
        parser.error(f"no screen is called {', '.join(unknown)}: {', '.join(name for name, _, _ in SCREENS)}")
    folder = asked.deck.resolve()
    set_the_scene(folder)
    for columns, lines in SIZES:
        for name, _, keys in SCREENS:
            if asked.names and name not in asked.names:
                continue
            path = asked.to / f"{name}-{columns}x{lines}.svg"
            path.write_text(picture(folder, keys, columns, lines), "utf-8")
            sys.stdout.write(f"{path.name}\n")
            sys.stdout.flush()
    (asked.to / "README.md").write_text(page(asked.to), "utf-8")
    return 0


def set_the_scene(folder: Path) -> None:
    """Say on the deck what people would, where nothing is said yet: else two screens would be empty."""
    model = told(folder, "models", "--json")[0]["name"]
    if not told(folder, "comments", "model", model, "--json"):
        first = told(
            folder, "comments", "add", "model", model, "Bookings of groups look too cheap since Monday.", "--json"
        )
        answer = ("The new rates begin on Monday: I compare the slices.", "--reply-to", first["comment"]["id"])
        told(folder, "comments", "add", "model", model, *answer, "--json")
    if not told(folder, "incident", "--all", "--json"):
        opened = told(folder, "incident", "open", "Groups are priced too low", "--model", model, "--json")
        told(folder, "incident", "note", opened["id"], "Pricing is told, and holds quotes for groups.", "--json")


def told(folder: Path, *words: str) -> Any:
    """Run a command on the deck and return what it prints as JSON."""
    command = [str(Path(sys.executable).with_name("modeldeck")), *words, "-w", str(folder)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def picture(folder: Path, keys: tuple[str, ...], columns: int, lines: int) -> str:
    """Open the console, press keys, and return what stands there once it has come to rest."""
    command = [str(Path(sys.executable).with_name("modeldeck")), "-w", str(folder)]
    home = tempfile.mkdtemp()  # nobody's settings, nobody's place on the screens
    link = Link(command, {"LANG": "C.UTF-8", "HOME": home}, columns=columns, lines=lines)
    try:
        _settle(link)
        for key in keys:
            link.press(key)
            _settle(link)
        return svg_of(link.screen)
    finally:
        link.close()
        shutil.rmtree(home)


def _settle(link: Link) -> None:
    deadline = time.monotonic() + WITHIN_S
    link.until(lambda text: "modeldeck" in text)
    while "reading" in link.rest():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the screen is not read:\n{link.text}")


def page(folder: Path) -> str:
    """Return the page that shows the pictures which lie in a folder."""
    lines = [
        "# The screens",
        "",
        "Made by `docs/screens/capture.py` from the real console on the deck of `modeldeck demo`.",
    ]
    lines += ["At 80x24; each is linked to the same at 120x40.", ""]
    for name, title, _ in SCREENS:
        if not all((folder / f"{name}-{columns}x{rows}.svg").exists() for columns, rows in SIZES):
            continue
        lines += [f"## {title}", "", f"[![{name}]({name}-80x24.svg)]({name}-120x40.svg)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
