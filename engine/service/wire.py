"""How requests, answers and errors travel: JSON with the product's version, the same over the socket and in process."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from engine.operations.operation import Operation, from_body, read_columns, rows_from_body, rows_from_columns
from engine.product import VERSION
from engine.service.contract import WIRE, contract
from store.errors import Busy, ModeldeckError, Refused, Unavailable, from_wire
from store.json_rows import columns
from store.rows import Rows, to_json

SCHEMA = WIRE
PRODUCT_HEADER = "X-Modeldeck-Product"
CONTRACT_HEADER = "X-Modeldeck-Contract"
VIA_HEADER = "X-Modeldeck-Via"
READ_ONLY_HEADER = "X-Modeldeck-Read-Only"  # any value: the session asks to be refused every change
COLUMNS_HEADER = "X-Modeldeck-Columns"  # any value: many rows may be answered by their columns
TOO_MANY = 429
RESTART = "modeldeck daemon restart"
RETRY_LEAST_S = 0.05
MOST_DEPTH = 64  # of a request's JSON: rows of a model are two or three deep


class Malformed(Refused):
    """What was sent is no request: not JSON, too deep, or a field that does not fit."""


class TooLarge(Refused):
    """The request is larger than its operation takes."""


def request_of(operation: Operation, body: dict[str, Any]) -> Any:
    """Build the typed request.

    Raises:
        Malformed: a field is unknown, missing or of the wrong type.
    """
    try:
        return from_body(operation.request, body)
    except (TypeError, ValueError, OverflowError) as error:
        words = " ".join(operation.words)
        raise Malformed(
            f"{operation.id}: {_plain(str(error))}", f"see: modeldeck {words} --help" if words else "correct it"
        ) from None


def parse_request(payload: bytes) -> dict[str, Any]:
    """Read a request's JSON object, and let nothing in that no registry can hold.

    Raises:
        Malformed: it is no JSON object in UTF-8, too deep, or holds a NUL, half a character or a number out of range.
    """
    try:
        body = json.loads(payload.decode() or "{}", parse_constant=_refuse_constant, parse_float=_finite)
        _refuse_deep(body)
        if b"\\u" in payload:
            _refuse_unwritable(json.dumps(body, ensure_ascii=False))
    except RecursionError:
        raise Malformed("the request is nested too deeply", "send an object of fields") from None
    except ValueError as error:
        raise Malformed(f"the request is not JSON: {error}", "send an object of fields") from None
    if not isinstance(body, dict):
        raise Malformed("the request is not a JSON object", "send an object of fields")
    return body


def _refuse_deep(body: Any) -> None:
    level = [body]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise RecursionError


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _refuse_unwritable(text: str) -> None:
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("it holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None


def request_bytes(operation: Operation, body: dict[str, Any]) -> bytes:
    """Write a request.

    Raises:
        TooLarge: it is larger than the operation takes, which is told before anything is sent.
    """
    payload = json.dumps(body).encode()
    refuse_larger(operation, len(payload))
    return payload


def refuse_larger(operation: Operation, size: int) -> None:
    """Refuse what is larger than the operation takes.

    Raises:
        TooLarge: it is.
    """
    if size > operation.most_bytes:
        most = operation.most_bytes
        shown = f"{most // 1024**2} MB" if most >= 1024**2 else f"{most // 1024} KB"
        raise TooLarge(f"the request to {operation.id} is larger than {shown}", "send it in parts")


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


def answer_bytes(answer: Any, *, by_columns: bool = False) -> bytes:
    """Write an answer; many rows by their columns, a third of the bytes, where the other side takes them."""
    found = columns(answer) if by_columns and isinstance(answer, list | tuple | Rows) else None
    said = {**_spoken(), "columns": found} if found else {**_spoken(), "answer": to_json(answer)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def error_bytes(error: ModeldeckError) -> bytes:
    """Write an error with everything its exit code and its line need."""
    said: dict[str, Any] = {"code": error.code, "message": error.message, "hint": error.hint}
    said["exit_code"] = error.exit_code
    if isinstance(error, Busy):
        said["retry_after_s"] = error.retry_after_s
    return json.dumps({**_spoken(), "error": said}, ensure_ascii=False).encode()


def handshake() -> dict[str, str]:
    """Return the headers by which a daemon sees whether the two speak alike."""
    return {PRODUCT_HEADER: VERSION, CONTRACT_HEADER: contract(), COLUMNS_HEADER: "1"}


def refuse_other(product: str | None, theirs: str | None) -> None:
    """Refuse a face of another version; one that says none, such as curl, is taken at its word.

    Raises:
        Unavailable: it is another version, or of another contract.
    """
    if product is None or (product, theirs) == (VERSION, contract()):
        return
    daemon, face = _told(VERSION, contract(), product), _told(product[:20], theirs, VERSION)
    raise Unavailable(f"daemon runs {daemon}, this is {face}", RESTART)


def _spoken() -> dict[str, Any]:
    return {"product": VERSION, "schema": SCHEMA, "contract": contract()}


def read_answer(operation: Operation, payload: bytes, *, by_columns: bool = False) -> Any:
    """Read an answer as the operation's typed rows: a tuple where there are many, or `Rows` if asked for `by_columns`.

    Raises:
        ModeldeckError: the one the daemon sent.
        Unavailable: the daemon is another version, or speaks nonsense.
    """
    try:
        said = json.loads(payload)
        said["product"]
    except (ValueError, KeyError, TypeError):
        raise Unavailable("the daemon's answer cannot be read", "restart it: modeldeck daemon restart") from None
    refuse_daemon(said)  # before its error is read: of another version, that may be about anything
    if "error" in said:
        error = said["error"]
        raise from_wire(error["code"], error["message"], error["hint"])
    if "columns" in said:
        return (read_columns if by_columns else rows_from_columns)(operation.answer, said["columns"])
    return typed(operation, said["answer"])


def retry_after_s(payload: bytes) -> float | None:
    """Return how long to wait before the same request is sent again; None where the error says nothing of it."""
    try:
        error = json.loads(payload).get("error") or {}
        return float(error["retry_after_s"]) if error.get("code") == Busy.code else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def typed(operation: Operation, answer: Any) -> Any:
    """Build the operation's answer from JSON values."""
    if operation.many:
        return rows_from_body(operation.answer, answer)
    return from_body(operation.answer, answer) if dataclasses.is_dataclass(operation.answer) else answer


def refuse_daemon(said: dict[str, Any]) -> None:
    """Refuse a daemon that speaks otherwise than this face.

    Raises:
        Unavailable: it is another version, or of another contract.
    """
    product, theirs = str(said["product"]), said.get("contract")
    if (product, theirs) != (VERSION, contract()):
        daemon, face = _told(product, theirs, VERSION), _told(VERSION, contract(), product)
        raise Unavailable(f"daemon runs {daemon}, this is {face}", RESTART)


def _told(product: str, theirs: str | None, other: str) -> str:
    """Name a version; one of the same number is told apart by its contract."""
    if product != other:
        return product
    return f"{product} (contract {theirs[:12] if theirs else 'unknown'})"
