"""Behaviour tests that are functions of the workspace: run in a process of their own, one line of whatever they do.

A test is `def name(predict, rows)`: `predict` takes a list of rows and returns their prediction records, `rows` are the
version's golden requests (or the test's own). It passes when it returns nothing or True; `assert`, False or a text that
says what is wrong fail it; anything else it does breaks it.
"""

from __future__ import annotations

import linecache
import time
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine.model_io import code
from engine.settings.behaviour import BehaviourTest
from engine.training.apart import Child, Lost, Overdue, Raised
from engine.training.behaviour.answering import Ask, Unanswered
from store.errors import ModeldeckError
from store.rows.behaviour import BROKEN, FAILED, PASSED

MOST_TEXT = 300  # of what a test says is kept
Said = tuple[str, str]  # verdict and line


def run_function(test: BehaviourTest, rows: Sequence[Mapping[str, Any]], ask: Ask, folder: Path) -> Said:
    """Run one test of the code in `folder`; at most its timeout, answers of the model included."""
    until = time.monotonic() + test.timeout_s

    def serve(connection: Connection) -> None:
        connection.send(("said", ("done", _called(test.function, folder, rows, connection))))

    child = Child(serve, folder=folder)
    try:
        while True:
            kind, value = child.receive(until)
            if kind == "done":
                verdict, line = value
                return verdict, line if len(line) <= MOST_TEXT else f"{line[: MOST_TEXT - 1]}…"
            child.connection.send(_answered(ask, value, until))
    except Overdue:
        return BROKEN, f"did not end within {test.timeout_s:g} s"
    except (Lost, Raised) as error:
        return BROKEN, str(error)
    except (OSError, ValueError, TypeError, EOFError) as error:  # it closed its end, or sent what cannot be read
        return BROKEN, f"its process cannot be spoken with: {' '.join(str(error).split())}"
    finally:
        child.end()


def _answered(ask: Ask, rows: Any, until: float) -> tuple[str, Any]:
    try:
        return "answers", ask(rows, until)
    except Unanswered as error:
        return "refused", str(error)


def _called(reference: str, folder: Path, rows: Sequence[Mapping[str, Any]], connection: Connection) -> Said:
    """Call the function, in its own process."""

    def predict(asked: Any) -> Any:
        if not isinstance(asked, list) or not all(isinstance(row, dict) for row in asked):
            raise TypeError("predict takes a list of rows, each a dict of columns")
        connection.send(("said", ("ask", asked)))
        kind, value = connection.recv()
        if kind == "refused":
            raise ValueError(value)
        return value

    try:
        function = code.function(reference, folder)
    except ModeldeckError as error:
        return BROKEN, error.line()
    try:
        found = function(predict, [dict(row) for row in rows])
    except AssertionError as error:
        return FAILED, _asserted(error, folder)
    except (Exception, SystemExit) as error:  # the user's code raises anything, and may try to leave
        return BROKEN, f"raised {code.told(error, folder)}"
    if found is None or (type(found).__name__ in ("bool", "bool_") and bool(found)):
        return PASSED, "holds"
    if isinstance(found, str) and found.strip():
        return FAILED, " ".join(found.split())
    if type(found).__name__ in ("bool", "bool_"):
        return FAILED, "returned False"
    return BROKEN, f"returned {type(found).__name__}: a test returns nothing, True, False, or a text on what is wrong"


def _asserted(error: AssertionError, folder: Path) -> str:
    """Return an assertion by its message, else by its line."""
    mine = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(str(folder))]
    if not mine:
        return code.told(error, folder)
    last = mine[-1]
    text = " ".join(str(error).split()) or linecache.getline(last.filename, last.lineno or 0).strip()
    return f"{text} (line {last.lineno} of {Path(last.filename).relative_to(folder)})"
