"""A container's health check: `python3 -I -S health.py PORT` exits 0 if the server there says it is ready."""

from __future__ import annotations

import socket
import sys

WAIT_S = 2.0


def is_ready(port: int) -> bool:
    """Ask `/health/ready` on loopback; any answer but 200, and none, is no. Imports next to nothing: it runs often."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as link:
            link.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return link.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    raise SystemExit(0 if is_ready(int(sys.argv[1])) else 1)
