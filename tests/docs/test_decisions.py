"""Decision notes are numbered once each, and their headings say the number."""

from __future__ import annotations

import re
from pathlib import Path

NOTES = sorted((Path(__file__).parents[2] / "docs" / "decisions").glob("*.md"))


def test_each_number_is_given_once() -> None:
    numbers = [note.name[:4] for note in NOTES]
    assert [one for one in numbers if numbers.count(one) > 1] == []


def test_headings_say_the_number_of_their_file() -> None:
    for note in NOTES:
        heading = re.match(r"# (\d+)\. \S", note.read_text(encoding="utf-8"))
        assert heading is not None, note.name
        assert f"{int(heading[1]):04}" == note.name[:4], note.name
