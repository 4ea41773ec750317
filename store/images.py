"""Images of versions: written once each, found by model."""

from __future__ import annotations

from store import events
from store.database import Reader, Row, Write, fields
from store.lookup import find_id
from store.rows import Image


def add_image(  # noqa: PLR0913 (one keyword for each thing that makes an image another one)
    tx: Write,
    *,
    model: str,
    version: int,
    base: str,
    contract: int,
    platform: str,
    digest: str,
    size_bytes: int,
    record_hash: str,
    actor: str,
    via: str | None = None,
) -> tuple[Image, bool]:
    """Record an image and say whether it is new; the same digest again is the image that is there."""
    known = _find(tx, digest)
    if known is not None:
        return known, False
    tx.execute(
        "INSERT INTO image (id, model, version, base, contract, platform, digest, size_bytes, built_at, record_hash)"
        " VALUES (:digest, :model, :version, :base, :contract, :platform, :digest, :size, :at, :record)",
        {
            "digest": digest,
            "model": model,
            "version": version,
            "base": base,
            "contract": contract,
            "platform": platform,
            "size": size_bytes,
            "at": tx.at,
            "record": record_hash,
        },
    )
    events.append(
        tx,
        actor=actor,
        action="image.built",
        subject_kind="image",
        subject_id=digest,
        model=model,
        body={"version": version, "base": base, "size_bytes": size_bytes, "record": record_hash},
        via=via,
    )
    return image(tx, digest), True


def image(reader: Reader, id: str) -> Image:
    """Return one image by its id; a unique prefix is enough.

    Raises:
        UnknownName: there is none.
        Refused: several begin so.
    """
    whole = id if id.startswith("sha256:") else f"sha256:{id}"
    row = reader.row("SELECT * FROM image WHERE id = :id", {"id": find_id(reader, "image", "image", whole)})
    assert row is not None
    return _image(row)


def images(reader: Reader, model: str | None = None) -> list[Image]:
    """Return images newest first, of one model or of all."""
    where = "WHERE model = :model " if model is not None else ""
    return [
        _image(row) for row in reader.rows(f"SELECT * FROM image {where}ORDER BY built_at DESC, id", {"model": model})
    ]


def _find(reader: Reader, id: str) -> Image | None:
    row = reader.row("SELECT * FROM image WHERE id = :id", {"id": id})
    return _image(row) if row else None


def _image(row: Row) -> Image:
    return Image(**fields(row))


def artifacts_of(reader: Reader) -> dict[str, set[str]]:
    """Return, by the 64 digits of an image's id, the artifacts of the versions that it is of."""
    rows = reader.rows(
        "SELECT image.digest, version.artifact_hash FROM image JOIN version"
        " ON version.model = image.model AND version.number = image.version"
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["digest"].removeprefix("sha256:"), set()).add(row["artifact_hash"])
    return found
