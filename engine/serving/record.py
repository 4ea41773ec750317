"""Log lines: one for each request that was answered or refused. Contract 2 of the prediction log.

Fields: prediction_id, request_id, client_id, row, endpoint, model, version, deployment, host, kind, received_at and
event_at (microseconds UTC), latency_us (until the answer was known), status, features, outputs, key_id; a refused or
failed request has row -1, no features or outputs, and `error`.

Several rows are one line: `rows` says how many, features and outputs are lists of so many, and event_at is one too, or
null for all. prediction_id and row are left out, since they follow from request_id and place. `unpacked` gives what
contract 1 had: a line for each row. Features that are logged as they came are not written anew but copied.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from engine.serving.request_ids import CLIENT_HEADER, HEADER, KIND_HEADER, KINDS, is_request_id, new_request_id
from engine.serving.tokens import LogKey

_ID, _CLIENT, _KIND = HEADER.encode(), CLIENT_HEADER.encode(), KIND_HEADER.encode()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BREAKS = (b"\n", b"\r", b"\t")


class Arrival(NamedTuple):
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


def unpacked(line: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a log line as lines of one row each.

    Raises:
        ValueError: it is of several rows, and its lists are not of so many.
    """
    if "rows" not in line:
        return [line]
    count = line["rows"]
    alike = {name: value for name, value in line.items() if name not in ("rows", "event_at", "features", "outputs")}
    lists: list[Any] = [line.get(name) for name in ("features", "outputs", "event_at")]
    if lists[2] is None:
        lists[2] = [None] * len(lists[1] or ())
    if not all(isinstance(one, list) and len(one) == count for one in lists):
        raise ValueError("a line of several rows does not hold as many as it says")
    return [
        {
            "prediction_id": f"{line.get('request_id')}-{row}",
            "row": row,
            **alike,
            "event_at": at,
            "features": asked,
            "outputs": said,
        }
        for row, (asked, said, at) in enumerate(zip(*lists, strict=True))
    ]


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

    def rows(
        self,
        arrival: Arrival,
        rows: Sequence[Mapping[str, Any]],
        outputs: Sequence[Mapping[str, Any]],
        written: bytes = b"",
    ) -> bytes:
        """Return the line of answered rows; `written` is the JSON list of them that was parsed, if there is one."""
        head = {"request_id": arrival.request_id, "client_id": arrival.client_id}
        tail = {
            **self._fixed,
            "kind": arrival.kind,
            "received_at": arrival.received_at,
            "latency_us": (time.monotonic_ns() - arrival.begun_ns) // 1000,
            "status": 200,
            "key_id": self._key_id,
        }
        hidden = [self._key.hide(row, self._personal) for row in rows] if self._key and self._personal else rows
        line: dict[str, Any]
        if len(rows) == 1:
            line = {
                "prediction_id": f"{arrival.request_id}-0",
                "row": 0,
                **head,
                **tail,
                "event_at": self._event_at(rows[0]),
                "features": hidden[0],
                "outputs": outputs[0],
            }
            return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        event_at = list(map(self._event_at, rows)) if self._time_column else None
        features: Any = hidden
        # where a time column is, a row may hold what was not checked
        if hidden is rows and not self._time_column and _is_compact(written):
            features = orjson.Fragment(written)
        line = {"rows": len(rows), **head, **tail, "event_at": event_at, "features": features, "outputs": outputs}
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

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


def _is_compact(written: bytes) -> bool:
    """Say whether JSON is one line, of which spaces are the lesser part."""
    return bool(written) and not any(sign in written for sign in _BREAKS) and 3 * written.count(b" ") <= len(written)
