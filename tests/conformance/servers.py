"""Plain HTTP servers that say who they are, a client that counts them, and what routes between the two."""

from __future__ import annotations

import collections
import http.client
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.process_router import ProcessRouter

AnyRouter = ProcessRouter | HaproxyRouter
KINDS = ["process", pytest.param("haproxy", marks=pytest.mark.docker)]


class Backend:
    """A server that says who it is and what it was asked; it can be slow, and it can be killed."""

    def __init__(self, name: str, port: int = 0) -> None:
        self.name = name
        self.seen: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet

            def answer(self) -> None:
                if self.path == "/health/ready":
                    self.tell(b"{}")  # a router may look at any time: that is no request, and it never waits
                    return
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                port = self.client_address[1]
                backend.seen.append({"path": self.path, "headers": headers, "body": body.decode(), "from": port})
                backend.gate.wait(10)
                self.tell(json.dumps({"name": backend.name, "id": headers.get("x-modeldeck-request-id")}).encode())

            def tell(self, content: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer

            def log_message(self, format: str, *arguments: Any) -> None:
                return

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            links: set[socket.socket] = set()

            def process_request(self, request: Any, client_address: Any) -> None:
                self.links.add(request)
                super().process_request(request, client_address)

            def handle_error(self, request: Any, client_address: Any) -> None:
                return

        self._server = Server(("127.0.0.1", port), Handler)
        self._server.links = set()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Take no connection any more and cut those that are open, as a killed process does."""
        self._server.shutdown()
        self._server.server_close()
        for link in self._server.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.gate.set()
        self._thread.join(5)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as here:
        return int(here.getsockname()[1])


def entry(deployment: str, weight: int, version: int = 1, role: str = "champion") -> dict[str, Any]:
    return {"deployment_id": deployment, "version": version, "image": None, "weight": weight, "role": role}


class Client:
    """Asks a router over one kept-alive connection."""

    def __init__(self, router: AnyRouter) -> None:
        self._port = int(router.address().rpartition(":")[2])
        self._link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)

    def ask(
        self, path: str = "/rates/predict", body: bytes | None = b"[]", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        self._link.request("POST" if body is not None else "GET", path, body, headers or {})
        answer = self._link.getresponse()
        content = answer.read()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(content) if "json" in told.get("content-type", "") else content.decode(), told

    def names(self, count: int, headers: dict[str, str] | None = None) -> collections.Counter[str]:
        """Ask `count` times and count who answered."""
        return collections.Counter(self.ask(headers=headers)[1]["name"] for _ in range(count))

    def close(self) -> None:
        self._link.close()


def until(holds: Callable[[], Any], within_s: float = 10.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.005)
