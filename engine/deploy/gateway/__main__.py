"""`python -P -m engine.deploy.gateway --control SOCK --port P --state FILE`: the router process of a process host."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import signal
import socket
import sys
from pathlib import Path

from engine.deploy.gateway.clients import CONNECTIONS, SPARE_FILES, Clients
from engine.deploy.gateway.control import Control
from engine.deploy.gateway.door import Door, bound
from engine.deploy.gateway.downstream import Downstream
from engine.deploy.gateway.proxy import Proxy
from engine.deploy.gateway.table import Table
from engine.deploy.gateway.tls import Identity
from engine.serving.incoming import raised_files

STOP_S = 10.0
TAKEN_EXIT = 75
PORT_EXIT = 98


def main(arguments: list[str]) -> int:
    """Route until SIGTERM. Returns 0, 1 with one line on stderr, 75 (already running) or 98 (port in use)."""
    parser = argparse.ArgumentParser("engine.deploy.gateway", description="route requests to model servers")
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: the one of last time, or a free one")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--certificate", type=Path, help="a PEM file: the router then speaks TLS only")
    parser.add_argument("--key", type=Path, help="the certificate's private key, another PEM file")
    options = parser.parse_args(arguments)
    options.state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = os.open(options.state.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _fail(f"a router with {options.state} runs already", TAKEN_EXIT)
    table = Table(options.state)
    try:
        table.load()
    except (ValueError, KeyError, TypeError) as error:
        # the registry holds the same and the reconciler applies it again: a router without a memory is no loss
        sys.stderr.write(f"the router's state is not readable, starting without it: {error}\n")
        table = Table(options.state)
    try:
        identity = Identity(options.certificate, options.key) if options.certificate else None
    except (OSError, ValueError) as error:  # never without: who asks for TLS must not find plain HTTP
        return _fail(f"{options.certificate} and its key cannot be used: {error}", 1)
    port = options.port or table.port
    try:
        listener = bound(options.address, port)
    except OSError as error:
        return _fail(f"port {port} on {options.address} cannot be bound: {error.strerror}", PORT_EXIT)
    table.port = listener.getsockname()[1]
    table.control = str(options.control.absolute())
    try:
        table.save()
    except OSError as error:
        return _fail(f"{options.state} cannot be written: {error.strerror}", 1)
    import uvloop

    uvloop.run(_run(table, listener, options, identity))
    return 0


async def _run(table: Table, listener: socket.socket, options: argparse.Namespace, identity: Identity | None) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    proxy = Proxy(table)
    most = raised_files(CONNECTIONS, SPARE_FILES)
    clients = Clients(most, most // 2)
    watching = loop.create_task(clients.watch())
    door = Door(table, clients, lambda: Downstream(proxy, clients), identity)
    await door.open(listener, options.address)
    control = await Control(proxy, door, stopping.set).listen(options.control)
    await stopping.wait()
    door.close()
    control.close()
    until = loop.time() + STOP_S
    while clients and loop.time() < until:
        clients.finish()
        await asyncio.sleep(0.01)
    watching.cancel()
    options.control.unlink(missing_ok=True)


def _fail(line: str, code: int) -> int:
    sys.stderr.write(f"{line}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
