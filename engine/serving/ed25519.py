"""Whether an Ed25519 signature holds (RFC 8032, section 5.1.7). Standard library only; it knows no secret.

Servers ask it before they load a model, without 18 MB of a cryptography library in every image. Signing is not here.
"""

from __future__ import annotations

import hashlib

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493  # the order of the base point
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)

_Point = tuple[int, int, int, int]  # extended coordinates: X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z


def holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether `signature` (64 bytes) of `message` was made with the key whose public half is given (32 bytes).

    Stricter than the RFC asks in one thing: a key or commitment of small order is refused, under which a signature of
    one message would be one of others too.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    key, commitment = _decoded(public), _decoded(signature[:32])
    answer = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or answer >= _L or _is_small(key) or _is_small(commitment):
        return False
    asked = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    return _same(_times(answer, _BASE), _sum(commitment, _times(asked, key)))


def is_key(public: bytes) -> bool:
    """Say whether 32 bytes are a public key that a signature could hold under."""
    key = _decoded(public) if len(public) == 32 else None
    return key is not None and not _is_small(key)


def _sum(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _sum(total, point)
        point = _sum(point, point)
        factor >>= 1
    return total


def _same(one: _Point, other: _Point) -> bool:
    x = (one[0] * other[2] - other[0] * one[2]) % _P
    y = (one[1] * other[2] - other[1] * one[2]) % _P
    return x == 0 and y == 0


def _is_small(point: _Point) -> bool:
    return _same(_times(8, point), (0, 1, 1, 0))


def _decoded(packed: bytes) -> _Point | None:
    """Return the point of 32 bytes, None where they are none or not in their one canonical form."""
    y = int.from_bytes(packed, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_FOUND = _decoded((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))
assert _FOUND is not None
_BASE: _Point = _FOUND
