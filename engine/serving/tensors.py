"""The binary form of the V2 protocol's tensors: little-endian values one after another, BYTES each behind its length.

A NaN is null. BOOL is one byte, 0 or 1. BYTES is text in UTF-8 behind four bytes of length. BF16 is the upper half of
an FP32.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from engine.serving.contract import InputError

_FORMS = {
    "FP64": "<f8", "FP32": "<f4", "FP16": "<f2", "BF16": "<u2", "BOOL": "|u1",
    "INT64": "<i8", "INT32": "<i4", "INT16": "<i2", "INT8": "|i1",
    "UINT64": "<u8", "UINT32": "<u4", "UINT16": "<u2", "UINT8": "|u1",
}  # fmt: skip
_LENGTH = struct.Struct("<I")


def decode(data: memoryview, datatype: str, count: int, name: str) -> list[Any]:
    """Return the `count` values of an input, null where a number is NaN.

    Raises:
        InputError: 400 where the bytes are not what count and datatype say, 422 for an infinite number.
    """
    if datatype == "BYTES":
        return _texts(data, count, name)
    import numpy as np

    form = np.dtype(_FORMS[datatype])
    if len(data) != count * form.itemsize:
        raise InputError(
            f"input {name!r} has {len(data)} bytes of binary data, {count} of {datatype} are {count * form.itemsize}",
            column=name,
            status=400,
        )
    values = np.frombuffer(data, dtype=form)
    if datatype == "BF16":
        values = (values.astype("<u4") << 16).view("<f4")
    if datatype == "BOOL":
        if (values > 1).any():
            row = int(np.argmax(values > 1))
            raise InputError(f"row {row}: input {name!r} is neither 0 nor 1", row=row, column=name, status=400)
        return [value == 1 for value in values.tolist()]
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        if np.isinf(values).any():
            row = int(np.argmax(np.isinf(values)))
            raise InputError(f"row {row}: input {name!r} is infinite, it must be a finite number", row=row, column=name)
        listed = [value if value == value else None for value in listed]  # noqa: PLR0124
    return listed


def _texts(data: memoryview, count: int, name: str) -> list[str]:
    found: list[str] = []
    start = 0
    for row in range(count):
        end = start + 4
        if end <= len(data):
            end += _LENGTH.unpack_from(data, start)[0]
        if end > len(data):
            raise InputError(
                f"row {row}: input {name!r} goes beyond the {len(data)} bytes of its binary data",
                row=row,
                column=name,
                status=400,
            )
        try:
            found.append(str(data[start + 4 : end], "utf-8"))
        except UnicodeDecodeError:
            raise InputError(f"row {row}: input {name!r} is not UTF-8", row=row, column=name, status=400) from None
        start = end
    if start != len(data):
        raise InputError(
            f"input {name!r} has {len(data) - start} bytes after its {count} texts", column=name, status=400
        )
    return found


def encode(values: Sequence[Any], datatype: str) -> bytes:
    """Return the bytes of an output: texts, or numbers without null."""
    if datatype == "BYTES":
        return b"".join(_LENGTH.pack(len(text)) + text for text in (value.encode() for value in values))
    import numpy as np

    return np.array(values, dtype=_FORMS[datatype]).tobytes()
