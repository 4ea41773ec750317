"""One long `docker exec` into a model container: its server, its log and its memory, with no port but the engine's."""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from typing import Any

from engine.deploy.exec_channel import ExecChannel
from engine.deploy.images.container import PORT, READY_FILE
from engine.deploy.images.contents import LOG, MODEL
from engine.deploy.images.speaking import spoken_to
from store.errors import Unavailable, WorkFailed

ANSWER_S = 15.0
CHUNK = 4 << 20
_INSIDE = (files(__package__) / "inside.py").read_text(encoding="utf-8")


class Link:
    """Speaks to one running container. Not for several threads at once."""

    def __init__(self, container: Any, host: str) -> None:
        """Open it.

        Raises:
            Unavailable: the engine or the container does not answer.
            WorkFailed: the container does not run.
        """
        self._who = f"container {container.name} on {host}"
        command = ["python3", "-I", "-S", "-u", "-c", _INSIDE, f"/{LOG}", str(PORT)]
        with spoken_to(self._who):
            self._channel = ExecChannel(container, command, ANSWER_S)

    @property
    def is_open(self) -> bool:
        """Say whether it can still be asked."""
        return self._channel.is_open

    def ask(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Ask the server inside; returns status, body (text) and ms, the time it took in there.

        Raises:
            Unavailable: the container is gone, or its server does not answer.
        """
        return dict(self._do("ask", method=method, path=path, body=body, headers=headers or {}))

    def ready(self) -> dict[str, Any]:
        """Ask the server whether it is ready; 503 with an empty object, at once, while it still loads.

        Raises:
            Unavailable: the container is gone, or its server does not answer.
        """
        return dict(self._do("ready", file=READY_FILE))

    def segments(self) -> list[tuple[str, int]]:
        """Return name and size of each segment of its prediction log."""
        return [(str(name), int(size)) for name, size in self._do("segments")]

    def read(self, name: str, offset: int) -> tuple[bytes, bool]:
        """Return the whole lines of a segment from an offset on (at most `CHUNK` bytes), and whether it is closed."""
        told = self._do("read", name=name, offset=offset, most=CHUNK)
        return base64.b64decode(told["content"]), bool(told["closed"])

    def remove(self, name: str) -> None:
        """Remove a closed segment."""
        self._do("remove", name=name)

    def memory_mb(self) -> float | None:
        """Return the memory its server holds."""
        told = self._do("memory")
        return None if told is None else float(told)

    def artifact(self) -> str:
        """Return the sha256 of the artifact as it lies in the container now."""
        return f"sha256:{self._do('digest', path=f'/{MODEL}/model.skops')}"

    def close(self) -> None:
        """Let go; the container goes on."""
        self._channel.close()

    def _do(self, do: str, **words: Any) -> Any:
        try:
            answer = json.loads(self._channel.ask(json.dumps({"do": do, **words}))[0])
        except (OSError, ValueError) as error:
            self.close()
            raise Unavailable(f"{self._who} does not answer: {error}", "see modeldeck deployments") from None
        if answer["ok"]:
            return answer["answer"]
        if do in ("ask", "ready"):
            raise Unavailable(f"the server in {self._who} does not answer: {answer['error']}")
        raise WorkFailed(f"{self._who}: {answer['error']}")
