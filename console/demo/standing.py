"""How far a demo's model is, read from the registry alone: so an unfinished demo goes on where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.follow import ENDED
from engine.operations.common import Page
from engine.operations.models import VersionsRequest
from engine.operations.serving import ReleasesRequest
from engine.operations.watching import WindowsRequest
from store.errors import UnknownName
from store.rows import Alert, Job, Release, Version, Window

if TYPE_CHECKING:
    from engine.client import Client

MANY = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """What the registry holds of one model."""

    versions: tuple[Version, ...]  # oldest first
    releases: tuple[Release, ...]  # newest first
    told: int  # outcomes recorded: as many rows of the replay were sent and labelled
    windows: tuple[Window, ...]
    alerts: tuple[Alert, ...]
    training: Job | None = None  # under way, perhaps since an earlier demo that was interrupted

    @property
    def open_release(self) -> Release | None:
        """The release under way or held, if any."""
        return next((each for each in self.releases if each.is_open), None)

    @property
    def is_rolled_back(self) -> bool:
        """True once a rollback completed."""
        return any(each.kind == "rollback" and each.state == "completed" for each in self.releases)

    def made_for(self, reason: str) -> Version | None:
        """Return the newest version that was trained for this reason."""
        return next((each for each in reversed(self.versions) if each.description == reason), None)

    def promoted(self, reason: str) -> bool:
        """Say whether a promotion to a version trained for this reason ever completed."""
        numbers = {each.number for each in self.versions if each.description == reason}
        return any(
            each.kind == "promote" and each.to_version in numbers and each.state == "completed"
            for each in self.releases
        )


def standing(client: Client, model: str) -> Standing:
    """Read one model's standing; all is empty before its settings are applied."""
    try:
        versions = client.call("versions.list", VersionsRequest(model))
    except UnknownName:
        return Standing((), (), 0, (), ())
    deliveries = client.call("events.list", Page(f"outcomes.recorded {model}", MANY))
    return Standing(
        versions=tuple(sorted(versions, key=lambda version: version.number)),
        releases=tuple(client.call("releases.list", ReleasesRequest(model, MANY))),
        told=sum(int(event.body.get("rows", 0)) for event in deliveries if event.model == model),
        windows=tuple(client.call("monitors.windows", WindowsRequest(model, MANY))),
        alerts=tuple(alert for alert in client.call("alerts.list") if alert.model == model),
        training=next(
            (
                job
                for job in client.call("jobs.list", Page(f"train {model}", MANY))
                if job.kind == "train" and job.model == model and job.state not in ENDED
            ),
            None,
        ),
    )
