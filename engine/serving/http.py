"""Requests and answers of a model server: plain values, and the bytes an answer is sent as."""

from __future__ import annotations

import http
import zlib
from typing import Any, Protocol

import orjson

from engine.serving.contract import MAX_BODY, InputError
from engine.serving.incoming import TOO_LARGE

JSON = b"application/json"
TEXT = b"text/plain; version=0.0.4; charset=utf-8"
BYTES = b"application/octet-stream"
HTML = b"text/html; charset=utf-8"
RETRY = b"retry-after: %d\r\n"

_STATUS = {status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in http.HTTPStatus}
_INFLATED = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}  # the window and wrapping that zlib is to expect


class Request:
    """A whole request. `path` is decoded and without its query, names of headers are in lower case.

    `body` is None where it was larger than MAX_BODY, and was dropped.
    """

    __slots__ = ("body", "headers", "method", "path")

    def __init__(self, method: bytes, path: str, headers: dict[bytes, bytes], body: bytes | None) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


class Answer:
    """A whole answer; `head` is further header lines, each with its end."""

    __slots__ = ("body", "head", "kind", "status")

    def __init__(self, status: int, body: bytes, kind: bytes = JSON, head: bytes = b"") -> None:
        self.status = status
        self.body = body
        self.kind = kind
        self.head = head

    def wire(self, *, keep_alive: bool, is_head: bool = False) -> bytes:
        """Return the bytes to send; to HEAD it is all but the body."""
        return b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b%b" % (
            _STATUS[self.status],
            self.kind,
            len(self.body),
            self.head,
            b"\r\n" if keep_alive else b"connection: close\r\n\r\n",
            b"" if is_head else self.body,
        )


class Client(Protocol):
    """Who asked."""

    def reply(self, answer: Answer) -> None:
        """Send the answer to its request, once."""
        ...

    def is_gone(self) -> bool:
        """Say whether nobody would read an answer."""
        ...


def failure(status: int, code: str, message: str, head: bytes = b"") -> Answer:
    """Return a typed error."""
    return Answer(status, orjson.dumps({"error": {"code": code, "message": message}}), JSON, head)


def too_large() -> InputError:
    """Return the refusal of a body larger than MAX_BODY."""
    return InputError(TOO_LARGE, status=413)


def plain_body(request: Request) -> bytes:
    """Return the body, inflated where its Content-Encoding says so.

    Raises:
        InputError: 400 where it cannot be inflated, 413 where it is larger than MAX_BODY, 415 for another coding.
    """
    if request.body is None:
        raise too_large()
    coding = request.headers.get(b"content-encoding")
    if coding is None or coding == b"identity":
        return request.body
    window = _INFLATED.get(coding.strip().lower())
    if window is None:
        named = coding.decode("latin-1")[:40]
        raise InputError(
            f"the body is encoded as {named!r}, taken are gzip and deflate", status=415, code="unsupported_encoding"
        )
    inflating = zlib.decompressobj(window)
    try:
        body = inflating.decompress(request.body, MAX_BODY + 1)
    except zlib.error as error:
        raise InputError(f"the body is not what its Content-Encoding says: {error}", status=400) from None
    if len(body) > MAX_BODY:
        raise too_large()
    if not inflating.eof:
        raise InputError("the body ends before what its Content-Encoding says is whole", status=400)
    return body


def read_json(body: Any) -> Any:
    """Parse a JSON body.

    Raises:
        InputError: 400 where it is none.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the body is not JSON: {error}", status=400, code="not_json") from error
