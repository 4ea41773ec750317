"""Each kind of row is loaded where it is asked for, from the file that the type checker reads too."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from store import rows


def test_every_row_is_there_from_the_file_that_the_type_checker_reads() -> None:
    written = ast.parse(Path(rows.__file__).read_text("utf-8"))
    typed = {
        name.name: node.module
        for node in ast.walk(written)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("store.rows.")
        for name in node.names
    }
    assert {name: f"store.rows.{home}" for name, home in rows._HOMES.items()} == typed  # type: ignore[attr-defined]
    assert set(typed) < set(rows.__all__)
    for name in rows.__all__:
        found = getattr(rows, name)
        assert name not in typed or found is getattr(sys.modules[typed[name]], name)


def test_what_is_no_row_is_said_to_be_none() -> None:
    with pytest.raises(AttributeError, match=r"'store\.rows' has no attribute 'Frobnicate'"):
        _ = rows.Frobnicate  # type: ignore[attr-defined]


def test_one_row_is_loaded_without_the_files_of_others() -> None:
    code = "import sys; from store.rows import Job; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert sorted(name for name in ran.stdout.split() if name.startswith("store.rows.")) == [
        "store.rows.frozen",
        "store.rows.work",
    ]
