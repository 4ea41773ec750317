"""Until when a request may be answered, as its headers say.

Taken are `grpc-timeout` (digits and one of H M S m u n, hours to nanoseconds: gRPC's own header, which its gateways
for HTTP take too) and `x-envoy-expected-rq-timeout-ms` (whole milliseconds, which Envoy sends along). The earlier one
counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from engine.serving.contract import InputError

GRPC, ENVOY = b"grpc-timeout", b"x-envoy-expected-rq-timeout-ms"
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def patience_s(headers: Mapping[bytes, bytes]) -> float:
    """Return for how many seconds from now an answer is of use; infinite where nothing is said.

    Raises:
        InputError: 400 where a header is not of its form.
    """
    found = inf
    told = headers.get(GRPC)
    if told is not None:
        unit = _UNITS.get(told[-1:])
        if unit is None or not told[:-1].isdigit() or len(told) > 9:
            raise InputError("grpc-timeout must be 1 to 8 digits and a unit of H, M, S, m, u or n", status=400)
        found = int(told[:-1]) * unit
    told = headers.get(ENVOY)
    if told is not None:
        if not told.isdigit() or len(told) > 12:
            raise InputError("x-envoy-expected-rq-timeout-ms must be whole milliseconds", status=400)
        if int(told):  # to Envoy 0 is no timeout
            found = min(found, int(told) / 1e3)
    return found
