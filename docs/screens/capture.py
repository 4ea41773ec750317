"""Draws every screen of the console, at 80x24 and at 120x40, from the real program on a deck of `modeldeck demo`.

    .venv/bin/modeldeck demo --dir DIR --no-tui && .venv/bin/python docs/screens/capture.py DIR

Writes the SVG files beside this one, and the page that shows them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

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
    ("compare", "`space` `j` `space` `v` Two versions, only what differs", ("2", ENTER, " ", "j", " ", "v")),
    ("tree", "`x` The tree of a model", ("2", "x")),
    ("runs", "`3` Runs", ("3",)),
    ("jobs", "`4` Jobs", ("4",)),
    ("log", "`4` `enter` The log of a job", ("4", ENTER)),
    ("deploys", "`5` Deploys", ("5",)),
    ("monitors", "`6` Monitors, the worst first", ("6",)),
    ("watch", "`6` `enter` How good a model is over time, what drifts", ("6", ENTER)),
    ("schedules", "`7` Schedules", ("7",)),
    ("events", "`8` Events", ("8",)),
    ("at", "`8` `t` What served then", ("8", "t")),
    ("alerts", "`9` Alerts", ("9",)),
    ("alert", "`9` `enter` An alert with its evidence", ("9", ENTER)),
    ("notifications", "`0` Notifications", ("0",)),
    ("releases", "`h` Releases", ("h",)),
    ("release", "`h` `enter` A release, step by step", ("h", ENTER)),
    ("approvals", "`:approvals` What has to be said yes to", (":", "approvals", ENTER)),
    ("rollback", "`R` The way back, its proof first", ("R",)),
    ("actions", "`a` What can be done here, and why not what cannot", ("a",)),
    ("help", "`?` Every key", ("?",)),
    ("describe", "`2` `d` Every field", ("2", "d")),
    ("json", "`2` `y` Raw JSON", ("2", "y")),
    ("train", "`T` Before a training", ("T",)),
)


def main() -> int:
    """Draw them all."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "deck.toml").exists():
        sys.stderr.write(f"usage: {sys.argv[0]} DIR (a deck of modeldeck demo)\n")
        return 2
    folder = Path(sys.argv[1]).resolve()
    for columns, lines in SIZES:
        for name, _, keys in SCREENS:
            path = HERE / f"{name}-{columns}x{lines}.svg"
            path.write_text(picture(folder, keys, columns, lines), "utf-8")
            sys.stdout.write(f"{path.name}\n")
    (HERE / "README.md").write_text(page(), "utf-8")
    return 0


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


def page() -> str:
    """Return the page that shows the pictures."""
    lines = [
        "# The screens",
        "",
        "Made by `docs/screens/capture.py` from the real console on the deck of `modeldeck demo`.",
    ]
    lines += ["At 80x24; each is linked to the same at 120x40.", ""]
    for name, told, _ in SCREENS:
        lines += [f"## {told}", "", f"[![{name}]({name}-80x24.svg)]({name}-120x40.svg)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
