"""What is asked of the columns of any source: those that the settings name, each once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.settings.secrets import redacted
from store.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa


def need_columns(table: pa.Table, columns: Sequence[str], source: str) -> None:
    """Refuse a table that lacks a column the settings name.

    Raises:
        Refused: naming the absent column and the closest one that is there.
    """
    there = table.column_names
    for name in columns:
        if name not in there:
            close = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
            told = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(there)}"
            raise Refused(f"column {name!r} is not in {redacted(source)}", told)


def need_distinct(names: Sequence[str], source: str) -> None:
    """Refuse a table of which two columns have one name.

    Raises:
        Refused: naming it.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Refused(f"source {source} gives two columns named {twice[0]!r}", "rename or leave out one of them")
