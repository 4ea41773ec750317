"""A Docker host's gateway with a certificate: TLS only, renewed in place, the key nowhere but there."""

from __future__ import annotations

import http.client
import io
import json
import socket
import ssl
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Backend, entry, free_port, until

from engine.deploy.haproxy.certificate import Certificate
from engine.deploy.haproxy.config import Limits
from engine.deploy.haproxy.router import HaproxyRouter
from engine.service.predicting import _post
from store.errors import WorkFailed

pytestmark = pytest.mark.docker


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


@pytest.fixture
def gateway(engine: Any, image_cache: Path, certificate: Certificate) -> Iterator[HaproxyRouter]:
    """A gateway with a certificate; it ends with the test."""
    deck = f"test-{uuid.uuid4().hex[:8]}"
    made = HaproxyRouter(engine, deck, image_cache, port=free_port(), limits=Limits(slots=4), certificate=certificate)
    yield made
    made.forget()


def serve(gateway: HaproxyRouter, backend: Callable[..., Backend]) -> int:
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
    gateway: HaproxyRouter, certificate: Certificate, engine: Any, backend: Callable[..., Backend]
) -> None:
    port = serve(gateway, backend)
    assert gateway.address() == f"https://127.0.0.1:{port}"
    assert ask(port, certificate) == 200
    assert _post(f"https://127.0.0.1:{port}/rates/predict", b"[]", "", certificate.certificate)[0] == 200
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200" not in plain.recv(100)

    container = engine.containers.get(gateway.hello()["container"])
    secret = certificate.key.read_text().splitlines()[1]
    assert secret not in json.dumps(container.attrs)
    assert secret not in container.logs().decode()
    parts, _ = container.get_archive(f"/gateway/{container.labels['modeldeck.instance']}")
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as whole:
        holding = [m for m in whole if m.isfile() and secret.encode() in whole.extractfile(m).read()]  # type: ignore[union-attr]
    assert [(one.name.rpartition("/")[2], one.mode & 0o777) for one in holding] == [("tls.pem", 0o600)]


@pytest.mark.chaos
def test_a_certificate_is_renewed_and_one_that_cannot_be_read_changes_nothing(
    gateway: HaproxyRouter, certificate: Certificate, tmp_path: Path, backend: Callable[..., Backend]
) -> None:
    port = serve(gateway, backend)
    (tmp_path / "before").mkdir()
    before = Certificate(tmp_path / "before" / "cert.pem", tmp_path / "before" / "key.pem")
    before.certificate.write_bytes(certificate.certificate.read_bytes())
    make(tmp_path, "renewed")
    gateway.close()  # as whoever comes next: the engine is looked at anew
    assert gateway.ensure_running() is True
    until(lambda: not shows(port, before))  # the predecessor may take a connection until it has heard that it is one
    assert shows(port, certificate)
    certificate.key.chmod(0o644)
    gateway.close()
    assert gateway.ensure_running() is False
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
