"""HAProxy's configuration as text, rendered from what the gateway knows: equal states give equal bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from engine.deploy.haproxy.state import SERVER, State, backend
from engine.serving.contract import MAX_BODY


@dataclass(frozen=True, slots=True)
class Limits:
    """What one gateway takes. Zero in a rate or per-client count means no such limit."""

    connections: int = 2000
    connections_per_client: int = 1000  # half of all, so that one address never takes the gateway from the others
    requests_per_10s: int = 0  # of one client address
    body_bytes: int = MAX_BODY
    retry_bytes: int = (
        65536  # a request up to this size is asked again elsewhere when its server dies; larger ones are not
    )
    request_s: int = 10  # a client has this long to send a whole request (or its first `retry_bytes`)
    answer_s: int = 30  # a server that says nothing for this long is taken for hung, and another one is asked
    idle_s: int = 75  # a client's connection is kept this long with nothing coming, also amid a large body
    leaving_s: int = 90  # a gateway that was replaced ends after this; more than `idle_s`, so that no client is cut off
    slots: int = 64  # deployments on this host

    def digest(self) -> str:
        """Return what tells these limits from others, for a label. Slots are left out: they grow as they are needed."""
        told = {name: value for name, value in asdict(self).items() if name != "slots"}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway instance keeps its files, inside its container; it inherits its listening socket."""

    folder: str
    tls: bool = False  # the file tls.pem is there

    @property
    def admin(self) -> str:
        """The admin socket."""
        return f"{self.folder}/admin.sock"

    @property
    def certificate(self) -> str:
        """Certificate and key, where it speaks TLS."""
        return f"{self.folder}/tls.pem"

    @property
    def config(self) -> str:
        """The rendered configuration."""
        return f"{self.folder}/haproxy.cfg"


_DEFAULTS = """\
defaults
  mode http
  log global
  option dontlognull
  option http-buffer-request
  option idle-close-on-response
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response response-timeout 503
  http-reuse safe
  timeout connect 200ms
  timeout client {idle_s}s
  timeout server {answer_s}s
  timeout queue 2s
  timeout check 2s
  timeout http-request {request_s}s
  timeout http-keep-alive {idle_s}s
  http-error status 400 content-type application/json string "{broken}"
  http-error status 408 content-type application/json string "{slow}"
  http-error status 502 content-type application/json lf-string "{unsound}"
  http-error status 503 content-type application/json hdr retry-after 1 lf-string "{nothing}"
  http-error status 504 content-type application/json lf-string "{silent}"
"""

# Ids and kind are ours; a client's own id travels as client id.
_FORWARD = """\
  http-request set-var(txn.client) req.fhdr(x-modeldeck-client-id)
  http-request set-var(txn.client) req.fhdr(x-request-id) if !{ var(txn.client) -m len gt 0 }
  http-request set-var(txn.client) req.fhdr(x-modeldeck-request-id) if !{ var(txn.client) -m len gt 0 }
  http-request del-header x-request-id
  http-request del-header authorization
  http-request set-header x-modeldeck-client-id %[var(txn.client)] if { var(txn.client) -m len gt 0 }
  http-request set-header x-modeldeck-request-id %[var(txn.id)]
  http-request set-header x-modeldeck-kind live if !{ var(txn.named) -m found }
  http-request set-header x-modeldeck-kind direct if { var(txn.named) -m found }
  http-request set-header host modeldeck
"""


def render(state: State, limits: Limits, place: Place) -> str:
    """Return the whole configuration of one gateway instance."""
    again = f"unix@{place.folder}/again.sock"
    tls = f" ssl crt {place.certificate} ssl-min-ver TLSv1.2 alpn http/1.1" if place.tls else ""
    parts = [
        f"""\
global
  log stderr format raw daemon notice
  stats socket {place.admin} mode 600 level admin expose-fd listeners
  stats timeout 24h
  maxconn {limits.connections * 2 + 100}
  hard-stop-after {limits.leaving_s}s
  tune.bufsize {limits.retry_bytes + 2048}
  tune.lua.maxmem 256
  nbthread 1
  lua-load {place.folder}/gateway.lua
""",
        _DEFAULTS.format(
            idle_s=limits.idle_s,
            answer_s=limits.answer_s,
            request_s=limits.request_s,
            broken=_error("bad_request", "this is no HTTP/1.1 request"),
            slow=_error("too_slow", f"the request did not arrive within {limits.request_s} s"),
            unsound=_told("bad_answer", "what a server answered was no HTTP"),
            nothing=_told("no_server", "its servers ended while they were asked"),
            silent=_told("no_answer", f"no server answered within {limits.answer_s} s"),
        ),
        f"""\
frontend gateway
  bind fd@3{tls}
  maxconn {limits.connections}
{_clients(limits)}\
  http-request lua.admit if {{ path /metrics/haproxy }}
  http-request use-service prometheus-exporter if {{ path /metrics/haproxy }} {{ method GET }} \
!{{ var(txn.reply) -m found }}
  http-request lua.refuse 400 bad_request "upgrades are not taken here" if {{ req.hdr(upgrade) -m found }}
  http-request lua.refuse 413 too_large "the body is larger than {limits.body_bytes} bytes, send fewer rows at once" \
if {{ req.body_size gt {limits.body_bytes} }}
  http-request lua.route if !{{ var(txn.reply) -m found }}
  http-request use-service lua.reply if {{ var(txn.reply) -m found }}
{_FORWARD}\
  use_backend %[var(txn.slot)]
frontend again
  bind {again} mode 600
  http-request lua.route_again
  http-request set-var(txn.id) req.fhdr(x-modeldeck-request-id)
  http-request use-service lua.reply if {{ var(txn.reply) -m found }}
  use_backend %[var(txn.slot)]
""",
    ]
    servers = {slot.number: slot.addresses for slot in state.slots.values()}
    for number in range(limits.slots):
        lines = [f"backend {backend(number)}", "  balance leastconn", "  option httpchk GET /health/ready"]
        lines += ["  http-check expect status 200", "  http-response lua.count"]
        lines += ["  http-after-response set-header x-modeldeck-request-id %[var(txn.id)]"]
        lines += [f"  server {one} {one} {SERVER}" for one in sorted(servers.get(number, ()))]
        lines += [f"  server again {again} backup"]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def _clients(limits: Limits) -> str:
    lines = []
    if limits.connections_per_client or limits.requests_per_10s:
        lines.append("stick-table type ip size 100k expire 60s store conn_cur,http_req_rate(10s)")
        lines.append("tcp-request connection track-sc0 src")
    if limits.connections_per_client:
        lines.append(f"tcp-request connection reject if {{ sc0_conn_cur gt {limits.connections_per_client} }}")
    if limits.requests_per_10s:
        told = f"more than {limits.requests_per_10s} requests in 10 s from one address"
        lines.append(
            f'http-request lua.refuse 429 too_many "{told}" if {{ sc0_http_req_rate gt {limits.requests_per_10s} }}'
        )
    return "".join(f"  {line}\n" for line in lines)


def _error(code: str, message: str) -> str:
    return _quoted(json.dumps({"error": {"code": code, "message": message}}))


def _told(code: str, why: str) -> str:
    """Return an error body that Lua makes when it is needed: its form follows the protocol that was asked in."""
    return f"%[lua.told({code},'{why}')]"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
