"""Those settings that a server is started with: a change of any of them takes new servers. Pure."""

from __future__ import annotations

from engine.plans import Difference
from engine.settings.model import ModelSettings
from store.rows.frozen import dataclass

NONE = "none"


@dataclass(frozen=True, slots=True)
class Terms:
    """Those settings that a server is started with; a change of any other acts without new servers."""

    replicas: int
    memory_mb: int | None
    queue_ms: int | None
    log_mode: str
    log_personal: str
    personal: tuple[str, ...]
    time_column: str

    def lines(self) -> list[tuple[str, str]]:
        """Return each setting by its name in the model file, with its value in words."""
        return [
            ("deploy.replicas", str(self.replicas)),
            ("deploy.memory_mb", NONE if self.memory_mb is None else str(self.memory_mb)),
            ("deploy.queue_ms", NONE if self.queue_ms is None else str(self.queue_ms)),
            ("log.mode", self.log_mode),
            ("log.personal", self.log_personal),
            ("data.personal", ", ".join(self.personal) or NONE),
            ("data.time_column", self.time_column or NONE),
        ]


def terms_of(settings: ModelSettings) -> Terms:
    """Return what servers of a model are started with under these settings."""
    return Terms(
        replicas=settings.deploy.replicas,
        memory_mb=settings.deploy.memory_mb,
        queue_ms=settings.deploy.queue_ms,
        log_mode=settings.log.mode,
        log_personal=settings.log.personal,
        personal=tuple(settings.data.personal),
        time_column=settings.data.time_column or "",
    )


def differing(before: Terms, now: Terms) -> tuple[Difference, ...]:
    """Return the settings that differ, in the order of the model file."""
    pairs = zip(before.lines(), now.lines(), strict=True)
    return tuple(Difference(name, old, new) for (name, old), (_, new) in pairs if old != new)
