"""How requests, answers and errors travel: JSON with the product's version, the same over the socket and in process."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from engine.operations.operation import Operation, from_body
from engine.product import VERSION
from store.errors import ModeldeckError, Refused, Unavailable, from_wire
from store.rows import to_json

SCHEMA = 1  # of the wire: a change that an older face cannot read counts it up
PRODUCT_HEADER = "X-Modeldeck-Product"
VIA_HEADER = "X-Modeldeck-Via"


def request_of(operation: Operation, body: dict[str, Any]) -> Any:
    """Build the typed request.

    Raises:
        Refused: a field is unknown, missing or of the wrong type.
    """
    try:
        return from_body(operation.request, body)
    except TypeError as error:
        raise Refused(
            f"{operation.id}: {_plain(str(error))}", f"see: modeldeck {' '.join(operation.words)} --help"
        ) from None


def _plain(text: str) -> str:
    """Say a constructor's complaint as one about the request."""
    _, found, rest = text.partition("__init__() ")
    return rest if found else text


def body_of(request: Any) -> dict[str, Any]:
    """Turn a request, a dict or None into JSON values."""
    if request is None:
        return {}
    body: dict[str, Any] = to_json(request)
    return body


def answer_bytes(answer: Any) -> bytes:
    """Write an answer."""
    said = {"product": VERSION, "schema": SCHEMA, "answer": to_json(answer)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def error_bytes(error: ModeldeckError) -> bytes:
    """Write an error with everything its exit code and its line need."""
    said = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    return json.dumps({"product": VERSION, "schema": SCHEMA, "error": said}, ensure_ascii=False).encode()


def read_answer(operation: Operation, payload: bytes) -> Any:
    """Read an answer as the operation's typed rows (a tuple where there are many).

    Raises:
        ModeldeckError: the one the daemon sent.
        Unavailable: the daemon is another version, or speaks nonsense.
    """
    try:
        said = json.loads(payload)
        product = said["product"]
    except (ValueError, KeyError, TypeError):
        raise Unavailable("the daemon's answer cannot be read", "restart it: modeldeck daemon restart") from None
    if "error" in said:
        error = said["error"]
        raise from_wire(error["code"], error["message"], error["hint"])
    if product != VERSION or said["schema"] != SCHEMA:
        raise mismatch(product)
    return typed(operation, said["answer"])


def typed(operation: Operation, answer: Any) -> Any:
    """Build the operation's answer from JSON values."""
    if operation.many:
        return tuple(from_body(operation.answer, row) for row in answer)
    return from_body(operation.answer, answer) if dataclasses.is_dataclass(operation.answer) else answer


def mismatch(daemon: str) -> Unavailable:
    """Say that the daemon is another version."""
    return Unavailable(f"daemon runs {daemon}, this is {VERSION}", "modeldeck daemon restart")
