"""The story that the documents tell happens as they tell it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pull_request_story import told

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stories" / "pull-request-to-production.md"
KEY = re.compile(r"\b[0-9a-f]{64}\b")


def test_from_a_pull_request_to_production_with_two_accounts() -> None:
    with told() as story:
        typed = [KEY.sub("KEY", line) for line in story.lines()]
    page = KEY.sub("KEY", PAGE.read_text("utf-8"))
    listed = [line for line in page.splitlines() if re.match(r"(ada|ola)\$ ", line)]
    assert listed == typed, "the page is of another run: python docs/stories/tell.py"
