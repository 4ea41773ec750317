"""Every router under attack: who asks properly is answered throughout, and the attacker is told why in one line."""

from __future__ import annotations

import contextlib
import http.client
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from servers import AnyRouter, Backend, entry, until

pytestmark = pytest.mark.chaos
ATTACKER = "127.0.0.2"  # limits are kept by address; who asks properly comes from another one
LONGEST_S = 5.0  # far below what any attack here lasts, and above what a busy machine does by itself


class Champion:
    """Asks properly and without pause, over one connection for a while and then over a fresh one."""

    def __init__(self, port: int) -> None:
        self.answers: list[tuple[int | str, float]] = []
        self._port = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            for _ in range(20):
                begun = time.monotonic()
                try:
                    link.request("POST", "/rates/predict", b"[]")
                    answer = link.getresponse()
                    answer.read()
                    status: int | str = answer.status
                except (OSError, http.client.HTTPException) as error:
                    status = repr(error)
                self.answers.append((status, time.monotonic() - begun))
                if self._stop.wait(0.01):
                    break
            link.close()

    @contextmanager
    def asking(self) -> Iterator[Champion]:
        """Ask until left, then hold that every answer was right and none took long."""
        self._thread.start()
        until(lambda: len(self.answers) > 5)
        try:
            yield self
            seen = len(self.answers)
            until(lambda: len(self.answers) > seen + 20, 20)
        finally:
            self._stop.set()
            self._thread.join(30)
        assert {status for status, _ in self.answers} == {200}
        assert max(took for _, took in self.answers) < LONGEST_S


@pytest.fixture
def port(router: AnyRouter, backend: Callable[..., Backend]) -> int:
    """Where the router answers for one endpoint."""
    router.add("d1", [backend("one").address])
    router.apply("rates", 1, [entry("d1", 100)])
    return int(router.address().rpartition(":")[2])


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(ATTACKER, 0))


def told(link: socket.socket) -> tuple[int, str]:
    """Return status and the error's message of an answer; (0, "") where the connection was cut.

    What never became a request HAProxy 2.6 answers with a fixed text of its own, whatever it is configured to say.
    """
    content = b""
    try:
        while part := link.recv(65536):
            content += part
            if content.rstrip().endswith((b"}", b"</html>")):
                break
    except ConnectionError:
        pass
    head, _, body = content.partition(b"\r\n\r\n")
    if not body:
        return 0, ""
    message = json.loads(body)["error"]["message"] if body.startswith(b"{") else body.decode()
    return int(head.split()[1]), message


def is_cut(link: socket.socket) -> bool:
    """Say whether the router has closed a connection that asked nothing, or told it to go."""
    link.setblocking(False)
    try:
        return link.recv(1, socket.MSG_PEEK) in (b"", b"H")
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def send(link: socket.socket, content: bytes) -> None:
    """Send as much as the router takes."""
    try:
        link.sendall(content)
    except ConnectionError:
        return


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, b"hello\r\n\r\n", b"\x00" * 5000 + b"\r\n\r\n"]
)
def test_what_is_no_http_is_told_so(port: int, garbage: bytes) -> None:
    with Champion(port).asking():
        for _ in range(20):
            with connect(port) as link:
                send(link, garbage)
                assert told(link)[0] in (400, 0)


def test_a_body_of_100_mb_is_refused_in_a_line(port: int) -> None:
    with Champion(port).asking(), connect(port) as link:
        link.sendall(b"POST /rates/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 104857600\r\n\r\n")
        for _ in range(100):
            send(link, b"x" * 1048576)
        status, message = told(link)
    assert status == 413
    assert "larger than 16777216 bytes" in message


def test_slow_clients_are_told_to_go(port: int) -> None:
    heads = [b"POST /rates/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[", b"GET /rates/pre"]
    with Champion(port).asking(), contextlib.ExitStack() as opened:
        links = [opened.enter_context(connect(port)) for _ in range(300)]
        for number, link in enumerate(links):
            link.sendall(heads[number % 2])
        begun = time.monotonic()
        answers = {told(link) for link in links}
        assert time.monotonic() - begun < 20
    assert {status for status, _ in answers} == {408}
    assert any("did not arrive within 10 s" in message for _, message in answers)


def test_bombs_of_headers_are_refused(port: int) -> None:
    start = b"GET /rates/predict HTTP/1.1\r\nhost: x\r\n"
    many = start + b"".join(b"x-%d: y\r\n" % number for number in range(5000)) + b"\r\n"
    large = start + b"x-large: " + b"y" * 10_000_000 + b"\r\n\r\n"
    endless = start + b"x-endless: " + b"y" * 200_000
    with Champion(port).asking():
        for bomb in (many, large, endless) * 3:
            with connect(port) as link:
                send(link, bomb)
                status, message = told(link)
                assert status in (400, 431, 0)
                assert not status or "head" in message or "invalid request" in message


def test_ten_thousand_connections_leave_room_for_others(port: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10_500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    links: list[socket.socket] = []
    try:
        with Champion(port).asking():
            for _ in range(10_000):
                try:
                    links.append(connect(port))
                except ConnectionError:  # the refusal may come before the call has returned
                    continue
            until(lambda: sum(1 for link in links if is_cut(link)) + 10_000 - len(links) >= 9_000, 30)
            assert any(not is_cut(link) for link in links)
    finally:
        for link in links:
            link.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
