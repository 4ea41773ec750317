"""The few pieces of HTTP that a raw ASGI server needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from engine.serving.contract import MAX_BODY, InputError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"


class Gone(Exception):
    """The client went away before its request was whole."""


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the request's body.

    Raises:
        InputError: 413 where it is larger than MAX_BODY.
        Gone: the client went away.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > MAX_BODY:
            raise _too_large()
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request":
        return body
    parts = [body]
    size = len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise _too_large()
    if message["type"] == "http.disconnect":
        raise Gone
    return b"".join(parts)


def _too_large() -> InputError:
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
