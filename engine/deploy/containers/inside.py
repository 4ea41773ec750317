"""Runs inside a model container, by its Python alone: does what the lines on stdin say, answers each on stdout.

A line is a JSON object `{"do": …}`; the answer is a JSON object ended by a NUL: `{"ok": true, "answer": …}` or
`{"ok": false, "error": …}`. It is sent as text with the command, so it stands by itself and imports nothing of ours.
"""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import sys
import time
from typing import Any


class Inside:
    """The server on one port, and the log in one folder."""

    def __init__(self, log: str, port: int) -> None:
        self._log = log
        self._port = port
        self._kept: http.client.HTTPConnection | None = None
        self._digests: dict[str, tuple[str, tuple[int, ...]]] = {}

    def ask(self, method: str, path: str, body: str, headers: dict[str, str]) -> dict[str, Any]:
        """Ask the server over a kept connection; over a fresh one where it has closed the kept one meanwhile."""
        if self._kept is not None:
            with contextlib.suppress(http.client.HTTPException, OSError):
                return self._ask(self._kept, method, path, body, headers)
            self._kept.close()
        self._kept = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            return self._ask(self._kept, method, path, body, headers)
        except (http.client.HTTPException, OSError):
            self._kept.close()
            self._kept = None
            raise

    def ready(self, file: str) -> dict[str, Any]:
        """Ask the server whether it is ready; one that still loads says so by its file, and is not waited for."""
        try:
            with open(file, encoding="utf-8") as said:
                loads = json.load(said)["state"] == "starting"
        except FileNotFoundError:
            loads = True
        if loads:
            return {"status": 503, "body": "{}", "ms": 0.0}
        return self.ask("GET", "/health/ready", "", {})

    @staticmethod
    def _ask(
        connection: http.client.HTTPConnection, method: str, path: str, body: str, headers: dict[str, str]
    ) -> dict[str, Any]:
        begun = time.perf_counter()
        connection.request(method, path, body.encode() or None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        return {"status": answer.status, "body": text, "ms": (time.perf_counter() - begun) * 1000.0}

    def segments(self) -> list[tuple[str, int]]:
        """Return name and size of each segment of the prediction log."""
        found = []
        for name in sorted(os.listdir(self._log)):
            if name.endswith((".open", ".jsonl")):
                with contextlib.suppress(FileNotFoundError):  # renamed this moment: seen the next time
                    found.append((name, os.stat(os.path.join(self._log, name)).st_size))
        return found

    def read(self, name: str, offset: int, most: int) -> dict[str, Any]:
        """Return what a segment holds from an offset on, up to its last whole line, and whether it is closed by now."""
        for suffix in (".open", ".jsonl"):
            try:
                with open(self._path(name, suffix), "rb") as file:
                    file.seek(offset)
                    content = file.read(most)
            except FileNotFoundError:
                continue
            whole = content[: content.rfind(b"\n") + 1]
            return {"content": base64.b64encode(whole).decode(), "closed": suffix == ".jsonl"}
        raise FileNotFoundError(name)

    def remove(self, name: str) -> None:
        """Remove a closed segment that is safe elsewhere."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name, ".jsonl"))

    def memory(self) -> float | None:
        """Return the memory of the server in MB, None where the kernel does not tell."""
        with open("/proc/1/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024.0
        return None

    def digest(self, path: str) -> str:
        """Return the sha256 of a file as it lies on the disk; read anew only once the file has changed."""
        with open(path, "rb") as file:
            now = os.fstat(file.fileno())
            seen = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
            if path not in self._digests or self._digests[path][1] != seen:
                self._digests[path] = hashlib.file_digest(file, "sha256").hexdigest(), seen
        return self._digests[path][0]

    def _path(self, name: str, suffix: str) -> str:
        return os.path.join(self._log, os.path.basename(name).rpartition(".")[0] + suffix)


def main(log: str, port: int) -> None:
    """Answer until stdin ends."""
    inside = Inside(log, port)
    does = {
        "ask": inside.ask,
        "ready": inside.ready,
        "segments": inside.segments,
        "read": inside.read,
        "remove": inside.remove,
        "memory": inside.memory,
        "digest": inside.digest,
    }
    for line in sys.stdin:
        try:
            words = json.loads(line)
            act: Any = does[words.pop("do")]
            said = {"ok": True, "answer": act(**words)}
        except Exception as error:  # the boundary: whatever it is, the other side is told
            said = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(said) + "\0")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
