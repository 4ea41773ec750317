"""Picks a server for a request, asks it, and asks another when it fails; the request id stays the same."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from engine.deploy.gateway.counts import Counts, exposition
from engine.deploy.gateway.guard import NEEDS_KEY, Guards
from engine.deploy.gateway.table import EndpointRoute, Table, point_of
from engine.deploy.gateway.upstream import Answer, NotAnswered, Upstream
from engine.serving.request_ids import (
    CLIENT_HEADER,
    HEADER,
    KEY_HEADER,
    KIND_HEADER,
    VERSION_HEADER,
    new_request_id,
)

WAIT_S = 2.0  # how long a request waits for a server to come (back)
_RETRY_S = 0.02
_RECHECK_S = 0.1
_ID, _CLIENT, _KEY, _KIND, _VERSION = (
    name.encode() for name in (HEADER, CLIENT_HEADER, KEY_HEADER, KIND_HEADER, VERSION_HEADER)
)
_DROPPED = frozenset(
    b"authorization connection keep-alive proxy-connection te trailer transfer-encoding upgrade content-length host "
    b"expect x-request-id x-modeldeck-request-id x-modeldeck-client-id x-modeldeck-kind x-modeldeck-version".split()
)
_NOT_READY = b"x-modeldeck-not-ready"  # a server's own word that another should be asked
_HEALTH = b"GET /health/ready HTTP/1.1\r\nhost: modeldeck\r\n\r\n"


class Request:
    """A whole request as it came from a client."""

    __slots__ = ("body", "headers", "method", "path")

    def __init__(self, method: bytes, path: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


class Proxy:
    """The router's data path."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.counts: dict[str, Counts] = {}
        self.unanswered: dict[str, int] = {}
        self._guards = Guards(table.guards)
        self._upstreams: dict[str, Upstream] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def answer(self, request: Request) -> Answer:
        """Return the answer to any request; never raises."""
        answer = await self._answer(request)
        if isinstance(answer, Refusal) and request.path.startswith(b"/v2"):
            answer.body = json.dumps({"error": answer.message}).encode()  # the protocol's own form of an error
        return answer

    async def _answer(self, request: Request) -> Answer:
        path, _, query = request.path.partition(b"?")
        name, rest, version = _endpoint(path)
        if name is None:
            return self._own(path, request)
        authorization = _header(request, b"authorization")
        endpoint = self.table.endpoints.get(name)
        if endpoint is None:
            told = "" if self._guards.is_hidden(authorization) else ", ".join(sorted(self.table.endpoints))
            listed = f"; endpoints: {told}" if told else ""
            return error(404, "unknown_endpoint", f"no endpoint {name!r} here{listed}")
        refused = self._guards.refusal(name, authorization, len(request.body), self._under_way(endpoint))
        if refused is not None:
            return error(*refused)
        key = next((value for header, value in request.headers if header == _KEY), None)
        named = next((value for header, value in request.headers if header == _VERSION), None)
        if named is not None:
            version = named.decode("latin-1").strip()
        request_id = new_request_id().encode()
        # Whoever names the version is no part of the traffic that versions are compared by.
        kind = b"live" if named is None else b"direct"
        wire = _wire(request, rest + (b"?" + query if query else b""), request_id, kind)
        if endpoint.shadow is not None and named is None:
            self._shadow(endpoint, request, rest, request_id)
        point = endpoint.next_place() if key is None else point_of(key)
        answer = await self._forward(name, point, version, wire)
        if not any(header == _ID for header, _ in answer.headers):
            answer.headers.append((_ID, request_id))
        return answer

    async def _forward(self, name: str, point: float, version: str | None, wire: bytes) -> Answer:
        """Try servers in order until one answers, for WAIT_S at most."""
        until = time.monotonic() + WAIT_S
        last = "no server has joined"
        while True:
            endpoint = self.table.endpoints.get(name)  # looked up again: a route applied meanwhile counts at once
            order = self.table.order(endpoint, point, version) if endpoint is not None else []
            if version is not None and not order:
                return error(404, "unknown_version", f"{name} does not serve version {version} here")
            if version is not None and not any(self.table.replicas.get(one) for one in order):
                return error(409, "not_running", f"no server of {name} version {version} runs here now")
            for deployment, upstream in self._candidates(order):
                answer = await self._ask(deployment, upstream, wire)
                if isinstance(answer, Answer):
                    return answer
                last = answer
            if time.monotonic() > until:
                self.unanswered[name] = self.unanswered.get(name, 0) + 1
                return error(503, "no_server", f"nothing serves {name} right now: {last}")
            await asyncio.sleep(_RETRY_S)

    async def _ask(self, deployment: str, upstream: Upstream, wire: bytes) -> Answer | str:
        """Return the server's answer, or why there is none that counts."""
        counts = self.counts.setdefault(deployment, Counts())
        counts.in_flight += 1
        begun = time.monotonic()
        try:
            answer = await upstream.ask(wire)
        except NotAnswered as failure:
            self._suspect(upstream)
            return str(failure)
        finally:
            counts.in_flight -= 1
        if answer.status == 503 and (_NOT_READY, b"1") in answer.headers:
            self._suspect(upstream)
            return f"{upstream.address} is not ready"
        counts.add(answer.status, (time.monotonic() - begun) * 1000.0)
        return answer

    def _candidates(self, order: list[str]) -> list[tuple[str, Upstream]]:
        """Return (deployment, server) in the order to try: sound ones of the chosen deployment first, suspects last."""
        found: list[tuple[str, Upstream]] = []
        for deployment in order:
            servers = [self._upstream(address) for address in self.table.replicas.get(deployment, ())]
            servers.sort(key=lambda server: server.in_flight)
            found += [(deployment, server) for server in servers]
        found.sort(key=lambda pair: pair[1].is_suspect)
        return found

    def _upstream(self, address: str) -> Upstream:
        known = self._upstreams.get(address)
        if known is None:
            known = self._upstreams[address] = Upstream(address)
        return known

    def forget_unused(self) -> None:
        """Drop the connections to servers that no deployment has any more."""
        used = {address for addresses in self.table.replicas.values() for address in addresses}
        for address in set(self._upstreams) - used:
            self._upstreams.pop(address).close()

    def _suspect(self, upstream: Upstream) -> None:
        if upstream.is_suspect:
            return
        upstream.is_suspect = True
        upstream.close()
        self._spawn(self._recheck(upstream))

    async def _recheck(self, upstream: Upstream) -> None:
        """Ask a suspect for its readiness until it has it, or is forgotten."""
        while upstream.is_suspect and self._upstreams.get(upstream.address) is upstream:
            try:
                if (await upstream.ask(_HEALTH)).status == 200:
                    upstream.is_suspect = False
                    return
            except NotAnswered:
                pass
            await asyncio.sleep(_RECHECK_S)

    def _shadow(self, endpoint: EndpointRoute, request: Request, rest: bytes, request_id: bytes) -> None:
        shadow = endpoint.shadow
        if shadow is None or request.method != b"POST" or endpoint.place * 100 >= shadow["percent"]:
            return
        self._spawn(self._copy(shadow["deployment_id"], _wire(request, rest, request_id, kind=b"shadow")))

    async def _copy(self, deployment: str, wire: bytes) -> None:
        for _, upstream in self._candidates([deployment])[:1]:
            try:
                await upstream.ask(wire)
            except NotAnswered:
                self._suspect(upstream)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _under_way(self, endpoint: EndpointRoute) -> int:
        known = (self.counts.get(entry["deployment_id"]) for entry in endpoint.entries)
        return sum(counts.in_flight for counts in known if counts is not None)

    def _own(self, path: bytes, request: Request) -> Answer:
        """Answer what is asked of the router itself."""
        if request.method not in (b"GET", b"HEAD"):
            return error(404, "not_found", "an endpoint's path is /<model>/predict or /v2/models/<model>/infer")
        is_health = path.removeprefix(b"/v2") in (b"/health/live", b"/health/ready")
        if not is_health and self._guards.is_hidden(_header(request, b"authorization")):
            return error(*NEEDS_KEY)
        if path == b"/metrics":
            text = exposition(self.counts, self.unanswered)
            return Answer(200, [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")], text.encode())
        if path in (b"/health/live", b"/v2/health/live"):
            return _json(200, {"live": True})
        if path in (b"/health/ready", b"/v2/health/ready"):
            served = [name for name, route in self.table.endpoints.items() if route.entries]
            ready = bool(served) and all(self._has_server(name) for name in served)
            return _json(200 if ready else 503, {"ready": ready})
        if path in (b"/v2", b"/v2/"):
            return _json(200, {"name": "modeldeck", "version": "1", "extensions": []})
        if path == b"/":
            return _json(200, {"endpoints": sorted(self.table.endpoints)})
        return error(404, "not_found", "an endpoint's path is /<model>/predict or /v2/models/<model>/infer")

    def _has_server(self, name: str) -> bool:
        order = self.table.order(self.table.endpoints[name], 0.0, None)
        return any(not upstream.is_suspect for _, upstream in self._candidates(order))


def _endpoint(path: bytes) -> tuple[str | None, bytes, str | None]:
    """Return (endpoint, path to forward, version asked for); endpoint None is the router's own path."""
    parts = path.split(b"/")
    if len(parts) > 3 and parts[1:3] == [b"v2", b"models"] and parts[3]:
        version = parts[5].decode("latin-1") if len(parts) > 5 and parts[4] == b"versions" else None
        return parts[3].decode("latin-1"), path, version
    if len(parts) > 2 and parts[1] not in (b"v2", b"health", b""):
        return parts[1].decode("latin-1"), b"/" + b"/".join(parts[2:]), None
    return None, path, None


def _wire(request: Request, path: bytes, request_id: bytes, kind: bytes = b"live") -> bytes:
    """Return the request as sent to a server. Ids and kind are ours; a client's own id travels as client id."""
    client = b""
    lines = [request.method + b" " + path + b" HTTP/1.1", b"host: modeldeck"]
    for name, value in request.headers:
        if name not in _DROPPED:
            lines.append(name + b": " + value)
        elif name == _CLIENT or (not client and name in (b"x-request-id", _ID)):
            client = value
    lines += [_ID + b": " + request_id, _KIND + b": " + kind]
    if client:
        lines.append(_CLIENT + b": " + client)
    if request.body or request.method not in (b"GET", b"HEAD"):
        lines.append(b"content-length: " + str(len(request.body)).encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


def _header(request: Request, name: bytes) -> bytes:
    """Return the last value of a header, empty without one."""
    return next((value for header, value in reversed(request.headers) if header == name), b"")


def _json(status: int, body: Any) -> Answer:
    return Answer(status, [(b"content-type", b"application/json")], json.dumps(body).encode())


class Refusal(Answer):
    """What the router itself answers when it cannot forward."""

    __slots__ = ("message",)

    def __init__(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"error": {"code": code, "message": message}}).encode()
        super().__init__(status, [(b"content-type", b"application/json")], body)
        self.message = message


def error(status: int, code: str, message: str) -> Refusal:
    """Return an error answer in the form of every endpoint."""
    answer = Refusal(status, code, message)
    if status == 401:
        answer.headers.append((b"www-authenticate", b"Bearer"))
    if status in (429, 503):
        answer.headers.append((b"retry-after", b"1"))
    return answer
