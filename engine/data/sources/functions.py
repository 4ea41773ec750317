"""A function of the workspace as a source."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.sources.columns import need_distinct
from engine.model_io import code
from store.errors import ModeldeckError, WorkFailed

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.data.sources.since import Since


def from_function(source: str, bundle: Path, since: Since | None) -> pa.Table:
    """Call it; one that has a parameter `since` is told (as UTC datetime, or None) from when on rows are wanted.

    Raises:
        WorkFailed: it raised, or returned no table.
        Refused: there is no such function.
    """
    function = code.function(source, bundle)
    try:
        wanted = "since" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # one that does not tell its parameters
        wanted = False
    told = {"since": since.at if since else None} if wanted else {}
    return call(function, source, bundle, **told)


def call(function: Callable[..., Any], source: str, bundle: Path, *given: Any, **told: Any) -> pa.Table:
    """Call a function of the workspace that returns a table.

    Raises:
        WorkFailed: it raised, or returned something else.
    """
    import pyarrow as pa

    try:
        made = function(*given, **told)
    except ModeldeckError:
        raise
    except (Exception, SystemExit) as error:  # the user's code raises anything, and may try to leave
        raise WorkFailed(f"source {source} raised {code.told(error, bundle)}", "correct the function") from error
    if isinstance(made, pa.Table):
        return made
    if type(made).__name__ == "DataFrame" and hasattr(made, "columns"):
        return _from_frame(made, source)
    raise WorkFailed(f"source {source} returned {type(made).__name__}", "return a pandas DataFrame or a pyarrow Table")


def _from_frame(frame: Any, source: str) -> pa.Table:
    import pyarrow as pa

    if hasattr(frame, "to_arrow"):
        found: pa.Table = frame.to_arrow()
        return found
    need_distinct([str(name) for name in frame.columns], source)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        why = "; ".join(str(part) for part in reversed(error.args))
        raise WorkFailed(
            f"source {source} returned a column of mixed types: {' '.join(why.split())}", "give each column one type"
        ) from error
