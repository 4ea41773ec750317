"""Our own webhook: one signed POST over TLS, to where the settings say and nowhere else."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from engine.jobs.notifying.outcome import SHOWN, Outcome
from engine.jobs.notifying.signing import ATTEMPT, ID, SIGNATURE, TIMESTAMP, signature
from engine.product import VERSION

_READ = 4 * SHOWN  # bytes of an answer; the rest is not waited for


def post(
    url: str, secrets: Sequence[str], body: bytes, *, id: str, attempt: int, now_s: int, timeout_s: float
) -> Outcome:
    """Send one attempt and tell what came back, whatever it was.

    `timeout_s` is for all of it after the name was looked up. Certificates are verified against the system's
    authorities, redirects are not followed: both say that whoever answers is not who was meant.
    """
    parts = urlsplit(url)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"modeldeck/{VERSION}",
        ID: id,
        TIMESTAMP: str(now_s),
        ATTEMPT: str(attempt),
        SIGNATURE: signature(secrets, now_s, body),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    began = time.monotonic()
    try:
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, timeout_s)
    except OSError as error:  # the certificates that SSL_CERT_FILE names
        return Outcome(f"the authorities to trust cannot be read: {_cause(error)}")
    late = threading.Event()
    alarm = threading.Timer(timeout_s, _cut, (connection, late))
    alarm.daemon = True
    try:
        connection.connect()
        alarm.start()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        body_told = b""
        with suppress(OSError, http.client.HTTPException):  # the status has come: what follows it changes nothing
            body_told = answer.read(_READ)
        return _outcome(answer, body_told)
    except (OSError, http.client.HTTPException, ValueError) as error:
        took = time.monotonic() - began
        if late.is_set() or isinstance(error, TimeoutError):
            return Outcome(f"no answer within {timeout_s:g} s" if took >= timeout_s * 0.9 else "timed out")
        return Outcome(_cause(error))
    finally:
        alarm.cancel()
        connection.close()


def _connection(scheme: str, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """End an exchange that takes too long, also where single bytes keep coming."""
    late.set()
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _outcome(answer: http.client.HTTPResponse, body: bytes) -> Outcome:
    status, response = answer.status, body.decode("utf-8", "replace")
    if 200 <= status < 300:
        return Outcome("", status, response)
    if 300 <= status < 400:
        return Outcome(f"answered {status}: redirects are not followed, correct the url", status, response)
    said = f"answered {status} {answer.reason}".rstrip()
    asked = answer.getheader("Retry-After", "")
    wait = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else None
    return Outcome(said, status, response, wait, final=status == http.client.GONE)


def _cause(error: Exception) -> str:
    """Return an error's cause without the address it happened at."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "the host's name cannot be resolved"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
