"""Requests at a fixed rate, whether or not those before are answered: what a server gets from people, not from a queue.

    open_loop.py HOST PORT PATH BODY RATE SECONDS WITHIN_MS

posts BODY (a file) over at most `CONNECTIONS` connections and prints one line of JSON. A request's time runs from when
it was due. What finds no free connection is given up by the client, as is what takes longer than `PATIENCE_S`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

CONNECTIONS = 300
PATIENCE_S = 5.0


class Link(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._due = 0.0
        self._data = b""
        self._transport: Any = None
        self._timer: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = transport

    def ask(self, due: float) -> None:
        """Send a request that was due then."""
        self._due = due
        self._data = b""
        self._load.waiting += 1
        self._timer = self._load.loop.call_later(PATIENCE_S, self._transport.abort)
        self._transport.write(self._load.request)

    def close(self) -> None:
        """Let go of it."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Note an answer once it is whole."""
        self._data += data
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        _, sized, size = head.lower().partition(b"content-length:")
        if len(rest) >= int(size.split(b"\r\n")[0]) if sized else rest.endswith(b"\r\n0\r\n\r\n"):
            self._timer.cancel()
            self._timer = None
            self._load.waiting -= 1
            self._load.note(int(head[9:12]), time.perf_counter() - self._due)
            self._load.free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note a request without an answer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._load.lost += 1
            self._load.waiting -= 1
        elif self in self._load.free:
            self._load.free.remove(self)


class Load:
    """What was sent and what came of it."""

    def __init__(self, request: bytes, within_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.request = request
        self.free: list[Link] = []
        self.waiting = 0
        self.lost = self.refused = self.failed = 0
        self.seconds: list[float] = []
        self._within_s = within_s

    def note(self, status: int, seconds: float) -> None:
        """Count an answer."""
        if status == 200:
            self.seconds.append(seconds)
        elif status in (429, 503, 504):
            self.refused += 1
        else:
            self.failed += 1

    def told(self, seconds: float) -> dict[str, Any]:
        """Return the figures of a load of so many seconds."""
        times = sorted(self.seconds)
        return {
            "answered": len(times) / seconds,
            "in_time": sum(one <= self._within_s for one in times) / seconds,
            "refused": self.refused / seconds,
            "lost": (self.lost + self.failed) / seconds,
            "p50_ms": times[len(times) // 2] * 1e3 if times else None,
            "p99_ms": times[len(times) * 99 // 100] * 1e3 if times else None,
        }


async def offer(host: str, port: int, request: bytes, rate: float, seconds: float, within_s: float) -> dict[str, Any]:
    """Offer a load and return what came of it."""
    load = Load(request, within_s)
    loop = load.loop
    links: list[Link] = []
    for _ in range(CONNECTIONS):  # one after the other, or the kernel would drop some and try again a second later
        _, link = await loop.create_connection(lambda: Link(load), host, port)
        links.append(link)
    load.free += links
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        while (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        if number % 16 == 0:
            await asyncio.sleep(0)  # answers are read also by a client that is late
        if load.free:
            load.free.pop().ask(due)
        else:
            load.lost += 1
    spent = time.perf_counter() - begun
    until = time.perf_counter() + PATIENCE_S
    while load.waiting and time.perf_counter() < until:
        await asyncio.sleep(0.02)
    for link in links:
        link.close()
    await asyncio.sleep(0.05)  # what is closed is gone in the next turns of the loop
    return {"offered": int(rate * seconds) / spent, **load.told(spent)}


def main() -> None:
    """Offer what the command line says."""
    import uvloop

    host, port, path, body, rate, seconds, within_ms = sys.argv[1:]
    content = Path(body).read_bytes()
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: {host}:{port}",
        "content-type: application/json",
        f"content-length: {len(content)}",
        f"grpc-timeout: {within_ms}m",
    ]
    request = "\r\n".join([*lines, "", ""]).encode() + content
    told = uvloop.run(offer(host, int(port), request, float(rate), float(seconds), float(within_ms) / 1e3))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
