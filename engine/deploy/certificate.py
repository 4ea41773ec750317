"""The certificate a router shows: read and checked here by the deck's owner, who alone may read its key."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import WorkFailed

if TYPE_CHECKING:
    from engine.settings.model import HostSettings


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files: the certificate with those that lead to its issuer, and its private key."""

    certificate: Path
    key: Path

    def digest(self) -> str:
        """Return what tells this certificate from another; nothing of the key is in it.

        Raises:
            WorkFailed: a file is missing or unreadable, others may read the key, or the two do not belong together.
        """
        self._check()
        return hashlib.sha256(self._read(self.certificate)).hexdigest()[:16]

    def paths(self) -> tuple[str, str]:
        """Return where the two lie, for a router of this machine that reads them by itself."""
        return str(self.certificate.absolute()), str(self.key.absolute())

    def pem(self) -> str:
        """Return both as HAProxy wants them: one text.

        Raises:
            WorkFailed: as `digest`.
        """
        self._check()
        return "\n".join(self._read(path).decode("ascii").rstrip() for path in (self.certificate, self.key)) + "\n"

    def _check(self) -> None:
        self._read(self.certificate)
        self._read(self.key)
        if self.key.stat().st_mode & 0o077:
            raise WorkFailed(f"others may read {self.key}", f"chmod 600 {self.key}")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            why = getattr(error, "reason", None) or str(error)
            raise WorkFailed(
                f"{self.certificate} and {self.key} are no certificate with its key: {why}",
                "give PEM files that belong together, the key without a password",
            ) from error

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise WorkFailed(
                f"{path} cannot be read: {error.strerror}", "see tls_cert and tls_key in deck.toml"
            ) from None


def certificate_of(root: Path, host: HostSettings) -> Certificate | None:
    """Return the certificate that a host's settings name, by paths from the workspace; None where they name none."""
    return Certificate(root / host.tls_cert, root / host.tls_key) if host.tls_cert else None


def _no_password() -> str:
    raise ValueError("the key is locked with a password")
