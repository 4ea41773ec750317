"""Log lines: one per predicted row, one per refused request. Contract 1 of the prediction log.

Fields: prediction_id, request_id, client_id, row, endpoint, model, version, deployment, host, kind, received_at and
event_at (microseconds UTC), latency_us (until the answer was known), status, features, outputs, key_id; a refused or
failed request has row -1, no features or outputs, and `error`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from engine.serving.request_ids import CLIENT_HEADER, HEADER, KIND_HEADER, KINDS, is_request_id, new_request_id
from engine.serving.tokens import LogKey

_ID, _CLIENT, _KIND = HEADER.encode(), CLIENT_HEADER.encode(), KIND_HEADER.encode()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it came: ids, kind, wall time in microseconds, and the monotonic start in nanoseconds."""

    request_id: str
    client_id: str | None
    kind: str
    received_at: int
    begun_ns: int


def arrival_of(headers: Mapping[bytes, bytes]) -> Arrival:
    """Return the arrival of a request that came just now, by its headers (names in lower case)."""
    told = headers.get(_ID)
    request_id = "" if told is None else told.decode("latin-1")
    if not is_request_id(request_id):
        request_id = new_request_id()
    client = headers.get(_CLIENT)
    kind = headers.get(_KIND, b"direct").decode("latin-1")
    return Arrival(
        request_id,
        None if client is None else client.decode("latin-1")[:200],
        kind if kind in KINDS else "direct",
        time.time_ns() // 1000,
        time.monotonic_ns(),
    )


class Recorder:
    """Writes the log lines of one server."""

    def __init__(
        self, manifest: Mapping[str, Any], deployment: str, host: str, key: LogKey | None, endpoint: str
    ) -> None:
        self._fixed = {
            "endpoint": endpoint,
            "model": manifest["model"],
            "version": manifest["version"],
            "deployment": deployment,
            "host": host,
        }
        tokenise = manifest["log"]["personal"] == "token"
        self._personal = frozenset(manifest["personal"]) if tokenise else frozenset()
        if self._personal and key is None:
            raise ValueError("personal columns are logged as tokens, which needs a key file")
        self._key = key
        self._key_id = key.id if key and self._personal else None
        self._time_column = manifest.get("time_column")
        self._zone = ZoneInfo(manifest.get("time_zone") or "UTC")

    def rows(self, arrival: Arrival, rows: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]) -> bytes:
        """Return the lines of answered rows."""
        latency_us = (time.monotonic_ns() - arrival.begun_ns) // 1000
        lines: list[bytes] = []
        for number, (row, output) in enumerate(zip(rows, outputs, strict=True)):
            features = self._key.hide(row, self._personal) if self._key and self._personal else row
            line = {
                "prediction_id": f"{arrival.request_id}-{number}",
                "request_id": arrival.request_id,
                "client_id": arrival.client_id,
                "row": number,
                **self._fixed,
                "kind": arrival.kind,
                "received_at": arrival.received_at,
                "event_at": self._event_at(row),
                "latency_us": latency_us,
                "status": 200,
                "features": features,
                "outputs": output,
                "key_id": self._key_id,
            }
            lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        return b"".join(lines)

    def refusal(self, arrival: Arrival, status: int, error: str) -> bytes:
        """Return the line of a request that was not answered with predictions."""
        line = {
            "prediction_id": f"{arrival.request_id}--1",
            "request_id": arrival.request_id,
            "client_id": arrival.client_id,
            "row": -1,
            **self._fixed,
            "kind": arrival.kind,
            "received_at": arrival.received_at,
            "event_at": None,
            "latency_us": (time.monotonic_ns() - arrival.begun_ns) // 1000,
            "status": status,
            "features": None,
            "outputs": None,
            "key_id": None,
            "error": error,
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    def _event_at(self, row: Mapping[str, Any]) -> int | None:
        told = row.get(self._time_column) if self._time_column else None
        if type(told) is not str:
            return None
        try:
            moment = datetime.fromisoformat(told)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        return (moment - _EPOCH) // _MICROSECOND
