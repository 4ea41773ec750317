"""What the registry knows of stored content: kind, size, and whether its bytes are still there."""

from __future__ import annotations

from collections.abc import Sequence

from store.database import Reader, Row, Write


def record_blob(tx: Write, hash: str, size: int, kind: str) -> None:
    """Record content that the artifacts hold (`size` in bytes); a repeat changes nothing, what was removed is back."""
    tx.execute(
        "INSERT INTO blob (hash, kind, size_bytes, state, created_at) VALUES (:hash, :kind, :size, 'present', :at)"
        " ON CONFLICT (hash) DO UPDATE SET state = 'present', erased_at = NULL"
        " WHERE blob.state = 'erased' AND blob.replaced_by IS NULL",
        {"hash": hash, "kind": kind, "size": size, "at": tx.at},
    )


def present(reader: Reader) -> list[Row]:
    """Return hash, kind, size_bytes and created_at of all content whose bytes are to be there, by hash."""
    return reader.rows("SELECT hash, kind, size_bytes, created_at FROM blob WHERE state = 'present' ORDER BY hash")


def of_versions(reader: Reader) -> list[Row]:
    """Return model, number, kind and hash of what versions that stand are made of, where the bytes are to be there."""
    return reader.rows(
        "SELECT v.model, v.number, b.kind, b.hash FROM version v JOIN version_detail d ON d.id = v.detail"
        " JOIN model m ON m.name = v.model"
        " JOIN blob b ON b.hash IN (v.artifact_hash, d.golden_hash, d.bundle_hash, d.environment_hash)"
        " WHERE v.deleted_at IS NULL AND m.deleted_at IS NULL AND b.state = 'present'"
        " ORDER BY v.model, v.number, b.hash"
    )


def mark_erased(tx: Write, hashes: Sequence[str]) -> None:
    """Say that the bytes are gone; id, kind and size stay on record."""
    tx.execute_many(
        "UPDATE blob SET state = 'erased', erased_at = :at WHERE hash = :hash AND state = 'present'",
        [{"hash": hash, "at": tx.at} for hash in hashes],
    )


def replace(tx: Write, hash: str, by: str) -> None:
    """Say that other content took the place of this, whose bytes must go; what it had replaced is so too."""
    tx.execute(
        "UPDATE blob SET state = 'erased', erased_at = :at, replaced_by = :by WHERE hash = :hash AND hash <> :by",
        {"hash": hash, "by": by, "at": tx.at},
    )


def revive(tx: Write, hash: str) -> None:
    """Say that content is to be there again, whatever had taken its place."""
    tx.execute(
        "UPDATE blob SET state = 'present', erased_at = NULL, replaced_by = NULL"
        " WHERE hash = :hash AND state = 'erased'",
        {"hash": hash},
    )


def current(reader: Reader, hash: str) -> str:
    """Return the content that stands in the place of a hash: itself, where nothing replaced it."""
    passed = {hash}
    while row := reader.row("SELECT replaced_by FROM blob WHERE hash = :hash", {"hash": hash}):
        following = row["replaced_by"]
        if following is None or following in passed:
            break
        hash = following
        passed.add(hash)
    return hash


def replaced(reader: Reader) -> dict[str, str]:
    """Return what took the place of each content that was replaced, by hash."""
    rows = reader.rows("SELECT hash, replaced_by FROM blob WHERE replaced_by IS NOT NULL ORDER BY hash")
    return {row["hash"]: row["replaced_by"] for row in rows}


def erased_at(reader: Reader, hash: str) -> int | None:
    """Return when the bytes of content went, None where they are to be there or nothing is known of it."""
    row = reader.row("SELECT erased_at FROM blob WHERE hash = :hash AND state = 'erased'", {"hash": hash})
    return row["erased_at"] if row else None


def kind_of(reader: Reader, hash: str) -> str | None:
    """Return what kind of content is there under a hash, None where none is."""
    row = reader.row("SELECT kind FROM blob WHERE hash = :hash AND state = 'present'", {"hash": hash})
    return row["kind"] if row else None
