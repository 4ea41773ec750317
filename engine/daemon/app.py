"""The service over the socket: one route per purpose, the caller from the kernel, errors with their exit code."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.access import Caller, Role
from engine.daemon.listening import peer_of
from engine.deck import Deck
from engine.operations.operation import REQUEST_BYTES, Danger, Operation
from engine.product import VERSION
from engine.service import wire
from engine.service.call import call, operation_named
from engine.service.context import ServiceContext
from engine.service.contract import contract
from engine.service.identity import caller_of, login_via, user_name
from engine.service.limits import CHANGES, READS, Limiter
from engine.service.refusals import Refusal, RefusalLog
from store import jobs, schedules, settings
from store.database import SCHEMA
from store.errors import (
    BadBundle,
    Busy,
    GateFailed,
    Held,
    ModeldeckError,
    NotAllowed,
    Refused,
    Unavailable,
    UnknownName,
    WorkFailed,
)

if TYPE_CHECKING:
    from engine.deploy.deeds import Deed

log = logging.getLogger("modeldeck")

STATUS: dict[type[ModeldeckError], int] = {
    wire.Malformed: 400,
    NotAllowed: 403,
    UnknownName: 404,
    wire.TooLarge: 413,
    GateFailed: 422,
    BadBundle: 422,
    Busy: 429,
    Held: 409,
    Refused: 409,
    Unavailable: 503,
}
JSON_TYPE = "application/json"

Answering = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes need of the daemon."""

    deck: Deck
    owner: int
    started_at: int
    wake: Callable[[], None]
    stop: Callable[[bool], None]  # with the servers too?
    refusals: RefusalLog
    shared: Callable[[], str] = lambda: ""  # where operators reach it, or why they cannot
    limiter: Limiter | None = field(default=None)
    last_deed: Callable[[], Deed | None] = lambda: None  # of the reconciler
    since: float = field(default_factory=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))


