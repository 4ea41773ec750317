"""A copy of skops of our own that trusts nothing but plain Python types, whatever else the process has imported.

skops trusts by default whatever its catalogues list, and fills them at import from what is installed: a second of
start-up, and a list that differs between releases. With empty catalogues a version's own list names every type it
holds, and means the same in each process: in a training whose code imports skops itself, and in the server.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from functools import cache
from typing import Any

_CATALOGUE = "skops.io._trusted_types"
_EMPTY = (
    "SKLEARN_ESTIMATOR_TYPE_NAMES",
    "SKLEARN_INTERNAL_TYPE_NAMES",
    "SCIPY_UFUNC_TYPE_NAMES",
    "NUMPY_UFUNC_TYPE_NAMES",
    "NUMPY_RANDOM_BIT_GENERATOR_TYPE_NAMES",
    "NUMPY_DTYPE_TYPE_NAMES",
)


@cache
def skops_io() -> Any:
    """Return our copy of `skops.io`; the `skops` that others import stays as it is.

    Raises:
        ImportError: skops is absent, or keeps its catalogues in another way than the release we pin.
    """
    others = _take_out()
    sys.modules[_CATALOGUE] = _catalogue()
    try:
        found = importlib.import_module("skops.io")
        persist: Any = sys.modules["skops.io._persist"]
        persist.json = _compact()
        return found
    finally:
        _take_out()
        sys.modules.update(others)


def _take_out() -> dict[str, types.ModuleType]:
    """Remove skops from the modules of this process and return it."""
    names = [name for name in sys.modules if name.partition(".")[0] == "skops"]
    return {name: sys.modules.pop(name) for name in names}


def _catalogue() -> types.ModuleType:
    stand_in = types.ModuleType(_CATALOGUE)
    vars(stand_in).update(
        {name: [] for name in _EMPTY},
        PRIMITIVE_TYPE_NAMES=["builtins.int", "builtins.float", "builtins.str", "builtins.bool"],
        CONTAINER_TYPE_NAMES=["builtins.list", "builtins.set", "builtins.map", "builtins.tuple"],
    )
    return stand_in


def _compact() -> types.ModuleType:
    """Return a `json` that writes no indentation: with it Python's slow encoder is used, and nobody keeps the text."""
    stand_in = types.ModuleType("json")
    vars(stand_in).update(vars(json), dumps=lambda value, **_more: json.dumps(value))
    return stand_in
