"""Approvals and their answers, seals of versions, signers that are trusted, origins of imported versions."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql

from store.tables.columns import Table, count, moment, one_of, refers, text


class ApprovalTable(Table, table=True):
    """A request that a version may take traffic; of one version at most one is open or granted."""

    __tablename__ = "approval"
    __table_args__ = (
        one_of("kind", "approval", "second look"),
        one_of("state", "open", "granted", "refused", "withdrawn", "lapsed", "used"),
        refers("model version", "version", "model number"),
        refers("release_id", "release", "id"),
        Index(None, "state", "id"),
        Index(None, "model", "version", "id"),
        Index(
            "uq_approval_standing",
            "model",
            "version",
            unique=True,
            sqlite_where=sql("kind = 'approval' AND state IN ('open', 'granted')"),
            postgresql_where=sql("kind = 'approval' AND state IN ('open', 'granted')"),
        ),
    )

    id: str = text(primary_key=True)
    model: str = text()
    version: int = count()
    kind: str = text()
    state: str = text()
    asked: int = count()
    role: str = text()
    users: str = text()
    evidence_hash: str = text()
    settings_hash: str = text()
    champion_generation: int = count()
    requested_by: str = text()
    requested_at: int = moment()
    reason: str = text()
    via: str | None = text(default=None)
    due_at: int | None = moment(default=None)
    release_id: str | None = text(default=None)
    ended_at: int | None = moment(default=None)
    detail: str = text()
    card_hash: str | None = text(default=None)


class ApprovalAnswerTable(Table, table=True):
    """What one person answered to a request, as it now stands."""

    __tablename__ = "approval_answer"
    __table_args__ = (
        one_of("answer", "granted", "refused", "withdrawn"),
        refers("approval_id", "approval", "id"),
    )

    approval_id: str = text(primary_key=True)
    actor: str = text(primary_key=True)
    answer: str = text()
    reason: str = text()
    via: str | None = text(default=None)
    answered_at: int = moment()


class DeckKeyTable(Table, table=True):
    """The public half of a key that the deck signs with, hexadecimal."""

    __tablename__ = "deck_key"

    public: str = text(primary_key=True)
    made_at: int = moment()


class VersionSealTable(Table, table=True):
    """What was signed of a version when it was made."""

    __tablename__ = "version_seal"
    __table_args__ = (refers("model number", "version", "model number"), refers("signer", "deck_key", "public"))

    model: str = text(primary_key=True)
    number: int = count(primary_key=True)
    statement: str = text()
    signer: str = text()
    signature: str = text()
    sealed_at: int = moment()


class TrustedSignerTable(Table, table=True):
    """The public key of another deck, hexadecimal, whose bundles are imported here."""

    __tablename__ = "trusted_signer"

    public: str = text(primary_key=True)
    name: str = text()
    actor: str = text()
    trusted_at: int = moment()
    withdrawn_at: int | None = moment(default=None)


class VersionOriginTable(Table, table=True):
    """Which version of which deck an imported version was, and by whose signature that is known."""

    __tablename__ = "version_origin"
    __table_args__ = (refers("model number", "version", "model number"), UniqueConstraint("sealed_hash"))

    model: str = text(primary_key=True)
    number: int = count(primary_key=True)
    deck: str = text()
    deck_id: str = text()
    origin_number: int = count()
    signer: str = text()
    sealed_hash: str = text()
    bundle_hash: str = text()
    record_hash: str = text()
    actor: str = text()
    imported_at: int = moment()
