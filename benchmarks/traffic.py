"""Plain HTTP servers and a bounded load for benchmarks, each a process of its own; times are CLOCK_MONOTONIC.

`traffic.py serve NAME` says its port and answers until it is killed. `traffic.py load PORT PATH RATE CONNECTIONS` asks
until its standard input ends, then prints `[sent, answered, status, name]` of each request; status 0 is no answer.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BODY = b'[{"a": 1.0, "b": 2.0}]'
ANSWER_S = 20.0
Asked = tuple[float, float, int, str]


class Serving(asyncio.Protocol):
    """Answers every request with a name: as little work as a server can have."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._left += data
        while b"\r\n\r\n" in self._left:
            head, _, rest = self._left.partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(rest) < size:
                return
            self._left = rest[size:]
            self._transport.write(self._answer)


async def serve(name: str) -> None:
    """Serve on a free port until killed."""
    body = json.dumps({"name": name}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Serving(head.encode() + body), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def request(path: str) -> bytes:
    """Return one request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n"
    return head.encode() + b"\r\n" + BODY


async def load(port: int, path: str, rate: float, connections: int) -> None:
    """Ask at a rate over kept-alive connections until standard input ends."""
    asked: list[Asked] = []
    stop = asyncio.Event()
    every = connections / rate
    tasks = [
        asyncio.create_task(_client(port, request(path), every, every * number / connections, asked, stop))
        for number in range(connections)
    ]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stop.set()
    await asyncio.gather(*tasks)
    print(json.dumps(asked), flush=True)


async def _client(port: int, wire: bytes, every: float, first: float, asked: list[Asked], stop: asyncio.Event) -> None:
    reader = writer = None
    due = time.monotonic() + first
    while not stop.is_set():
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        due = max(due + every, time.monotonic())  # a late one is not made up for: the load is bounded
        sent = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_S):
                if reader is None or writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(wire)
                status, name, is_last = await _answer(reader)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            status, name, is_last = 0, type(error).__name__, True
        asked.append((sent, time.monotonic(), status, name))
        if is_last:
            if writer is not None:
                writer.close()
            reader = writer = None
    if writer is not None:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(size)
    return int(head.split()[1]), json.loads(body).get("name", ""), b"connection: close" in head


class Server:
    """A server process of ours."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-S", str(Path(__file__)), "serve", name]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.address = f"127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


class Load:
    """A load process of ours: it asks from its making until `end`."""

    def __init__(self, port: int, path: str, rate: float, connections: int = 8) -> None:
        command = [sys.executable, "-S", str(Path(__file__)), "load", str(port), path, str(rate), str(connections)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self) -> list[Asked]:
        """End it and return what it asked."""
        told, _ = self._process.communicate(timeout=ANSWER_S * 2)
        return [(sent, answered, status, name) for sent, answered, status, name in json.loads(told)]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(sys.argv[2]))
    else:
        asyncio.run(load(int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), int(sys.argv[5])))
