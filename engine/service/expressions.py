"""Regular expressions of a caller, compiled only where none can hold the whole daemon for minutes.

Python's matcher tries every way to divide a text among repeats, without letting other threads run meanwhile.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Iterator
from typing import Any

from store.errors import Refused

LONGEST = 1000  # characters of an expression
MOST_REPEATS = 3  # that have no end; with more, a long text takes its length to that power
_HINT = "write a plainer one: no repeat inside a repeat, no | inside a repeat"

_parser: Any = importlib.import_module("re._parser")
_constants: Any = importlib.import_module("re._constants")


def compiled(text: str) -> re.Pattern[str]:
    """Compile an expression, not minding case.

    Raises:
        Refused: it is none, or could take for ever.
    """
    try:
        if len(text) > LONGEST:
            raise Refused(f"~{text[:20]}… is not a regular expression we take", f"write {LONGEST} characters at most")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about sets as a later Python may read them
            tree = _parser.parse(text, re.IGNORECASE)
            if _endless_repeats(tree) > MOST_REPEATS or any(_is_ambiguous(inner) for inner in _repeated(tree)):
                raise Refused(f"~{text} could take for ever", _HINT)
            return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise Refused(
            f"~{text[:100]} is not a regular expression: {error}", "write ~word, ~^beginning or ~a.*b"
        ) from None


def _items(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every node of a parsed expression, nested ones too."""
    for operator, argument in tree:
        yield operator, argument
        for part in _trees(argument):
            yield from _items(part)


def _trees(argument: Any) -> Iterator[Any]:
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from _trees(part)


def _is_repeat(operator: Any, argument: Any) -> bool:
    repeats = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
    return operator in repeats and argument[1] > 1  # `?` takes a text apart in two ways at most


def _repeated(tree: Any) -> Iterator[Any]:
    """Yield what is repeated."""
    for operator, argument in _items(tree):
        if _is_repeat(operator, argument):
            yield argument[2]


def _is_ambiguous(tree: Any) -> bool:
    return any(
        _is_repeat(operator, argument) or operator in (_constants.BRANCH, _constants.GROUPREF)
        for operator, argument in _items(tree)
    )


def _endless_repeats(tree: Any) -> int:
    return sum(
        1
        for operator, argument in _items(tree)
        if _is_repeat(operator, argument) and argument[1] is _constants.MAXREPEAT
    )