def make_app(service: Service) -> Starlette:
    """Return the application."""
    contract()  # of the files as they lie here now: an upgrade may change them below a daemon that runs
    limiter = service.limiter or Limiter(service.deck.clock.boottime)

    async def operation(request: Request) -> Response:
        asked = operation_named(request.path_params["operation_id"])
        await _admit(service, limiter, request, asked)
        _want_json(request)
        body = await _body(request, asked.most_bytes, lambda size: wire.refuse_larger(asked, size))
        with limiter.running(_identity(request)):
            return await run_in_threadpool(_answer, service, request, asked, body)

    async def described(request: Request) -> Response:
        from engine.service.openapi import openapi

        limiter.admit(_identity(request), READS)
        return JSONResponse(openapi())

    async def health(request: Request) -> Response:
        limiter.admit(_identity(request), READS)
        return JSONResponse(await run_in_threadpool(_health, service))

    async def stop(request: Request) -> Response:
        limiter.admit(_identity(request), CHANGES)
        body = await _body(request, REQUEST_BYTES, _refuse_large)
        await run_in_threadpool(_only_admin, service, request)
        service.stop(body.get("all") is True)
        return JSONResponse({"stopping": True})

    return Starlette(
        routes=[
            Route("/v1/op/{operation_id}", _failing_well(operation), methods=["POST"]),
            Route("/v1/openapi.json", _failing_well(described)),
            Route("/v1/health", _failing_well(health)),
            Route("/v1/stop", _failing_well(stop), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _no_such_route},
    )


def _failing_well(answering: Answering) -> Answering:
    """The edge at which everything a route raises becomes one line with its exit code."""

    async def answer(request: Request) -> Response:
        try:
            return await answering(request)
        except ModeldeckError as error:
            return _failure(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as error:
            what = request.path_params.get("operation_id", request.url.path)
            log.exception("%s failed", what)
            said = f"{what} failed in the daemon: {type(error).__name__}: {error}"
            return _failure(WorkFailed(said, "its log has the whole story: .modeldeck/logs/daemon.log"))

    return answer


def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    wrong = f"{request.method} {request.url.path[:100]}"
    what = f"{wrong} is not allowed" if status == 405 else f"there is no {wrong}"
    return _failure(wire.Malformed(what, "POST /v1/op/ID asks, GET /v1/openapi.json tells what"), status)


async def _admit(service: Service, limiter: Limiter, request: Request, asked: Operation) -> None:
    identity = _identity(request)
    try:
        limiter.admit(identity, READS if asked.danger is Danger.READ else CHANGES)
    except Busy:
        await run_in_threadpool(_limited, service, request, asked)
        raise


def _limited(service: Service, request: Request, asked: Operation) -> None:
    name = user_name(peer_of(request.scope["client"])[0])
    service.refusals.add(service.deck, Refusal(f"user:{name}", None, "access.limited", asked.id, "", ""))


def _answer(service: Service, request: Request, asked: Operation, body: dict[str, Any]) -> Response:
    """Run one operation, in a thread of its own."""
    wire.refuse_other(request.headers.get(wire.PRODUCT_HEADER), request.headers.get(wire.CONTRACT_HEADER))
    caller = _caller(service, request, asked.id, asked.role)
    if wire.READ_ONLY_HEADER in request.headers:
        caller = replace(caller, read_only=True)
    context = ServiceContext(service.deck, caller, "socket", service.wake, service.refusals)
    answer = call(context, asked.id, body)
    payload = wire.answer_bytes(answer, by_columns=wire.COLUMNS_HEADER in request.headers)
    return Response(payload, media_type=JSON_TYPE)


def _health(service: Service) -> dict[str, Any]:
    body = settings.applied_body(service.deck.database)
    return {
        "product": VERSION,
        "schema": wire.SCHEMA,
        "contract": contract(),
        "pid": os.getpid(),
        "started_at": service.started_at,
        "deck": body["name"] if body else service.deck.workspace.root.name,
        "time_zone": body.get("time_zone", "UTC"),
        "shared": service.shared(),
        **_work(service),
    }


def _work(service: Service) -> dict[str, Any]:
    """Return what is under way: jobs, the next firing, the reconciler's last deed, the daemon's own size."""
    count = jobs.counts(service.deck.database)
    following = schedules.following(service.deck.database)
    deed = service.last_deed()
    return {
        "registry_schema": SCHEMA,
        "uptime_s": round(time.clock_gettime(time.CLOCK_BOOTTIME) - service.since, 1),
        "jobs_running": count.get("running", 0),
        "jobs_queued": count.get("queued", 0),
        "next_schedule": following.id if following else None,
        "next_schedule_at": following.next_at if following else None,
        "last_action": deed.text if deed else "",
        "last_action_at": deed.at if deed else None,
        "memory_mb": _memory_mb(),
    }


def _memory_mb() -> float:
    """Return the resident size of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1024**2, 1)


def _caller(service: Service, request: Request, action: str, needs: Role) -> Caller:
    uid, pid = peer_of(request.scope["client"])
    via = _via(request.headers.get(wire.VIA_HEADER)) or login_via(uid, pid)
    access: dict[str, tuple[str, ...]] = {}
    if uid != service.owner:
        stated = settings.applied_body(service.deck.database).get("access", {})
        access = {role: tuple(names) for role, names in stated.items()}
    try:
        return caller_of(uid, service.owner, access, via)
    except NotAllowed:
        unknown = Refusal(f"user:{user_name(uid)}", via, "access.refused", action, "none", needs.name.lower())
        service.refusals.add(service.deck, unknown)
        raise


def _identity(request: Request) -> str:
    return f"uid {peer_of(request.scope['client'])[0]}"


def _via(said: str | None) -> str | None:
    """Take a caller's word on how it came: it is record, never authority, and short."""
    return said if said and said.startswith("sudo:") and len(said) < 100 and said.isprintable() else None


def _only_admin(service: Service, request: Request) -> None:
    caller = _caller(service, request, "daemon.stop", Role.ADMIN)
    if caller.role < Role.ADMIN:
        role = caller.role.name.lower()
        refusal = Refusal(caller.actor, caller.via, "access.refused", "daemon.stop", role, "admin")
        service.refusals.add(service.deck, refusal)
        raise NotAllowed("only an admin stops the daemon", "ask the deck's owner")


def _want_json(request: Request) -> None:
    said = request.headers.get("content-type")
    if said is not None and said.partition(";")[0].strip().lower() != JSON_TYPE:
        raise wire.Malformed(f"the request is {said[:60]!r}", f"send Content-Type: {JSON_TYPE}")


async def _body(request: Request, most: int, refuse: Callable[[int], None]) -> dict[str, Any]:
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit():
        refuse(int(said[:18]))
    payload = bytearray()
    async for chunk in request.stream():
        payload += chunk
        if len(payload) > most:
            refuse(len(payload))
    return await run_in_threadpool(wire.parse_request, bytes(payload)) if payload else {}


def _refuse_large(size: int) -> None:
    if size > REQUEST_BYTES:
        raise wire.TooLarge(f"the request is larger than {REQUEST_BYTES // 1024} KB", "send less")


def _failure(error: ModeldeckError, status: int | None = None) -> Response:
    if status is None:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    headers = {"Retry-After": "1"} if isinstance(error, Busy) else None
    return Response(wire.error_bytes(error), status_code=status, media_type=JSON_TYPE, headers=headers)
