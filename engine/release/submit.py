"""Opens releases: what was previewed is checked again and done in one transaction, for people and policies alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.governance.approvals import Standing
from engine.governance.keeping import KeptCard, keep_card
from engine.governance.second_look import ask_for as ask_for_second_look
from engine.release.basis import check_basis, promote_basis, rollback_basis
from engine.release.control import abort_in, go_on
from engine.release.facts import PAST_RELEASES, RollbackFacts, gather_promote, gather_rollback
from engine.release.history import made_champion
from engine.release.opening import open_with_job
from engine.release.plan import plan_promote
from engine.release.plan_back import plan_rollback
from engine.release.preview import promote_already, promote_blocked, promote_waits, rollback_target, traffic_now
from engine.release.settle import settle
from store import deployments, models, releases, versions
from store.database import Write
from store.errors import Held, Refused
from store.rows import Release

if TYPE_CHECKING:
    from engine.deck import Deck


def submit_promote(  # noqa: PLR0913 (one keyword for each thing a promotion is asked for with)
    deck: Deck,
    model: str,
    version: int | None,
    *,
    basis: str = "",
    reason: str = "",
    emergency: bool = False,
    actor: str,
    via: str | None = None,
    shadow: str = "",
) -> Release:
    """Open a promotion and enqueue its job; an empty basis means: as things stand now. `shadow`: see PromoteFacts.

    In an `emergency` approvals are passed over: a second look is asked for in the same transaction, and an alert opens.

    Where the version serves already nothing is written, and the release that gave it the traffic is returned.

    Raises:
        StaleBasis: what was previewed no longer stands.
        Refused: a release is open already, or the version is abandoned and no reason is given.
        Held: people have yet to say yes.
        UnknownName: no such model or version.
    """
    traffic = traffic_now(deck, model)
    card = card_of_promoted(deck, model, version)
    with deck.database.write() as tx:
        facts = gather_promote(tx, model, version, reason, emergency=emergency, shadow=shadow)
        blocked = promote_blocked(facts)
        if blocked:
            raise Refused(blocked)
        past = releases.releases(tx, endpoint=model, limit=PAST_RELEASES)
        serving = made_champion(past, facts.to.number)
        if promote_already(facts) and serving is not None:
            return serving
        if promote_waits(facts):
            raise Held(facts.standing.waits, facts.standing.hint)
        check_basis(basis, promote_basis(facts))
        if facts.decides is not None:
            return go_on(tx, facts.decides, actor=actor, reason=reason, via=via)
        deployments.ensure_endpoint(tx, model)
        release = open_with_job(
            tx,
            plan_promote(facts, traffic),
            promote_basis(facts),
            facts.here.settings_revision,
            reason=reason,
            actor=actor,
            via=via,
            evidence=approved_by(facts.standing) | with_card(tx, card),
        )
        if facts.emergency:
            ask_for_second_look(tx, facts.to, release, via)
        return release


def submit_rollback(
    deck: Deck, model: str, *, basis: str = "", reason: str = "", actor: str, via: str | None = None
) -> Release:
    """Go back. A running release is aborted; a warm former champion gets the traffic in this very transaction.

    Raises:
        StaleBasis: what was previewed no longer stands.
        Refused: there is nothing to go back to.
        UnknownName: no such model.
    """
    with deck.database.write() as tx:
        facts = gather_rollback(tx, model)
        check_basis(basis, rollback_basis(facts))
        if facts.here.active is not None:
            return abort_in(tx, facts.here.active, reason=reason, actor=actor, via=via)
        target = rollback_target(facts)
        release = open_with_job(
            tx,
            plan_rollback(facts, target),
            rollback_basis(facts),
            facts.here.settings_revision,
            reason=reason,
            actor=actor,
            via=via,
            evidence={"reverts": facts.reverts.id if facts.reverts else None},
        )
        return _change_route(tx, facts, release) if facts.is_warm else release


def approved_by(found: Standing) -> dict[str, Any]:
    """Return what a release's evidence says of the approval that lets it through."""
    return {"approval": found.approval.id} if found.approval is not None else {}


def card_of_promoted(deck: Deck, model: str, version: int | None) -> KeptCard | None:
    """Keep the card of the version that is to be promoted; None where there is none, which is told elsewhere."""
    with deck.database.reading() as reader:
        challenger = models.alias(reader, model, "challenger")
        number = version if version is not None else challenger.version if challenger is not None else None
        found = versions.some(reader, model, () if number is None else (number,)).get(number or 0)
    return keep_card(deck, found) if found is not None else None


def with_card(tx: Write, card: KeptCard | None) -> dict[str, Any]:
    """Return what a release's evidence says of the card kept with it."""
    return {"card": card.record(tx)} if card is not None else {}


def _change_route(tx: Write, facts: RollbackFacts, release: Release) -> Release:
    """Commit the routes, the alias and the marks of a warm rollback; its job drains and records."""
    arriving = [warm for host in facts.here.hosts if (warm := facts.warm_on(host)) is not None]
    releases.set_state(tx, release.id, "running")
    for step in releases.steps(tx, release.id):
        if step.kind == "route":
            releases.set_step(tx, release.id, step.number, "done", verdict="passed", observed=dict(step.args))
        elif step.kind == "alias":
            settle(tx, release, step, arriving, reverts=release.evidence.get("reverts"))
    releases.set_state(tx, release.id, "completed", verdict="passed")
    return releases.release(tx, release.id)
