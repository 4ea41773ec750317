"""Models, versions and their aliases; the settings and snapshots they stand on."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class SettingsRevision:
    """One applied state of deck.toml and models/*.toml; `revision` counts up from 1."""

    revision: int
    hash: str
    body: dict[str, Any]
    actor: str
    applied_at: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model by name, with what a list shows of it."""

    name: str
    task: str
    owner: str
    description: str
    created_at: int
    versions: int
    champion: int | None
    challenger: int | None
    deleted_at: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    comments: int = 0  # that stand on it


@dataclass(frozen=True, slots=True)
class Version:
    """An immutable version: everything that made it, by hash."""

    model: str
    number: int
    run_id: str
    snapshot_id: str
    settings_revision: int
    bundle_hash: str
    environment_hash: str
    artifact_hash: str
    golden_hash: str
    signature: dict[str, Any]
    decision: dict[str, Any]
    evaluation: dict[str, Any]
    estimator: str
    artifact_bytes: int
    git_commit: str | None
    git_dirty: bool | None
    cutoff_at: int | None  # newest time in the training data (holdout excluded)
    derived_from: int | None
    description: str
    actor: str
    created_at: int
    abandoned_at: int | None
    aliases: tuple[str, ...]
    tags: dict[str, str]
    deleted_at: int | None = None
    comments: int = 0  # that stand on it


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A version as a list shows it: what it is called, who made it of which run, and what its evaluation came to.

    The documents of a `Version` are left out, and the hashes that say how it was made; `artifact_hash` is what it is.
    `headline` is JSON that `store.rows.headlines.read_headline` reads: a text, as few rows of a list are looked at.
    """

    model: str
    number: int
    run_id: str
    artifact_hash: str
    estimator: str
    headline: str
    cutoff_at: int | None  # newest time in the training data (holdout excluded)
    description: str
    actor: str
    created_at: int
    abandoned_at: int | None
    aliases: tuple[str, ...]
    tags: dict[str, str]
    deleted_at: int | None = None
    comments: int = 0  # that stand on it


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a version: per base, server contract and platform. `id` and `digest` are the image's own hash."""

    id: str
    model: str
    version: int
    base: str
    contract: int
    platform: str
    digest: str
    size_bytes: int
    built_at: int
    record_hash: str  # the blob that lists what it was made of: base, wheels and layers, each by hash


@dataclass(frozen=True, slots=True)
class Alias:
    """A movable name on a version; `generation` counts its moves."""

    model: str
    name: str
    version: int
    generation: int
    actor: str
    moved_at: int


@dataclass(frozen=True, slots=True)
class AliasMove:
    """One move of an alias; no `to_version` says that it was removed, no `from_version` that it named none before."""

    model: str
    name: str
    generation: int
    from_version: int | None
    to_version: int | None
    actor: str
    reason: str
    moved_at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable data, content-addressed: the same rows give the same id. `id` is `sha256:…` of the Parquet blob."""

    id: str
    model: str
    rows: int
    columns: tuple[dict[str, Any], ...]  # {"name", "type", "nulls"}
    time_column: str | None
    from_at: int | None
    to_at: int | None
    origin: str
    size_bytes: int
    created_at: int
