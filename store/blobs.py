"""What the registry knows of stored content: kind, size, and whether its bytes are still there."""

from __future__ import annotations

from store.database import Write


def record_blob(tx: Write, hash: str, size: int, kind: str) -> None:
    """Record content that the artifacts hold (`size` in bytes); a repeat changes nothing."""
    tx.execute(
        "INSERT INTO blob (hash, kind, size_bytes, state, created_at) VALUES (:hash, :kind, :size, 'present', :at)"
        " ON CONFLICT (hash) DO NOTHING",
        {"hash": hash, "kind": kind, "size": size, "at": tx.at},
    )
