"""Every router with a certificate: TLS only, renewed in place under traffic, the key nowhere but in its file."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import socket
import ssl
import subprocess
import tarfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import KINDS, AnyRouter, Backend, entry, free_port, until

from engine.deploy.asking import _post
from engine.deploy.certificate import Certificate
from engine.deploy.haproxy.config import Limits
from engine.deploy.haproxy.router import HaproxyRouter
from engine.deploy.process_router import ProcessRouter
from engine.workspace import Workspace
from store.errors import WorkFailed


def make(folder: Path, name: str = "gateway") -> Certificate:
    """Make a certificate that signs itself."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}")
    command = ["openssl", "req", "-x509", *curve, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)
    return Certificate(certificate, key)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make(tmp_path)


@pytest.fixture(params=KINDS)
def gateway(
    request: pytest.FixtureRequest, image_cache: Path, certificate: Certificate, tmp_path: Path
) -> Iterator[AnyRouter]:
    """A router of each kind with a certificate; it ends with the test."""
    if request.param == "process":
        router = ProcessRouter(Workspace(tmp_path / "deck"), certificate=certificate)
        yield router
        router.stop()
        router.close()
        return
    deck = f"test-{uuid.uuid4().hex[:8]}"
    engine = request.getfixturevalue("engine")
    made = HaproxyRouter(engine, deck, image_cache, port=free_port(), limits=Limits(slots=4), certificate=certificate)
    yield made
    made.forget()


def taken_over(gateway: AnyRouter, certificate: Certificate) -> str:
    """Have the router look at its certificate again, as the reconciler does; returns what is wrong with it."""
    if isinstance(gateway, ProcessRouter):
        return gateway.secure(certificate)
    gateway.close()  # as whoever comes next: the engine is looked at anew
    gateway.ensure_running()
    return ""


def serve(gateway: AnyRouter, backend: Callable[..., Backend]) -> int:
    gateway.ensure_running()
    gateway.add("d1", [backend("one").address])
    gateway.apply("rates", 1, [entry("d1", 100)])
    return int(gateway.address().rpartition(":")[2])


def ask(port: int, believed: Certificate) -> int:
    context = ssl.create_default_context(cafile=believed.certificate)
    context.check_hostname = False
    link = http.client.HTTPSConnection("127.0.0.1", port, timeout=15, context=context)
    link.request("POST", "/rates/predict", b"[]")
    status = link.getresponse().status
    link.close()
    return status


def shows(port: int, certificate: Certificate) -> bool:
    """Say whether this is the certificate that is shown."""
    try:
        return ask(port, certificate) == 200
    except ssl.SSLCertVerificationError:
        return False


def test_it_speaks_tls_only_and_the_key_is_nowhere_else(
    gateway: AnyRouter,
    certificate: Certificate,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    backend: Callable[..., Backend],
) -> None:
    port = serve(gateway, backend)
    assert gateway.address() == f"https://127.0.0.1:{port}"
    assert ask(port, certificate) == 200
    assert _post(f"https://127.0.0.1:{port}/rates/predict", b"[]", {}, certificate.certificate)[0] == 200
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b"200" not in plain.recv(100)
    secret = certificate.key.read_text().splitlines()[1]
    if isinstance(gateway, ProcessRouter):
        of_it = Path(f"/proc/{gateway.hello()['pid']}")
        told = (of_it / "cmdline").read_bytes() + (of_it / "environ").read_bytes()
        assert secret.encode() not in told
        written = [path for path in (tmp_path / "deck").rglob("*") if path.is_file()]
        assert len(written) >= 2  # its state and its log
        assert not [path for path in written if secret in path.read_text(errors="replace")]
        return

    engine = request.getfixturevalue("engine")
    container = engine.containers.get(gateway.hello()["container"])
    assert secret not in json.dumps(container.attrs)
    assert secret not in container.logs().decode()
    parts, _ = container.get_archive(f"/gateway/{container.labels['modeldeck.instance']}")
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as whole:
        holding = [m for m in whole if m.isfile() and secret.encode() in whole.extractfile(m).read()]  # type: ignore[union-attr]
    assert [(one.name.rpartition("/")[2], one.mode & 0o777) for one in holding] == [("tls.pem", 0o600)]


