"""What a release is decided on: gathered from the registry in one look, then only read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.governance.approvals import NONE_ASKED, Standing, standing
from engine.release.history import former_champion, newest_revertible
from engine.release.placing import Placement, placements
from engine.settings.model import DeckSettings, ModelSettings
from store import deployments, faults, models, releases, settings, versions
from store.database import Reader
from store.errors import Refused, UnknownName
from store.rows import Alias, Deployment, Endpoint, Fault, Release, Replica, Version
from store.summaries import summaries

TO_DECIDE = "to decide"  # the verdict of an A/B, or of a shadow, that is over: a person promotes or aborts
PAST_RELEASES = 500  # further back than anyone rolls


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One host of an endpoint: what serves there, and what is kept warm with servers that are ready."""

    name: str
    kind: str  # process, docker
    serving: Deployment | None
    warm: tuple[Deployment, ...]
    silent: Fault | None = None  # the host does not answer: what it does is not known


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """An endpoint as it stands: champion, what serves where, what is being released."""

    model: str
    settings: ModelSettings
    settings_revision: int
    endpoint: Endpoint | None
    champion: Version | None
    champion_generation: int  # 0: there never was one
    challenger: int | None
    hosts: tuple[HostFacts, ...]
    active: Release | None
    leaving: tuple[HostFacts, ...] = ()  # they run servers of the endpoint, and the settings name them no more

    @property
    def serves(self) -> bool:
        """Say whether the champion takes traffic on every host of the settings."""
        return self.champion is not None and all(
            host.serving is not None and host.serving.version == self.champion.number for host in self.hosts
        )


@dataclass(frozen=True, slots=True)
class PromoteFacts:
    """Everything `plan_promote` reads."""

    here: EndpointFacts
    to: Version
    reason: str = ""
    standing: Standing = NONE_ASKED
    emergency: bool = False  # approvals are passed over: a second look is asked for instead
    shadow: str = ""  # "", goes on, decides: whether it is a shadow first, and whether a person decides after that

    @property
    def decides(self) -> Release | None:
        """The release whose A/B or shadow is over and waits for this very promotion."""
        active = self.here.active
        waits = active is not None and active.state == "held" and active.evidence.get("cause") == TO_DECIDE
        return active if waits and active is not None and active.to_version == self.to.number else None


@dataclass(frozen=True, slots=True)
class RollbackFacts:
    """Everything a rollback is planned from. `to` is None where there is nothing to go back to.

    `former` is where the servers were before the deploy that is taken back; it is empty where a promotion is. The hosts
    and settings of `here` are then those of before, too.
    """

    here: EndpointFacts
    reverts: Release | None
    to: Version | None
    former: tuple[Placement, ...] = ()
    others: bool = True  # there are versions beside the champion

    @property
    def is_warm(self) -> bool:
        """Say whether going back is a route change: the target is kept warm on every host, or serves there still."""
        return self.to is not None and all(
            self.stays(host) or self.warm_on(host) is not None for host in self.here.hosts
        )

    def warm_on(self, host: HostFacts) -> Deployment | None:
        """Return the warm deployment that going back leads to on a host, if there is one."""
        if not self.former:
            return warm_of(host, self.to.number) if self.to is not None else None
        ids = {one.deployment_id for one in self.former}
        return next((one for one in host.warm if one.id in ids), None)

    def stays(self, host: HostFacts) -> bool:
        """Say whether a host was left alone by the deploy that is taken back."""
        return host.serving is not None and any(one.deployment_id == host.serving.id for one in self.former)


def warm_of(host: HostFacts, version: int) -> Deployment | None:
    """Return the warm deployment of a version on a host, if there is one."""
    return next((one for one in host.warm if one.version == version), None)


def applied_settings(reader: Reader, model: str, revision: int | None = None) -> tuple[ModelSettings, int]:
    """Return a model's settings as applied, and their revision (the newest unless one is named).

    Raises:
        Refused: no settings are applied yet.
        UnknownName: the applied settings do not know the model.
    """
    row = settings.current(reader) if revision is None else settings.get(reader, revision)
    if row is None:
        raise Refused("no settings are applied yet", "run: modeldeck apply")
    body = DeckSettings.from_body(row.body)
    if model not in body.models:
        raise UnknownName(f"the applied settings do not know the model {model!r}", "apply its file: modeldeck apply")
    return body.models[model], row.revision


