"""One short hash of everything a face and a daemon say to each other, so that two of a version that differ notice.

Product versions are cut now and then; a checkout changes between them. The hash is over the files that say it, which
takes a millisecond: loading them all to look at every field took a short command a fifth of its time.
"""

from __future__ import annotations

import functools
import os
import zlib
from collections.abc import Iterator

WIRE = 1  # the form of request, answer and error around what they carry
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# what is asked and answered, every kind of row in it, and the registry's schema
FOLDERS = ("engine/operations", "store/rows")
FILES = ("engine/access.py", "engine/plans.py", "store/schema.sql")
MIGRATIONS = "store/migrations/versions"  # their names: one that changes rows alone leaves the schema's script as it is


@functools.cache
def contract() -> str:
    """Return the hash over every operation, every field of what they take and give, and the registry's schema."""
    summed = zlib.crc32(" ".join(_python(MIGRATIONS)).encode())
    for name in sources():
        with open(os.path.join(ROOT, name), "rb") as file:
            told = file.read().replace(b"\r\n", b"\n")
        summed = zlib.crc32(told, zlib.crc32(f"{name} {len(told)}\n".encode(), summed))
    return f"{WIRE}.{summed:08x}"


def sources() -> Iterator[str]:
    """Yield the files that say it, from the root of the packages, in one order everywhere."""
    for folder in FOLDERS:
        yield from (f"{folder}/{name}" for name in _python(folder))
    yield from FILES


def _python(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(os.path.join(ROOT, folder)) if name.endswith(".py"))
