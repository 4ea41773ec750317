"""What a model file may say of its data: [data] and [joins.NAME]."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from engine.settings.data import DataSettings, JoinSettings
from engine.settings.secrets import holds_credential
from engine.settings.sections import Column, Duration, Name, Section

_WHERE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"
_DATABASES = ("sqlite:", "postgresql:", "postgres:")

Secret = Annotated[str, Field(pattern=_WHERE)]


class SourceTable(Section):
    """What reads rows: a source, a query where it is a database, and where its credential lies."""

    source: Column
    query: str = ""
    secret: Secret | None = None

    @field_validator("secret", mode="wrap")
    @classmethod
    def _says_where(cls, value: Any, check: Any) -> Any:
        try:
            return check(value)
        except ValueError:  # pydantic would print the text, which may be the credential itself
            raise ValueError('secret must say where the credential lies: "env:NAME" or "file:PATH"') from None

    @field_validator("source", mode="after")
    @classmethod
    def _no_credential(cls, source: str) -> str:
        if holds_credential(source):
            raise ValueError('a credential does not belong in settings: say where it lies with secret = "env:NAME"')
        return source

    @model_validator(mode="after")
    def _databases_are_asked(self) -> SourceTable:
        is_database = self.source.startswith(_DATABASES)
        if is_database and not self.query.strip():
            raise ValueError('query is missing: say what the database is asked, "SELECT … FROM …"')
        if self.query and not is_database:
            raise ValueError("query belongs to a database: SQL over files is written as the source itself")
        return self


class DataTable(SourceTable):
    """[data]"""

    target: Column
    time_column: Column | None = None
    id_column: Column | None = None
    features: list[Column] = []
    personal: list[Column] = []
    group: Column | None = None
    incremental: bool = False
    lateness: Duration = 0.0

    @field_validator("features")
    @classmethod
    def _target_is_no_feature(cls, features: list[str], info: Any) -> list[str]:
        if info.data.get("target") in features:
            raise ValueError(f"the target {info.data['target']!r} cannot be a feature: remove it from the list")
        return features

    @model_validator(mode="after")
    def _increments_need_times(self) -> DataTable:
        if self.incremental and self.time_column is None:
            raise ValueError("incremental = true needs time_column: what is newer is told by it")
        if self.lateness and not self.incremental:
            raise ValueError("lateness belongs to incremental = true: otherwise everything is read each time")
        return self

    def section(self, joins: dict[str, JoinTable]) -> DataSettings:
        """Return the frozen section."""
        return DataSettings(
            source=self.source,
            target=self.target,
            time_column=self.time_column,
            id_column=self.id_column,
            features=tuple(self.features),
            personal=tuple(self.personal),
            group=self.group,
            query=self.query,
            secret=self.secret or "",
            incremental=self.incremental,
            lateness_s=self.lateness,
            joins=tuple(join.section(name) for name, join in joins.items()),
        )


class JoinTable(SourceTable):
    """[joins.NAME]: another source, joined as it was known at each row's time."""

    time_column: Column
    on: list[Column] = []
    columns: list[Column] = []
    prefix: str = ""
    max_age: Duration | None = None
    delay: Duration = 0.0

    def section(self, name: Name) -> JoinSettings:
        """Return the frozen section."""
        return JoinSettings(
            name=name,
            source=self.source,
            time_column=self.time_column,
            on=tuple(self.on),
            columns=tuple(self.columns),
            prefix=self.prefix,
            max_age_s=self.max_age,
            delay_s=self.delay,
            query=self.query,
            secret=self.secret or "",
        )
