"""What a shared object asks the system for: the names of libraries in its dynamic section. Standard library only.

Tool Interface Standard, Executable and Linking Format, version 1.2 (1995), with the 64-bit sizes of the gABI.
"""

from __future__ import annotations

import struct

_MAGIC, _64_BIT, _LITTLE = b"\x7fELF", 2, 1
_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRINGS, _SONAME = 1, 5, 14


def needed(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return an object's own name ("" where it has none) and the names of those it needs; nothing of other files."""
    if content[:4] != _MAGIC or len(content) < 64 or content[4] != _64_BIT or content[5] != _LITTLE:
        return "", ()
    try:
        return _read(content)
    except (struct.error, IndexError, ValueError):  # cut off, or packed: whoever loads it will tell
        return "", ()


def _read(content: bytes) -> tuple[str, tuple[str, ...]]:
    start, size, count = (
        *struct.unpack_from("<Q", content, 32),
        *struct.unpack_from("<HH", content, 54),
    )
    segments = [struct.unpack_from("<IIQQQQ", content, start + size * place) for place in range(count)]
    loads = [(address, offset, length) for kind, _, offset, address, _, length in segments if kind == _LOAD]
    found: list[tuple[int, int]] = []
    for kind, _, offset, _, _, length in segments:
        if kind == _DYNAMIC:
            found += [struct.unpack_from("<qQ", content, offset + 16 * place) for place in range(length // 16)]
    table = next((value for tag, value in found if tag == _STRINGS), None)
    if table is None:
        return "", ()
    base = next(table - address + offset for address, offset, length in loads if address <= table < address + length)
    own = next((value for tag, value in found if tag == _SONAME), None)
    names = tuple(_text(content, base + value) for tag, value in found if tag == _NEEDED)
    return "" if own is None else _text(content, base + own), names


def _text(content: bytes, at: int) -> str:
    return content[at : content.index(b"\0", at)].decode("ascii")
