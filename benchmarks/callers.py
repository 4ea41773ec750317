"""A bounded load of predictions, a process of its own: `callers.py HOST PORT PATH RATE CONNECTIONS`, until input ends.

Reads the request's body as the first line of its input, and prints `[sent, answered, status, version]` of each request;
times are CLOCK_MONOTONIC, status 0 is no answer. A request is due at its time; where every connection is busy it waits.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

ANSWER_S = 20.0
MOST = 400_000


class Asked(NamedTuple):
    """One request: when it was sent and answered, its status, and the version that answered."""

    sent: float
    answered: float
    status: int
    version: int | None


class Callers:
    """A running load; `stop` ends it and returns what became of every request."""

    def __init__(self, url: str, rate: float, body: bytes, connections: int = 8) -> None:
        there = urlsplit(url)
        where = (str(there.hostname), str(there.port), f"{there.path}/predict")
        command = [sys.executable, __file__, *where, str(rate)]
        self._process = subprocess.Popen(
            [*command, str(connections)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        self._process.stdin.write(body.decode() + "\n")
        self._process.stdin.flush()

    def stop(self) -> list[Asked]:
        """End it."""
        out, _ = self._process.communicate(timeout=120)
        return [Asked(*one) for one in json.loads(out)]


async def load(host: str, port: int, path: str, rate: float, connections: int, body: bytes) -> list[Asked]:
    """Ask at a rate until the input ends."""
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    wire = head.encode() + b"\r\n" + body
    told: list[Asked] = []
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lambda: sys.stdin.read() or ended.set())
    begun, turn = time.monotonic(), iter(range(MOST))

    async def one_connection() -> None:
        link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for number in turn:
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            if ended.is_set():
                break
            sent = time.monotonic()
            try:
                link = link or await asyncio.open_connection(host, port)
                link[1].write(wire)
                status, version, closes = await asyncio.wait_for(answer_of(link[0]), ANSWER_S)
            except (TimeoutError, OSError, EOFError, ValueError):
                status, version, closes = 0, None, True
            told.append(Asked(sent, time.monotonic(), status, version))
            if closes and link is not None:
                link[1].close()
                link = None

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return told


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, int | None, bool]:
    """Read one answer: its status, its version, and whether the connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
    body = await reader.readexactly(size)
    status = int(head.split(b" ", 2)[1])
    version = json.loads(body).get("version") if status == 200 else None
    return status, version, b"connection: close" in head


def main() -> None:
    """Load and print."""
    host, port, path, rate, connections = sys.argv[1:]
    body = sys.stdin.readline().strip().encode()
    print(json.dumps(asyncio.run(load(host, int(port), path, float(rate), int(connections), body))))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
