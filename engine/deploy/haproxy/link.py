"""One long `docker exec` into the gateway: lines in, answers out. A host needs no port for it but its engine's own."""

from __future__ import annotations

import base64
from importlib.resources import files
from typing import Any

from engine.deploy.exec_channel import ExecChannel
from store.errors import Unavailable

ANSWER_S = 5.0
_RELAY = (files(__package__) / "inside" / "relay.py").read_text(encoding="utf-8")


class Link:
    """Speaks to one gateway instance. Not for several threads at once."""

    def __init__(self, container: Any, admin: str) -> None:
        """Open it.

        Raises:
            Unavailable: the engine, the container or the gateway in it does not answer.
        """
        import docker
        import requests

        command = ["/usr/bin/python3.11", "-S", "-E", "-u", "-c", _RELAY, admin]
        try:
            self._channel = ExecChannel(container, command, ANSWER_S)
        except (docker.errors.APIError, requests.RequestException, OSError) as error:
            raise Unavailable(
                f"the gateway takes no commands: {error}", "modeldeck hosts check shows its host"
            ) from error
        self.ask("modeldeck routes")  # an exec that starts says nothing yet of the process it speaks to

    def ask(self, *lines: str) -> list[str]:
        """Send lines and return what each brought.

        Raises:
            Unavailable: the gateway, its engine or the way there is gone; what was sent may have been done.
        """
        try:
            answers = [answer.strip() for answer in self._channel.ask(*lines)]
        except OSError as error:
            raise Unavailable(f"the gateway does not answer: {error}", "it is started again by the daemon") from error
        refused = next((told for told in answers if told.startswith("failed: ")), None)
        if refused is not None:
            self.close()
            raise Unavailable(f"the gateway could not do it: {refused[8:]}", "it is started again by the daemon")
        return answers

    def answers(self) -> bool:
        """Say whether the gateway at the other end still is the one it was opened to, and alive."""
        try:
            self.ask("modeldeck routes")
        except Unavailable:
            return False
        return True

    def close(self) -> None:
        """Let go; the gateway goes on."""
        self._channel.close()


def write(path: str, content: str) -> str:
    """Return the line that replaces a file inside."""
    return f"!{path} {base64.b64encode(content.encode()).decode()}"
