"""What retention removed, or would, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Line = Callable[..., Any]


def test_where_nothing_is_due_it_says_so(line: Line) -> None:
    assert line("apply").code == 0
    assert line("retention", "run").err.splitlines()[-1] == "nothing went"
    assert line("retention", "run", "--dry-run").err.splitlines()[-1] == "nothing would go"
