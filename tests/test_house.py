"""The rules of the house: files stay small and named for what they do, and light commands load nothing heavy."""

from __future__ import annotations

import ast
import graphlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("console", "engine", "store")
WRITTEN = (*ROOMS, "benchmarks", "examples", "tests")
LONGEST = 400
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "misc"}
HEAVY = [
    "sqlalchemy",
    "sqlmodel",
    "alembic",
    "pydantic",
    "httpx",
    "pandas",
    "numpy",
    "sklearn",
    "textual",
    "uvicorn",
    "starlette",
    "pyarrow",
    "duckdb",
]

LIGHT = ("models", "versions rates", "events", "runs", "experiments", "at 2026-01-01", "alerts", "notifications")

# Runs the command line as its entry point does, then tells on stderr which heavy libraries are loaded.
RUN = f"""
import sys
from console.main import main
code = main(sys.argv[1:])
loaded = {{name.partition(".")[0] for name in sys.modules}}
print("heavy:", *sorted(loaded & set({HEAVY!r})), file=sys.stderr)
sys.exit(code)
"""

MODEL = """
[model]
name = "rates"
task = "regression"
[data]
source = "rates.csv"
target = "price"
"""


def modules(rooms: tuple[str, ...] = ROOMS) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def test_no_file_is_longer_than_it_can_be_read() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in modules(WRITTEN)}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_modules_are_named_for_what_they_do() -> None:
    names = {path for path in modules() if VAGUE & {path.stem, path.parent.name, *re.split("_", path.stem)}}
    assert names == set()


def test_whatever_drives_a_deck_end_to_end_says_so_and_stays_out_of_the_quick_tests() -> None:
    written = {path.name: path.read_text("utf-8") for path in (ROOT / "tests" / "e2e").glob("test_*.py")}
    assert written
    assert [name for name, text in written.items() if "pytest.mark.e2e" not in text] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Neither at the top of a file, nor where a function is called, nor for types alone."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in modules()}
    known = {name.removesuffix(".__init__") for name in paths}
    needed = {name.removesuffix(".__init__"): set(imported(path, known)) & known for name, path in paths.items()}
    try:
        graphlib.TopologicalSorter({name: those - {name} for name, those in needed.items()}).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def imported(path: Path, known: set[str]) -> Iterator[str]:
    """Yield the modules that a file imports: of a package its face only where it is no module of it that is named."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = (f"{node.module}.{one.name}" for one in node.names)
            yield from (name if name in known else node.module for name in inside)


def test_the_entry_point_is_the_one_measured_here() -> None:
    assert 'modeldeck = "console.main:main"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    light(tmp_path, "--help")
    light(tmp_path, "--version")
    light(tmp_path, "help", "promote")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deck with one applied model, and a home of its own; its daemon, if one was started, is stopped."""
    home = tmp_path_factory.mktemp("home")
    root = home / "deck"
    (root / "models").mkdir(parents=True)
    (root / "deck.toml").write_text('name = "deck"\n')
    (root / "models" / "rates.toml").write_text(MODEL)
    said(home, "-w", str(root), "apply")
    yield root
    said(home, "-w", str(root), "daemon", "stop", "--all")


def test_reads_without_a_daemon_load_nothing_heavy(workspace: Path) -> None:
    for line in LIGHT:
        light(workspace.parent, "-w", str(workspace), *line.split(), "--json")
        light(workspace.parent, "-w", str(workspace), *line.split())


@pytest.mark.e2e
def test_reads_through_a_daemon_load_nothing_heavy(workspace: Path) -> None:
    said(workspace.parent, "-w", str(workspace), "daemon", "start")
    for line in (*LIGHT, "daemon status"):
        light(workspace.parent, "-w", str(workspace), *line.split(), "--json")


def light(home: Path, *words: str) -> None:
    ran = said(home, *words)
    assert ran.stderr.splitlines()[-1] == "heavy:", f"{' '.join(words)}: {ran.stderr}"


def said(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELDECK_")}
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *words],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**environment, "HOME": str(home)},
    )
    assert ran.returncode == 0, f"{' '.join(words)}: {ran.stderr}"
    return ran
