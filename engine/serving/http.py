"""The few pieces of HTTP that a raw ASGI server needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from engine.serving.contract import DROPPED_BODY, MAX_BODY, InputError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"


class Gone(Exception):
    """The client went away before its request was whole."""


async def read_body(receive: Receive) -> bytes:
    """Return the request's body.

    One that is too large is read to its end and dropped, so that the client gets to see why; an absurd one is not.

    Raises:
        InputError: 413 where it is larger than MAX_BODY.
        Gone: the client went away.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > MAX_BODY:
            raise too_large()
        return body
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        elif size > DROPPED_BODY:
            raise too_large()
        else:
            parts.clear()
        if not message.get("more_body", False):
            if size > MAX_BODY:
                raise too_large()
            return b"".join(parts)
        message = await receive()
    raise Gone


def too_large() -> InputError:
    """Return the refusal of a body larger than MAX_BODY."""
    return InputError(f"the body is larger than {MAX_BODY} bytes, send fewer rows at once", status=413)


def read_json(body: bytes) -> Any:
    """Parse a JSON body.

    Raises:
        InputError: 400 where it is none.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the body is not JSON: {error}", status=400, code="not_json") from error


async def answer(
    send: Send, status: int, body: bytes, kind: bytes = JSON, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send a whole answer."""
    length = (b"content-length", str(len(body)).encode())
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), length, *headers]}
    )
    await send({"type": "http.response.body", "body": body})
