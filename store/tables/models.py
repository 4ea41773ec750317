"""Models, versions, their tags and aliases, and images."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from store.tables.columns import BY_KEY, Table, count, moment, refers, serial, text


class ModelTable(Table, table=True):
    """A model by name."""

    __tablename__ = "model"
    __table_args__ = (refers("settings_revision", "settings_revision", "revision"),)

    name: str = text(primary_key=True)
    task: str = text()
    owner: str = text()
    description: str = text()
    settings_revision: int = count()
    created_at: int = moment()
    deleted_at: int | None = moment(default=None)


class ModelTagTable(Table, table=True):
    """A word and its value on a model."""

    __tablename__ = "model_tag"
    __table_args__ = (refers("model", "model", "name"),)

    model: str = text(primary_key=True)
    key: str = text(primary_key=True)
    value: str = text()


class VersionDetailTable(Table, table=True):
    """What made a version, and its documents, each as long as it may be: read when one is opened, not for a list."""

    __tablename__ = "version_detail"
    __table_args__ = (
        refers("model snapshot_id", "snapshot", "model id"),
        refers("settings_revision", "settings_revision", "revision"),
    )

    id: int = serial(primary_key=True)
    model: str = text()
    snapshot_id: str = text()
    settings_revision: int = count()
    bundle_hash: str = text()
    environment_hash: str = text()
    artifact_bytes: int = moment()
    golden_hash: str = text()
    git_commit: str | None = text(default=None)
    git_dirty: int | None = count(default=None)
    signature: str = text()
    decision: str = text()
    evaluation: str = text()


class VersionTable(Table, table=True):
    """An immutable version; only its mark, its description, its tags and its deletion ever change.

    It holds what a list shows, several versions to a page, and the number of its details. `headline` says in short what
    its evaluation says, `tags` as one text what `version_tag` holds row by row.
    """

    __tablename__ = "version"
    __table_args__ = (
        refers("model", "model", "name"),
        refers("run_id", "run", "id"),
        refers("model derived_from", "version", "model number"),
        refers("detail", "version_detail", "id"),
        CheckConstraint("number > 0", name="number"),
        BY_KEY,
    )

    model: str = text(primary_key=True)
    number: int = count(primary_key=True)
    run_id: str = text()
    artifact_hash: str = text()
    estimator: str = text()
    headline: str = text()
    cutoff_at: int | None = moment(default=None)
    derived_from: int | None = count(default=None)
    actor: str = text()
    created_at: int = moment()
    abandoned_at: int | None = moment(default=None)
    deleted_at: int | None = moment(default=None)
    detail: int = serial()
    tags: str = text()
    description: str = text()  # the last, as it may be long


class VersionTagTable(Table, table=True):
    """A word and its value on a version."""

    __tablename__ = "version_tag"
    __table_args__ = (
        refers("model number", "version", "model number"),
        Index(None, "key", "value", "model", "number"),
        BY_KEY,
    )

    model: str = text(primary_key=True)
    number: int = count(primary_key=True)
    key: str = text(primary_key=True)
    value: str = text()


class AliasTable(Table, table=True):
    """A movable name. A removed one keeps its row without a version, so that its generation never repeats."""

    __tablename__ = "alias"
    __table_args__ = (refers("model", "model", "name"), refers("model version", "version", "model number"), BY_KEY)

    model: str = text(primary_key=True)
    name: str = text(primary_key=True)
    version: int | None = count(default=None)
    generation: int = count()
    actor: str = text()
    moved_at: int = moment()


class ImageTable(Table, table=True):
    """One built image of a version: per base, server contract and platform, by digest."""

    __tablename__ = "image"
    __table_args__ = (
        refers("model version", "version", "model number"),
        UniqueConstraint("model", "version", "base", "contract", "platform", "digest"),
    )

    id: str = text(primary_key=True)
    model: str = text()
    version: int = count()
    base: str = text()
    contract: int = count()
    platform: str = text()
    digest: str = text()
    size_bytes: int = moment()
    built_at: int = moment()
    record_hash: str = text(sa_column_kwargs={"server_default": ""})
