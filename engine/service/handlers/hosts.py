"""Handlers of operations on hosts."""

from __future__ import annotations

import dataclasses
import platform

from engine.operations.common import Done, NoRequest
from engine.operations.hosts import AddHost, HostCheck, HostRequest, RemoveHost
from engine.service.context import ServiceContext
from engine.settings.apply import current_settings, declared
from engine.settings.model import HostSettings
from store.errors import Refused, UnknownName, WorkFailed
from store.rows import Host

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def hosts(context: ServiceContext, _request: NoRequest) -> list[Host]:
    """Return the deck's hosts, and what is wrong with each."""
    from store import faults, settings

    standing = faults.standing(context.deck.database)
    return [
        dataclasses.replace(host, faults=tuple(one for one in standing if one.host == host.name))
        for host in settings.hosts(context.deck.database)
    ]


def add(context: ServiceContext, request: AddHost) -> Done:
    """Look at the engine, then declare it: a host that cannot carry models is not added."""
    from engine.deploy.hosts import host_keys
    from engine.settings.addresses import parse_address
    from engine.settings.edit import add_host

    try:
        address = parse_address(request.address)
    except ValueError as error:
        raise Refused(str(error)) from None
    known = {host.name: host for host in declared(context.deck).hosts}
    key = host_keys.pin(address, request.host_key) if address.is_remote else ""
    host = HostSettings(
        request.name, "docker", str(address), request.port, request.listen, identity=request.identity, host_key=key
    )
    if known.get(request.name) == host:
        return Done(f"already declared: {request.name}", already=True)
    found = _look(host)
    failed = [line for line in found if line.verdict == "failed"]
    if failed:
        raise Refused(f"{host.name} was not added: {failed[0].name}: {failed[0].observed}", failed[0].remedy)
    revision, changed = add_host(context.deck, host, context.caller.actor, request.reason)
    warned = [f"{line.name}: {line.observed}: {line.remedy}" for line in found if line.verdict == "warning"]
    body = {"revision": revision.revision, "differences": changed, "warnings": warned}
    return Done(f"{host.name} added as settings revision {revision.revision}", body=body)


def remove(context: ServiceContext, request: RemoveHost) -> Done:
    """Take a host out, unless something is deployed there."""
    from engine.settings.edit import remove_host
    from store import deployments

    there = deployments.deployments(context.deck.database, host=request.name)
    if there:
        names = ", ".join(sorted({f"{one.endpoint}@{one.version}" for one in there}))
        raise Refused(f"{request.name} carries {names}", "stop the endpoint or release it elsewhere first")
    revision, changed = remove_host(context.deck, request.name, context.caller.actor, request.reason)
    body = {"revision": revision.revision, "differences": changed}
    return Done(f"{request.name} removed as settings revision {revision.revision}", body=body)


def check(context: ServiceContext, request: HostRequest) -> list[HostCheck]:
    """Return the preflight of a host."""
    known = {host.name: host for host in _declared(context)}
    host = known.get(request.name)
    if host is None:
        raise UnknownName(f"no host named {request.name!r}", f"the deck has {', '.join(sorted(known))}")
    found = _look(host) if host.kind == "docker" else [_this_machine(context, host)]
    return [*found, *_certificate(context, host)]


def _look(host: HostSettings) -> list[HostCheck]:
    from engine.deploy.hosts.connection import DockerHost
    from engine.deploy.hosts.preflight import preflight

    with DockerHost(host) as there:
        return preflight(there, f"linux/{MACHINES.get(platform.machine(), platform.machine())}")


def _this_machine(context: ServiceContext, host: HostSettings) -> HostCheck:
    from engine.deploy.listening import unreachable

    cause = unreachable(context.deck, host.name)
    if cause:
        what, _, remedy = cause.partition("; ")
        return HostCheck("router", "failed", what, remedy)
    return HostCheck("router", "passed", "listens, or could", "")


def _certificate(context: ServiceContext, host: HostSettings) -> list[HostCheck]:
    """Return whether the certificate that the host's router is to show can be used; nothing where none is named."""
    from engine.deploy.certificate import certificate_of

    shown = certificate_of(context.deck.workspace.root, host)
    if shown is None:
        return []
    try:
        shown.digest()
    except WorkFailed as error:
        return [HostCheck("certificate", "failed", error.message, error.hint)]
    return [HostCheck("certificate", "passed", f"{host.tls_cert} and its key belong together", "")]


def _declared(context: ServiceContext) -> tuple[HostSettings, ...]:
    return current_settings(context.deck)[0].hosts
