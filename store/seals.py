"""The keys a deck has signed with, and the seals of its versions. What a statement says is the engine's to know."""

from __future__ import annotations

from typing import Any

from store import events
from store.database import Reader, Write
from store.json_text import dump, load
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Seal:
    """What was signed of a version, by which key; `signer` and `signature` are hexadecimal."""

    model: str
    number: int
    statement: dict[str, Any]
    signer: str
    signature: str
    sealed_at: int


def signers(reader: Reader) -> tuple[str, ...]:
    """Return the public keys that this deck has ever signed with, oldest first."""
    return tuple(public for public, _ in keys(reader))


def keys(reader: Reader) -> list[tuple[str, int]]:
    """Return each of those keys with the time it was made, microseconds UTC."""
    found = reader.rows("SELECT public, made_at FROM deck_key ORDER BY made_at, public")
    return [(row["public"], row["made_at"]) for row in found]


def ever_signed(reader: Reader) -> bool:
    """Say whether the deck ever had a key, by the record too, from which nothing can be taken."""
    found = reader.row("SELECT 1 AS made FROM event WHERE action = 'deck.key_made' LIMIT 1")
    return found is not None or bool(signers(reader))


def add_signer(tx: Write, public: str, actor: str) -> None:
    """Record the public half of a new key."""
    tx.execute("INSERT INTO deck_key (public, made_at) VALUES (:public, :at)", {"public": public, "at": tx.at})
    events.append(
        tx, actor=actor, action="deck.key_made", subject_kind="deck", subject_id="key", body={"public": public}
    )


def put_seal(tx: Write, seal: Seal) -> None:
    """Record the seal of a version; it has none yet."""
    tx.execute(
        "INSERT INTO version_seal (model, number, statement, signer, signature, sealed_at)"
        " VALUES (:model, :number, :statement, :signer, :signature, :at)",
        {
            "model": seal.model,
            "number": seal.number,
            "statement": dump(seal.statement),
            "signer": seal.signer,
            "signature": seal.signature,
            "at": seal.sealed_at,
        },
    )


def replace_seal(tx: Write, seal: Seal, actor: str, erasure: str) -> None:
    """Put a seal in the place of the one a version bears, with what the two differ in on record."""
    before = seal_of(tx, seal.model, seal.number)
    tx.execute("DELETE FROM version_seal WHERE model = :model AND number = :number", _key(seal))
    put_seal(tx, seal)
    said = before.statement if before else {}
    body = {
        "erasure": erasure,
        "golden": seal.statement.get("golden"),
        "golden_was": said.get("golden"),
        "signature_was": before.signature if before else None,
        "signature": seal.signature,
    }
    events.append(
        tx,
        actor=actor,
        action="version.resealed",
        subject_kind="version",
        subject_id=f"{seal.model}@{seal.number}",
        model=seal.model,
        body=body,
    )


def _key(seal: Seal) -> dict[str, Any]:
    return {"model": seal.model, "number": seal.number}


def seal_of(reader: Reader, model: str, number: int) -> Seal | None:
    """Return the seal of a version, None where it bears none."""
    row = reader.row(
        "SELECT * FROM version_seal WHERE model = :model AND number = :number", {"model": model, "number": number}
    )
    return Seal(**{**dict(row), "statement": load(row["statement"])}) if row else None


def unsealed(reader: Reader) -> list[tuple[str, int]]:
    """Return model and number of the versions that bear no seal, deleted ones too."""
    found = reader.rows(
        "SELECT v.model, v.number FROM version v LEFT JOIN version_seal s ON s.model = v.model AND s.number = v.number"
        " WHERE s.number IS NULL ORDER BY v.model, v.number"
    )
    return [(row["model"], row["number"]) for row in found]
