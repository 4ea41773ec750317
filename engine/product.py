"""Which modeldeck this is: one number for the package, the wire and the records; and which code lies on disk now."""

from __future__ import annotations

from pathlib import Path

VERSION = "0.1.0"
_ENGINE = Path(__file__).resolve().parent


def installed() -> str:
    """Return a stamp of the code as it lies on disk: another one means that it was changed since."""
    import hashlib  # late: a short command has no use for OpenSSL

    stamp = hashlib.sha256()
    for package in (_ENGINE, _ENGINE.parent / "store"):
        for path in sorted(package.rglob("*.py")):
            found = path.stat()
            stamp.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return stamp.hexdigest()[:16]
