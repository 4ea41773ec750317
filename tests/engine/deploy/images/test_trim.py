"""What is left out of distributions, and that what stays still works."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import uvloop

from engine.deploy.images.trim import strip_symbols, trim
from engine.deploy.images.wheels import opened


def package(module: object) -> Path:
    """Return the folder of an installed package."""
    return Path(str(module.__file__)).parent


def test_stripped_libraries_load_and_work(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    for source in (package(uvloop), package(np), package(np).with_name("numpy.libs")):
        shutil.copytree(source, installed / source.name)
    before = sum(path.stat().st_size for path in installed.rglob("*.so*"))
    trim(installed)
    assert before - sum(path.stat().st_size for path in installed.rglob("*.so*")) > 5_000_000
    assert not [path for path in installed.rglob("*") if path.name == "tests" or path.suffix in (".pyi", ".h", ".a")]
    code = (
        "import asyncio, numpy, uvloop; uvloop.run(asyncio.sleep(0));"
        "print(numpy.linalg.solve(numpy.eye(3) * 2.0, numpy.ones(3)).sum(), numpy.__file__)"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-S", "-B", "-c", code],
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == f"1.5 {installed}/numpy/__init__.py\n"


def test_stripping_twice_is_stripping_once(tmp_path: Path) -> None:
    source = next(package(uvloop).glob("loop.*.so"))
    one = Path(shutil.copy(source, tmp_path / "one.so"))
    removed = strip_symbols(one)
    content = one.read_bytes()
    assert (len(content), strip_symbols(one), one.read_bytes()) == (source.stat().st_size - removed, 0, content)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"not a library" * 20, b"\x7fELF\x01\x01" + b"\0" * 100])
def test_what_is_no_library_of_this_kind_is_left_alone(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.so"
    other.write_bytes(content)
    assert strip_symbols(other) == 0
    assert other.read_bytes() == content


def wheel(folder: Path, name: str, *asks: str) -> Path:
    """Write a wheel of metadata alone."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    told = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {one}\n" for one in asks)
    with zipfile.ZipFile(path, "w") as content:
        content.writestr(f"{name}-1.0.dist-info/METADATA", told)
    return path


def test_what_only_model_cards_need_stays_out_unless_something_else_asks_for_it(tmp_path: Path) -> None:
    skops = wheel(tmp_path, "skops", "prettytable>=3.9", "scikit-learn>=1.2", 'rich; extra == "rich"')
    learn = wheel(tmp_path, "scikit_learn", "numpy>=1.24")
    numpy, table, width = (
        wheel(tmp_path, "numpy"),
        wheel(tmp_path, "prettytable", "wcwidth"),
        wheel(tmp_path, "wcwidth"),
    )
    rich, own = wheel(tmp_path, "rich"), wheel(tmp_path, "hotel_words", "wcwidth (>=0.2)")
    every = [skops, learn, numpy, table, width, rich, own]
    assert opened(every, ["skops"]) == [skops, learn, numpy]
    assert opened(every, ["skops", "hotel-words"]) == [skops, learn, numpy, width, own]
    assert opened(every, ["skops", "prettytable"]) == [skops, learn, numpy, table, width]
