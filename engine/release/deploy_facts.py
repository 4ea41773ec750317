"""What bringing a champion to the applied settings is decided on, gathered in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.governance.approvals import NONE_ASKED, Standing, standing
from engine.plans import Difference
from engine.release.facts import EndpointFacts, HostFacts, applied_settings, gather
from engine.settings.started import Terms, terms_of
from store import deployments
from store.database import Reader
from store.errors import Refused
from store.rows import Version


@dataclass(frozen=True, slots=True)
class DeployFacts:
    """Everything a deploy is planned from; `before` tells of each host that serves what its servers run under."""

    here: EndpointFacts
    champion: Version
    now: Terms
    before: Mapping[str, Terms]
    outdated: Mapping[str, tuple[Difference, ...]]  # image: in what one made now would differ
    standing: Standing = NONE_ASKED

    def differs(self, host: HostFacts) -> bool:
        """Say whether a host needs new servers."""
        serving = host.serving
        return (
            serving is None
            or serving.version != self.champion.number
            or self.before[host.name] != self.now
            or serving.image in self.outdated
        )

    @property
    def changing(self) -> tuple[HostFacts, ...]:
        """The hosts that get new servers, in the order of the settings."""
        return tuple(host for host in self.here.hosts if self.differs(host))


def gather_deploy(reader: Reader, model: str, outdated: Mapping[str, tuple[Difference, ...]]) -> DeployFacts:
    """Gather what a deploy is decided on, beside the images that are outdated.

    Raises:
        UnknownName: no such model.
        Refused: nothing of it serves, or it serves on a host that the deck does not know any more.
    """
    here = gather(reader, model)
    everywhere = (*here.hosts, *here.leaving)
    if here.champion is None or not any(host.serving for host in everywhere):
        version = f" {here.champion.number}" if here.champion else ""
        raise Refused(f"nothing of {model} serves", f"give a version the traffic: modeldeck promote {model}{version}")
    known = {host.name for host in everywhere}
    lost = [one for one in deployments.deployments(reader, endpoint=model) if one.host not in known]
    if any(one.desired != "stopped" for one in lost):
        name = lost[0].host
        raise Refused(f"{model} still serves on {name}, which is no host of this deck any more", "declare it again")
    before = {
        host.name: terms_of(applied_settings(reader, model, host.serving.settings_revision)[0])
        for host in here.hosts
        if host.serving is not None
    }
    return DeployFacts(here, here.champion, terms_of(here.settings), before, outdated, standing(reader, here.champion))