def gather(reader: Reader, model: str) -> EndpointFacts:
    """Gather an endpoint's facts.

    Raises:
        UnknownName: no such model.
        Refused: no settings are applied, or they name a host that the deck does not have.
    """
    models.model(reader, model)
    body, revision = applied_settings(reader, model)
    kinds = {host.name: host.kind for host in deployments.hosts(reader)}
    unknown = [name for name in body.deploy.hosts if name not in kinds]
    if unknown:
        raise Refused(
            f"host {unknown[0]!r} is not a host of this deck", "declare it in deck.toml, then: modeldeck apply"
        )
    aliases = {alias.name: alias for alias in models.aliases(reader, model)}
    champion = aliases.get("champion")
    live = deployments.deployments(reader, endpoint=model)
    return EndpointFacts(
        model=model,
        settings=body,
        settings_revision=revision,
        endpoint=next((one for one in deployments.endpoints(reader) if one.name == model), None),
        champion=versions.version(reader, model, champion.version) if champion else None,
        champion_generation=champion.generation if champion else 0,
        challenger=_version_of(aliases.get("challenger")),
        hosts=tuple(_host(reader, name, kinds[name], live) for name in body.deploy.hosts),
        active=releases.active(reader, model),
        leaving=_beside(reader, body.deploy.hosts, kinds, live),
    )


def gather_promote(
    reader: Reader, model: str, version: int | None, reason: str = "", *, emergency: bool = False, shadow: str = ""
) -> PromoteFacts:
    """Gather what a promotion is decided on; without `version` it is the challenger. `shadow`: see PromoteFacts.

    Raises:
        UnknownName: no such model or version.
        Refused: no version is named and there is no challenger, or the version is deleted.
    """
    here = gather(reader, model)
    number = version if version is not None else here.challenger
    if number is None:
        raise Refused(f"{model} has no challenger", f"name the version: modeldeck promote {model} VERSION")
    to = versions.version(reader, model, number)
    if to.deleted_at is not None:
        raise Refused(f"{model}@{number} is deleted", f"bring it back: modeldeck versions restore {model} {number}")
    return PromoteFacts(here, to, reason, standing(reader, to), emergency, shadow)


def gather_rollback(reader: Reader, model: str) -> RollbackFacts:
    """Gather what a rollback is decided on."""
    here = gather(reader, model)
    past = releases.releases(reader, endpoint=model, limit=PAST_RELEASES)
    reverts = newest_revertible(past, here.champion.number if here.champion else None)
    if here.active is None and reverts is not None and reverts.kind == "deploy":
        return _before_deploy(reader, here, reverts)
    listed = summaries(reader, model)
    known = dict(zip(listed.column("number"), listed.column("abandoned_at"), strict=True))
    left = {number for number, abandoned_at in known.items() if abandoned_at is not None}
    deleted = {number for one in past for number in (one.from_version, one.to_version) if number not in known}
    away = left | {number for number in deleted if number is not None}
    target = former_champion(past, here.champion.number, away) if here.champion and reverts else None
    others = any(here.champion is None or number != here.champion.number for number in known)
    to = versions.version(reader, model, target) if target is not None else None
    return RollbackFacts(here, reverts, to, others=others)


def _before_deploy(reader: Reader, here: EndpointFacts, reverts: Release) -> RollbackFacts:
    """Return what taking a deploy back leads to: the same version, on the servers it had.

    Raises:
        Refused: a host it was on is no host of the deck any more.
    """
    former = placements(reverts.evidence)
    kinds = {host.name: host.kind for host in deployments.hosts(reader)}
    gone = [one.host for one in former if one.host not in kinds]
    if gone:
        raise Refused(
            f"{here.model} was on {gone[0]}, which is no host of this deck any more",
            "declare it again, or say in the model file where it should be, then: modeldeck deploy",
        )
    names = [one.host for one in former]
    live = deployments.deployments(reader, endpoint=here.model)
    body, revision = applied_settings(reader, here.model, max(one.settings_revision for one in former))
    before = replace(
        here,
        settings=body,
        settings_revision=revision,
        hosts=tuple(_host(reader, name, kinds[name], live) for name in names),
        leaving=_beside(reader, names, kinds, live),
    )
    return RollbackFacts(here=before, reverts=reverts, to=here.champion, former=former)


def ready_replicas(reader: Reader, deployment: Deployment) -> tuple[Replica, ...]:
    """Return the replicas of a deployment that answer their golden requests right now."""
    return tuple(one for one in deployments.replicas(reader, deployment.id) if one.state == "ready")


def _host(reader: Reader, name: str, kind: str, live: list[Deployment]) -> HostFacts:
    here = [one for one in live if one.host == name]
    silent = faults.silent(reader, name)
    return HostFacts(
        name=name,
        kind=kind,
        serving=next((one for one in here if one.desired == "serving" and one.role == "champion"), None),
        # a silent host is to go back once it is there again: its reconciler gives traffic to what is ready only
        warm=tuple(one for one in here if one.desired == "warm" and (silent or ready_replicas(reader, one))),
        silent=silent,
    )


def _beside(
    reader: Reader, named: Iterable[str], kinds: dict[str, str], live: list[Deployment]
) -> tuple[HostFacts, ...]:
    """Return the hosts that run servers of an endpoint and are not among those named; undeclared ones are out of
    anybody's reach and left out."""
    names = sorted({one.host for one in live if one.desired != "stopped"} - set(named))
    return tuple(_host(reader, name, kinds[name], live) for name in names if name in kinds)


def _version_of(alias: Alias | None) -> int | None:
    return alias.version if alias else None
