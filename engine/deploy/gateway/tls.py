"""TLS at the process host's router: a handshake is bounded and counted like a connection; a renewal disturbs nobody."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from engine.deploy.gateway.clients import Clients

HANDSHAKE_S = 10.0
_READ_BYTES = 65536


class Identity:
    """The certificate that is shown now; `digest` tells it from another, and nothing of the key is in it."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Load both.

        Raises:
            OSError: a file cannot be read.
            ValueError: they are no certificate with its key (`ssl.SSLError` is an OSError of its own).
        """
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION
        self.context.set_alpn_protocols(["http/1.1"])
        self.digest = ""
        self.renew(certificate, key)

    def renew(self, certificate: Path, key: Path) -> None:
        """Show this certificate from the next handshake on; who is connected goes on. One that does not fit its key
        changes nothing.

        Raises:
            OSError: a file cannot be read, or they do not belong together.
            ValueError: the key is locked with a password.
        """
        shown = certificate.read_bytes()
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
        self.context.load_cert_chain(certificate, key, password=_no_password)
        self.digest = hashlib.sha256(shown).hexdigest()[:16]


class Secured(asyncio.Protocol):
    """One client connection under TLS: a protocol to the socket, and a transport to the one that `receive()` makes.

    The layer is our own, over OpenSSL's memory buffers, since a loop's own tells of a connection only once its
    handshake is over: those that never end would be neither counted nor bounded.
    """

    def __init__(self, identity: Identity, clients: Clients, receive: Callable[[], asyncio.Protocol]) -> None:
        self._clients = clients
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = identity.context.wrap_bio(self._coming, self._going, server_side=True)
        self._until = self._loop.time() + HANDSHAKE_S
        self._address = ""
        self._transport: Any = None
        self._to: asyncio.Protocol | None = None  # None until the handshake is over
        self._is_paused = False

    # to the socket, a protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it; one too many is cut, since nothing can be told before a handshake."""
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else ""
        if self._clients.join(self, self._address):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake, or pass on what was sent."""
        self._coming.write(data)
        self._go()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._clients.leave(self, self._address)
        if self._to is not None:
            self._to.connection_lost(exc)

    def _go(self) -> None:
        try:
            if self._to is None:
                self._tls.do_handshake()
                self._clients.leave(self, self._address)  # from here on it is counted as what it becomes
                self._to = self._receive()
                self._to.connection_made(cast("asyncio.BaseTransport", self))
            self._flush()  # what the handshake ends with
            while not self._is_paused and not self._transport.is_closing():
                data = self._tls.read(_READ_BYTES)
                if not data:  # the client has said that it sends no more
                    self._transport.close()
                    break
                self._to.data_received(data)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:  # no TLS, none that we take, or broken
            self._flush()
            self._transport.close()

    def _flush(self) -> None:
        if self._going.pending and not self._transport.is_closing():
            self._transport.write(self._going.read())

    # to the protocol above, a transport

    def write(self, data: bytes) -> None:
        """Send it."""
        if not self._transport.is_closing():
            self._tls.write(data)
            self._flush()

    def close(self) -> None:
        """Say that nothing more comes, and close once all is sent."""
        with contextlib.suppress(ssl.SSLError):  # the client's own word for it is not waited for
            self._tls.unwrap()
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Say whether it is."""
        return bool(self._transport.is_closing())

    def pause_reading(self) -> None:
        """Take nothing more in."""
        self._is_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on, with what is here already first."""
        self._is_paused = False
        self._transport.resume_reading()
        self._loop.call_soon(self._go)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the socket's transport knows."""
        return self._transport.get_extra_info(name, default)

    # to those who count connections, one whose handshake is not over

    def look(self, now: float) -> None:
        """Cut a handshake that takes too long."""
        if self._to is None and now > self._until:
            self._transport.abort()

    def finish(self) -> bool:
        """Cut it: nothing was asked yet."""
        self._transport.abort()
        return True


def _no_password() -> str:
    raise ValueError("the key is locked with a password")
