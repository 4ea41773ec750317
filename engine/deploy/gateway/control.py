"""The router's control socket: one JSON object a line in, one out. Only the deck's owner can reach it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.deploy.gateway.door import Door
from engine.deploy.gateway.proxy import Proxy
from engine.deploy.router import ORDERS
from engine.serving.process_id import pid_started

_DRAIN_LOOK_S = 0.01


class Control:
    """Answers the reconciler."""

    def __init__(self, proxy: Proxy, door: Door, stop: Callable[[], None]) -> None:
        self._proxy = proxy
        self._door = door
        self._stop = stop

    async def listen(self, path: Path) -> asyncio.Server:
        """Listen at `path`, 0600."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(self._serve, path)
        finally:
            os.umask(before)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    answer = {"ok": True, "answer": await self._do(json.loads(line))}
                except (KeyError, ValueError, TypeError, OSError) as error:
                    answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _do(self, asked: dict[str, Any]) -> Any:
        table = self._proxy.table
        match asked["do"]:
            case "hello":
                told = {"pid": os.getpid(), "pid_started": pid_started(os.getpid()), "port": table.port}
                identity = self._door.identity
                shown = identity.digest if identity is not None else ""
                return {**told, "address": self._door.address, "orders": ORDERS, "tls": shown}
            case "add":
                table.add(asked["deployment_id"], asked["replicas"])
                self._proxy.forget_unused()
            case "apply":
                table.apply(asked["endpoint"], asked["generation"], asked["entries"])
            case "applied":
                return {name: route.generation for name, route in table.endpoints.items()}
            case "entries":
                route = table.endpoints.get(asked["endpoint"])
                return route.entries if route else []
            case "stats":
                return {name: counts.to_json() for name, counts in self._proxy.counts.items()}
            case "drain":
                return await self._drain(asked["deployment_id"], float(asked["timeout_s"]))
            case "shadow":
                wanted = asked["deployment_id"]
                table.endpoints[asked["endpoint"]].shadow = (
                    {"deployment_id": wanted, "percent": asked["percent"]} if wanted else None
                )
                table.save()
            case "guard":
                table.guard(asked["endpoint"], asked["guard"])
            case "move":
                return await self._door.move(asked["address"], int(asked["port"]))
            case "secure":
                return self._door.secure(asked["certificate"], asked["key"])
            case "stop":
                self._stop()
            case other:
                raise ValueError(f"unknown request {other!r}")
        return None

    async def _drain(self, deployment: str, timeout_s: float) -> bool:
        table = self._proxy.table
        table.draining.add(deployment)
        table.save()
        counts = self._proxy.counts.get(deployment)
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while counts is not None and counts.in_flight:
            if loop.time() >= until:
                return False
            await asyncio.sleep(_DRAIN_LOOK_S)
        return True