@pytest.mark.chaos
def test_a_certificate_is_renewed_under_traffic_and_one_that_cannot_be_read_changes_nothing(
    gateway: AnyRouter, certificate: Certificate, tmp_path: Path, backend: Callable[..., Backend]
) -> None:
    port = serve(gateway, backend)
    (tmp_path / "before").mkdir()
    before = Certificate(tmp_path / "before" / "cert.pem", tmp_path / "before" / "key.pem")
    before.certificate.write_bytes(certificate.certificate.read_bytes())
    with Asking(port) as asking:
        make(tmp_path, "renewed")
        assert taken_over(gateway, certificate) == ""
        until(lambda: not shows(port, before))  # the predecessor may take a connection until it has heard it is one
        assert shows(port, certificate)
        asking.some_more()
    assert set(asking.fresh) | set(asking.kept) == {200}
    certificate.key.chmod(0o644)
    said = taken_over(gateway, certificate)
    assert isinstance(gateway, HaproxyRouter) or said == f"others may read {certificate.key}"
    certificate.key.chmod(0o600)
    assert ask(port, certificate) == 200


class Asking:
    """Asks without pause, over one connection that is kept and over a fresh one each time, whatever is shown."""

    def __init__(self, port: int) -> None:
        self.fresh: list[int | str] = []
        self.kept: list[int | str] = []
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(keep,)) for keep in (True, False)]

    def _run(self, keep: bool) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        answers = self.kept if keep else self.fresh
        link: http.client.HTTPSConnection | None = None
        while not self._stop.wait(0.01):
            link = link or http.client.HTTPSConnection("127.0.0.1", self._port, timeout=20, context=context)
            try:
                link.request("POST", "/rates/predict", b"[]")
                answer = link.getresponse()
                answer.read()
                answers.append(answer.status)
                if not keep or answer.getheader("connection") == "close":
                    link.close()
                    link = None
            except (OSError, http.client.HTTPException) as error:
                answers.append(repr(error))
                link = None
        if link is not None:
            link.close()

    def some_more(self) -> None:
        """Wait until both have asked again some times."""
        seen = len(self.fresh), len(self.kept)
        until(lambda: len(self.fresh) > seen[0] + 10 and len(self.kept) > seen[1] + 10, 30)

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        self.some_more()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


@pytest.fixture
def process_router(certificate: Certificate, tmp_path: Path) -> Iterator[ProcessRouter]:
    """The process host's router with a certificate."""
    router = ProcessRouter(Workspace(tmp_path / "deck"), certificate=certificate)
    yield router
    router.stop()
    router.close()


def test_a_router_that_is_started_again_shows_it_at_once_and_never_speaks_without(
    process_router: ProcessRouter, certificate: Certificate, backend: Callable[..., Backend]
) -> None:
    port = serve(process_router, backend)
    process_router.stop()
    certificate.key.chmod(0o644)
    with pytest.raises(WorkFailed, match="others may read"):
        process_router.ensure_running()
    with pytest.raises(ConnectionError):
        ask(port, certificate)
    certificate.key.chmod(0o600)
    assert process_router.ensure_running()
    assert ask(port, certificate) == 200


def test_tls_begins_and_ends_at_the_same_port_and_lets_go_of_who_is_connected(
    process_router: ProcessRouter, certificate: Certificate, backend: Callable[..., Backend]
) -> None:
    port = serve(process_router, backend)
    assert process_router.secure(None) == ""
    assert process_router.address() == f"http://127.0.0.1:{port}"
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    plain.request("POST", "/rates/predict", b"[]")
    assert plain.getresponse().read()
    assert process_router.secure(certificate) == ""
    assert plain.sock is not None
    assert plain.sock.recv(1) == b""  # nobody goes on in plain text
    plain.close()
    assert ask(port, certificate) == 200


@pytest.mark.chaos
def test_handshakes_that_never_end_leave_room_for_others_and_are_cut(
    process_router: ProcessRouter, certificate: Certificate, backend: Callable[..., Backend]
) -> None:
    port = serve(process_router, backend)
    with contextlib.ExitStack() as opened:
        links = [
            opened.enter_context(socket.create_connection(("127.0.0.1", port), 30, ("127.0.0.2", 0)))
            for _ in range(1500)
        ]
        for link in links[::2]:
            with contextlib.suppress(ConnectionError):
                link.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a hello
        assert ask(port, certificate) == 200
        begun = time.monotonic()
        for link in links:
            with contextlib.suppress(ConnectionError):
                assert link.recv(1) == b""
        assert time.monotonic() - begun < 25
    assert ask(port, certificate) == 200


def test_what_is_no_certificate_with_its_key_is_said_in_a_line(certificate: Certificate, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make(tmp_path / "other")
    with pytest.raises(WorkFailed, match=r"are no certificate with its key: KEY_VALUES_MISMATCH"):
        Certificate(certificate.certificate, other.key).pem()
    certificate.key.chmod(0o640)
    with pytest.raises(WorkFailed, match=r"others may read .*key.pem"):
        certificate.pem()
    with pytest.raises(WorkFailed, match=r"nowhere.pem cannot be read: No such file"):
        Certificate(tmp_path / "nowhere.pem", other.key).digest()
