"""The load generator of the overload curve: what it counts is what a server did."""

from __future__ import annotations

import asyncio
from typing import Any

import open_loop
import pytest


def offered(monkeypatch: pytest.MonkeyPatch, answer: Any, rate: float, seconds: float) -> tuple[dict[str, Any], int]:
    """Offer a load to a server that answers each request as `answer(number)` says; returns figures and requests."""
    monkeypatch.setattr(open_loop, "CONNECTIONS", 8)
    monkeypatch.setattr(open_loop, "PATIENCE_S", 1.0)
    asked = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        try:
            while await reader.readuntil(b"\r\n\r\nbody"):
                asked += 1
                said = answer(asked)
                if said is None:
                    break
                writer.write(said)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    async def run() -> dict[str, Any]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        told = await open_loop.offer("127.0.0.1", port, b"POST / HTTP/1.1\r\n\r\nbody", rate, seconds, 0.5)
        server.close()
        await server.wait_closed()
        return told

    return asyncio.run(run()), asked


def test_what_is_answered_refused_and_lost_adds_up_to_what_was_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(number: int) -> bytes | None:
        if number == 50:
            return None
        status = b"503 Busy" if number % 2 else b"200 OK"
        return b"HTTP/1.1 %b\r\ncontent-length: 2\r\n\r\nok" % status

    told, asked = offered(monkeypatch, answer, 200.0, 0.5)
    assert told["answered"] + told["refused"] + told["lost"] == pytest.approx(told["offered"])
    assert told["lost"] > 0
    assert told["answered"] > 0
    assert told["refused"] > 0
    assert asked <= 100


def test_an_answer_in_chunks_is_whole_at_its_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_number: int) -> bytes:
        return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"

    told, asked = offered(monkeypatch, answer, 100.0, 0.3)
    assert asked == 30
    assert told["answered"] == pytest.approx(told["offered"])
