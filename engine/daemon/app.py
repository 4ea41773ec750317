"""The service over the socket: one route per purpose, the caller from the kernel, errors with their exit code."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.access import Caller, Role
from engine.daemon.listening import peer_of
from engine.deck import Deck
from engine.product import VERSION
from engine.service import wire
from engine.service.call import ServiceContext, call
from engine.service.identity import caller_of, login_via
from engine.service.refusals import RefusalLog
from store import settings
from store.errors import (
    ModeldeckError,
    NotAllowed,
    Refused,
    Unavailable,
    UnknownName,
    WorkFailed,
)

log = logging.getLogger("modeldeck")

MOST_BYTES = 64 * 1024 * 1024
STATUS: dict[type[ModeldeckError], int] = {NotAllowed: 403, UnknownName: 404, Refused: 409, Unavailable: 503}


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes need of the daemon."""

    deck: Deck
    owner: int
    started_at: int
    wake: Callable[[], None]
    stop: Callable[[bool], None]  # with the servers too?
    refusals: RefusalLog


def make_app(service: Service) -> Starlette:
    """Return the application."""

    async def operation(request: Request) -> Response:
        try:
            body = await _body(request)
        except ModeldeckError as error:
            return _failure(error)
        return await run_in_threadpool(_answer, service, request, body)

    async def described(_request: Request) -> Response:
        from engine.service.openapi import openapi

        return JSONResponse(openapi())

    async def health(_request: Request) -> Response:
        said = {"product": VERSION, "schema": wire.SCHEMA, "pid": os.getpid(), "started_at": service.started_at}
        return JSONResponse(said)

    async def stop(request: Request) -> Response:
        try:
            body = await _body(request)
            _only_owner(service, request)
        except ModeldeckError as error:
            return _failure(error)
        service.stop(body.get("all") is True)
        return JSONResponse({"stopping": True})

    return Starlette(
        routes=[
            Route("/v1/op/{operation_id}", operation, methods=["POST"]),
            Route("/v1/openapi.json", described),
            Route("/v1/health", health),
            Route("/v1/stop", stop, methods=["POST"]),
        ]
    )


def _answer(service: Service, request: Request, body: dict[str, Any]) -> Response:
    """Run one operation; the edge at which everything it raises becomes one line."""
    operation_id = request.path_params["operation_id"]
    try:
        theirs = request.headers.get(wire.PRODUCT_HEADER)
        if theirs is not None and theirs != VERSION:
            raise Unavailable(f"daemon runs {VERSION}, this is {theirs}", "modeldeck daemon restart")
        caller = _caller(service, request)
        context = ServiceContext(service.deck, caller, "socket", service.wake, service.refusals)
        return Response(wire.answer_bytes(call(context, operation_id, body)), media_type="application/json")
    except ModeldeckError as error:
        return _failure(error)
    except Exception as error:
        log.exception("%s failed", operation_id)
        said = f"{operation_id} failed in the daemon: {type(error).__name__}: {error}"
        return _failure(WorkFailed(said, "its log has the whole story: .modeldeck/logs/daemon.log"))


def _caller(service: Service, request: Request) -> Caller:
    uid, pid = peer_of(request.scope["client"])
    via = _via(request.headers.get(wire.VIA_HEADER)) or login_via(uid, pid)
    access: dict[str, tuple[str, ...]] = {}
    if uid != service.owner:
        current = settings.current(service.deck.database)
        access = {role: tuple(names) for role, names in current.body["access"].items()} if current else {}
    return caller_of(uid, service.owner, access, via)


def _via(said: str | None) -> str | None:
    """Take a caller's word on how it came: it is record, never authority, and short."""
    return said if said and said.startswith("sudo:") and len(said) < 100 and said.isprintable() else None


def _only_owner(service: Service, request: Request) -> None:
    if _caller(service, request).role < Role.ADMIN:
        raise NotAllowed("only an admin stops the daemon", "ask the deck's owner")


async def _body(request: Request) -> dict[str, Any]:
    payload = bytearray()
    async for chunk in request.stream():
        payload += chunk
        if len(payload) > MOST_BYTES:
            raise Refused(f"the request is larger than {MOST_BYTES // 1024**2} MB", "send it in parts")
    try:
        body = json.loads(payload or b"{}")
    except ValueError as error:
        raise Refused(f"the request is not JSON: {error}", "send an object of fields") from None
    if not isinstance(body, dict):
        raise Refused("the request is not a JSON object", "send an object of fields")
    return body


def _failure(error: ModeldeckError) -> Response:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    return Response(wire.error_bytes(error), status_code=status, media_type="application/json")
