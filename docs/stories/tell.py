"""Writes the pages of this folder from what happens: `python docs/stories/tell.py`, as root, for it makes accounts.

The story itself is in `tests/e2e/pull_request_story.py`, where each step is looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "e2e")]

from pull_request_story import Story, Told, told  # noqa: E402

HEAD = """# From a pull request to production, with two accounts

What two people typed and what they were told, on 2,500 hotel bookings of `examples/nightly-rates`. Both are
accounts of one machine; the deck knows them by the kernel's word. Written by `python docs/stories/tell.py` from a
run; the same run is a test (`tests/e2e/test_pull_request_story.py`). Names of accounts and folders are shortened.
"""


def page(story: Story) -> str:
    """Return the story as Markdown: prose, and each line with all that it printed and how it ended."""
    return "\n".join([HEAD, *(_line(one) if isinstance(one, Told) else f"{one}\n" for one in story.parts)])


def _line(one: Told) -> str:
    ended = f"\n[exit {one.code}]" if one.code else ""
    answer = f"\n{one.out}" if one.out else ""
    fence = "````" if "```" in one.out else "```"
    return f"{fence}\n{one.who}$ {one.line}{answer}{ended}\n{fence}\n"


if __name__ == "__main__":
    with told() as happened:
        (HERE / "pull-request-to-production.md").write_text(page(happened), encoding="utf-8")
