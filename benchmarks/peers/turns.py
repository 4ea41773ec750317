"""One contender of a benchmark in a process of its own: asked for one row at a time, so that contenders take turns.

Standard library only: this also runs in the peers' environments. A line in is `{"row", "seconds"}` or
`{"build": true}`, a line out is `{"calls", "wall_s"}`, `{"absent": true}` or `{"error"}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def take(contender: Any) -> None:
    """Answer until the asking ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    counts: dict[str, int] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = _build(contender) if "build" in asked else _measure(contender, asked, counts)
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(said) + "\n")
        answers.flush()


def _build(contender: Any) -> dict[str, Any]:
    started = time.perf_counter()
    contender.build()
    return {"wall_s": time.perf_counter() - started}


def _measure(contender: Any, asked: dict[str, Any], counts: dict[str, int]) -> dict[str, Any]:
    row = asked["row"]
    call = getattr(contender, row, None)
    if call is None:
        return {"absent": True}
    number = counts.get(row, 0)
    if not number:
        call(number)  # what is only slow the first time
        number += 1
    first = number
    started = time.perf_counter()
    until = started + asked["seconds"]
    while True:
        call(number)
        number += 1
        now = time.perf_counter()
        if now >= until:
            break
    counts[row] = number
    return {"calls": number - first, "wall_s": now - started}
