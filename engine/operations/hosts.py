"""Operations on hosts."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import Done, NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Host
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class AddHost:
    """Declare a Docker engine as a host. A host behind SSH is added only with a key that somebody vouches for."""

    name: str = argument("the new host's name")
    address: str = argument("unix:///path/to/docker.sock or ssh://user@host[:port]", metavar="ADDRESS")
    port: int = argument("where its gateway is to listen", flag="--port", default=8080)
    listen: str = argument("the address it is to listen on there", flag="--listen", default="127.0.0.1")
    identity: str = argument(
        "private key for ssh; else ssh's own choice", flag="--identity", metavar="FILE", default=""
    )
    host_key: str = argument(
        "its public key, or the fingerprint of it: SHA256:…", flag="--host-key", metavar="KEY", default=""
    )
    reason: str = argument("why, kept on record", flag="--reason", default="")


@dataclass(frozen=True, slots=True)
class HostRequest:
    """One host by name."""

    name: str = argument("the host's name")


@dataclass(frozen=True, slots=True)
class RemoveHost:
    """Take a host out of the deck."""

    name: str = argument("the host's name")
    reason: str = argument("why, kept on record", flag="--reason", default="")


@dataclass(frozen=True, slots=True)
class HostCheck:
    """One line of a preflight: `verdict` is passed, warning or failed; `remedy` is empty where none is needed."""

    name: str
    verdict: str
    observed: str
    remedy: str


_HANDLERS = "engine.service.handlers.hosts"

OPERATIONS = (
    Operation(
        "hosts.list",
        ("hosts",),
        "the hosts of this deck",
        NoRequest,
        Host,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:hosts",
        many=True,
    ),
    Operation(
        "hosts.add",
        ("hosts", "add"),
        "declare a Docker engine as a host",
        AddHost,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:add",
    ),
    Operation(
        "hosts.remove",
        ("hosts", "remove"),
        "take a host out of the deck",
        RemoveHost,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:remove",
    ),
    Operation(
        "hosts.check",
        ("hosts", "check"),
        "whether a host can carry models, and what to do",
        HostRequest,
        HostCheck,
        Role.OPERATOR,
        Danger.READ,
        f"{_HANDLERS}:check",
        many=True,
    ),
)
