"""Leaves out of installed distributions what a server never opens: tests, sources for compilers, symbol tables."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

FORM = 2  # counts changes of what is left out

_FOLDERS = {"tests", "test", "__pycache__"}
_FILES = (".pyi", ".pyx", ".pxd", ".pxi", ".h", ".hpp", ".c", ".cpp", ".a", ".tp", ".f90", ".build")
_SCRIPTS = "bin"  # they name this machine's interpreter
# modules for the libraries' own tests, outside of their test folders
_MODULES = ("numpy/_core/_simd.", "numpy/_core/_rational_tests.", "numpy/_core/_struct_ufunc_tests.")

_ELF64_LITTLE = b"\x7fELF\x02\x01"
_HEADER = 64
_DYNAMIC = 3  # a shared library
_SEGMENT = "<IIQQQQ"  # type, flags, offset, virtual and physical address, size in the file


def trim(installed: Path) -> None:
    """Remove from a folder of distributions what serving never opens; equal input leaves equal bytes."""
    shutil.rmtree(installed / _SCRIPTS, ignore_errors=True)
    for place, folders, names in os.walk(installed):
        for folder in _FOLDERS.intersection(folders):
            shutil.rmtree(Path(place, folder))
            folders.remove(folder)
        for name in names:
            path = Path(place, name)
            own = path.relative_to(installed).as_posix()
            record = place.endswith(".dist-info") and name in ("RECORD", "direct_url.json")
            if record or name.endswith(_FILES) or own.startswith(_MODULES):
                path.unlink()
            elif name.endswith(".so") or ".so." in name:
                strip_symbols(path)


def strip_symbols(path: Path) -> int:
    """Cut off what follows the last segment of a shared library: symbol tables and debug information; returns bytes.

    The loader maps segments, by the program header (ELF-64 specification, chapter 2), and asks for nothing behind
    them; section headers, which lie there too, are for linkers and debuggers. What callers link to is in a segment.
    """
    content = path.read_bytes()
    if len(content) < _HEADER or not content.startswith(_ELF64_LITTLE):
        return 0
    if struct.unpack_from("<H", content, 16)[0] != _DYNAMIC:
        return 0
    first = int(struct.unpack_from("<Q", content, 32)[0])
    size, count = (int(each) for each in struct.unpack_from("<HH", content, 54))
    end = first + size * count
    for number in range(count):
        _, _, offset, _, _, length = struct.unpack_from(_SEGMENT, content, first + number * size)
        end = max(end, int(offset) + int(length))
    if end >= len(content):
        return 0
    bare = bytearray(content[:end])
    struct.pack_into("<Q", bare, 40, 0)  # where section headers begin
    struct.pack_into("<HHH", bare, 58, 0, 0, 0)  # their size, their count, the one of their names
    path.write_bytes(bare)
    return len(content) - end
