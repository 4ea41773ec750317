"""Run inside the gateway by one long `docker exec`: every line in is a file to write or a command for HAProxy.

`!PATH BASE64` replaces a file; anything else goes to the admin socket named by the first argument. Each answer ends
with a zero byte.
"""

import base64
import os
import socket
import sys


def answer(line: str) -> str:
    """Do what a line says and return what came of it."""
    if line.startswith("!"):
        path, _, content = line[1:].partition(" ")
        with open(path + ".fresh", "wb") as target:
            target.write(base64.b64decode(content))
            target.flush()
            os.fsync(target.fileno())
        os.replace(path + ".fresh", path)
        return "written"
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(sys.argv[1])
        link.sendall(line.encode())
        parts = []
        while part := link.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


for asked in sys.stdin:
    try:
        told = answer(asked)
    except OSError as error:
        told = f"failed: {error}"
    sys.stdout.write(told + "\0")
    sys.stdout.flush()
