"""What deck.toml may say of who is told: [notify.NAME]. A secret written in plain is refused, and never repeated."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from engine.settings.notify import DEFAULT_ON, EVENTS, GROUPS, NotifySettings
from engine.settings.notify_address import address_problem, has_secret
from engine.settings.secrets import is_reference
from engine.settings.sections import Duration, Name, Section

_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
PER_MINUTE = {"apprise": 3, "webhook": 60}


class NotifyTable(Section):
    """[notify.NAME]"""

    kind: Literal["webhook", "apprise"] = "apprise"
    url: str
    secret: str | list[str] = []
    on: Annotated[list[str], Field(min_length=1)] | None = None
    models: list[Name] = []
    people: list[str] = []
    severity: Literal["info", "warning", "critical"] = "info"
    quiet: str | None = None
    per_minute: Annotated[int, Field(ge=1, le=600)] | None = None
    timeout: Duration = 10.0
    plain_http: bool = False

    @field_validator("secret")
    @classmethod
    def _says_where(cls, secret: str | list[str]) -> str | list[str]:
        stated = [secret] if isinstance(secret, str) else secret
        if not all(is_reference(one) for one in stated):
            raise ValueError('a secret does not belong in settings: say where it lies, "env:NAME" or "file:PATH"')
        if len(stated) > 2:
            raise ValueError("at most two secrets are valid at once: the new one and the one it replaces")
        return secret

    @field_validator("on")
    @classmethod
    def _known_events(cls, on: list[str] | None) -> list[str] | None:
        for name in on or ():
            if name not in EVENTS and name not in [f"{group}.*" for group in GROUPS]:
                close = difflib.get_close_matches(name, EVENTS, n=1)
                raise ValueError(
                    f"no event {name!r}" + (f", did you mean {close[0]!r}?" if close else f": {', '.join(EVENTS)}")
                )
        return on

    @field_validator("people")
    @classmethod
    def _users(cls, people: list[str]) -> list[str]:
        for name in people:
            if not _USER.fullmatch(name):
                raise ValueError(f"{name[:40]!r} is no user name: write it as whoami says it")
        return people

    @field_validator("quiet")
    @classmethod
    def _hours(cls, quiet: str | None) -> str | None:
        if quiet is not None:
            match = _QUIET.fullmatch(quiet)
            if match is None or match.group(1, 2) == match.group(3, 4):
                raise ValueError('write two different times of day, such as "22:00-07:00"')
        return quiet

    @field_validator("timeout")
    @classmethod
    def _within_reason(cls, value: float) -> float:
        if not 1 <= value <= 60:
            raise ValueError('must be from "1s" to "1m"')
        return value

    @model_validator(mode="after")
    def _no_secret_in_plain(self) -> NotifyTable:
        if is_reference(self.url):
            return self._signed()
        if self.kind == "apprise":
            raise ValueError(
                'url holds a password or token: write where it lies, url = "env:NAME" or url = "file:PATH"'
            )
        if has_secret(self.url):
            raise ValueError('url holds a password or token: write where it lies, url = "env:NAME" or "file:PATH"')
        if problem := address_problem(self.url, self.plain_http):
            raise ValueError(f"url {problem}")
        return self._signed()

    def _signed(self) -> NotifyTable:
        if self.kind == "webhook" and not self.secret:
            raise ValueError('secret is missing: a webhook is signed, secret = "env:NAME" or "file:PATH"')
        if self.kind == "apprise" and self.secret:
            raise ValueError("secret belongs to a webhook: an Apprise address holds its own")
        if self.kind == "apprise" and self.plain_http:
            raise ValueError("plain_http belongs to a webhook")
        return self

    def section(self) -> NotifySettings:
        """Return the frozen section."""
        hours = _QUIET.fullmatch(self.quiet) if self.quiet else None
        clock = [int(part) for part in hours.groups()] if hours else []
        return NotifySettings(
            kind=self.kind,
            url=self.url,
            secrets=(self.secret,) if isinstance(self.secret, str) else tuple(self.secret),
            on=tuple(self.on) if self.on is not None else () if self.people else DEFAULT_ON,
            models=tuple(self.models),
            people=tuple(self.people),
            severity=self.severity,
            quiet=(clock[0] * 60 + clock[1], clock[2] * 60 + clock[3]) if clock else None,
            per_minute=self.per_minute or PER_MINUTE[self.kind],
            timeout_s=self.timeout,
            plain_http=self.plain_http,
        )
