"""Handlers of operations on approvals."""

from __future__ import annotations

from dataclasses import replace

from engine.governance import approvals as governance
from engine.governance.binding import basis_of
from engine.operations.approvals import ApprovalChange, ApprovalRequest, ApprovalsRequest, GrantRequest
from engine.plans import Plan, PlanStep, Preview
from engine.service.call import operation_named
from engine.service.context import ServiceContext
from store.database import Reader
from store.errors import NotAllowed, Refused
from store.rows import Approval, Version


def approvals(context: ServiceContext, request: ApprovalsRequest) -> list[Approval]:
    """Return approvals, newest first."""
    from store import approvals as table
    from store import models

    if request.model is not None:
        models.model(context.deck.database, request.model)
    return table.approvals(context.deck.database, model=request.model, standing_only=not request.all)


def request(context: ServiceContext, request: ApprovalRequest) -> Approval:
    """Ask that a version may take traffic; what is asked already is returned."""
    from engine.governance.keeping import keep_card

    caller = context.caller
    with context.deck.database.reading() as reader:
        version = _version(reader, request.model, request.version)
    card = keep_card(context.deck, version)
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        version = _version(tx, request.model, version.number)
        asked, _ = governance.request(
            tx, version, actor=caller.actor, reason=request.reason, via=caller.via, card=card.record(tx)
        )
        return asked


def preview_grant(context: ServiceContext, request: GrantRequest) -> Preview:
    """Return what would be granted: the promotion's differences and checks, and who has said yes so far."""
    from engine.release import preview_deploy, preview_promote
    from store import models

    with context.deck.database.reading() as reader:
        version = _version(reader, request.model, request.version)
        asked = governance.waiting(reader, version, context.caller.actor)
        champion = models.alias(reader, request.model, "champion")
    serves = champion is not None and champion.version == version.number
    of = (
        preview_deploy(context.deck, request.model)
        if serves
        else preview_promote(context.deck, request.model, version.number, "granted")
    )
    mine = any(one.actor == context.caller.actor for one in asked.granted)
    return Preview(
        _plan(of.plan, asked),
        basis_of(asked),
        already=f"already granted by you: {request.model}@{version.number}" if mine else "",
    )


def grant(context: ServiceContext, request: GrantRequest) -> Approval:
    """Say yes. Who may not, or says yes to something else than what stands, is on record with why."""
    try:
        return _granted(context, request)
    except (NotAllowed, Refused) as error:
        context.refusals.refused(context.deck, context.caller, operation_named("approvals.grant"), error.message)
        raise


def _granted(context: ServiceContext, request: GrantRequest) -> Approval:
    from engine.governance.second_look import after_answer

    with context.deck.database.write() as tx:
        version = _version(tx, request.model, request.version)
        given, _ = governance.grant(tx, version, context.caller, basis=request.basis, reason=request.reason)
        if given.kind == "second look":
            after_answer(tx, given, actor=context.caller.actor)
        return given


def refuse(context: ServiceContext, request: ApprovalChange) -> Approval:
    """Say no."""
    from engine.governance.second_look import after_answer

    with context.deck.database.write(dry_run=request.dry_run) as tx:
        version = _version(tx, request.model, request.version)
        given = governance.refuse(tx, version, context.caller, reason=request.reason)
        if given.kind == "second look":
            after_answer(tx, given, actor=context.caller.actor)
        return given


def withdraw(context: ServiceContext, request: ApprovalChange) -> Approval:
    """Take one's own request or grant back."""
    with context.deck.database.write(dry_run=request.dry_run) as tx:
        version = _version(tx, request.model, request.version)
        return governance.withdraw(tx, version, context.caller, reason=request.reason)


def _plan(of: Plan, asked: Approval) -> Plan:
    """Return what granting comes to, beside what the release would change."""
    number, so_far = len(asked.granted) + 1, ", ".join(one.actor for one in asked.granted) or "nobody yet"
    because = f": {asked.reason}" if asked.reason else ""
    title = f"grant {number} of {asked.asked} of the {asked.kind} of v{asked.version}, asked by {asked.requested_by}"
    steps = [PlanStep("grant", f"{title}{because}")]
    if number >= asked.asked:
        after = "its alert resolves" if asked.kind == "second look" else "it may be promoted"
        steps.append(PlanStep("granted", f"{after}; nothing moves by itself"))
    return replace(
        of,
        kind="grant",
        summary=f"{asked.model}: {asked.kind} of v{asked.version}, granted by {so_far}",
        undo=f"modeldeck approvals withdraw {asked.model} {asked.version}",
        warnings=(),  # of steps that granting does not begin
        steps=tuple(steps),
    )


def _version(reader: Reader, model: str, number: int | None) -> Version:
    """Return a version that is not deleted; without a number the challenger.

    Raises:
        UnknownName: no such model or version.
        Refused: no version is named and there is no challenger, or it is deleted.
    """
    from store import models, versions

    models.model(reader, model)
    if number is None:
        challenger = models.alias(reader, model, "challenger")
        if challenger is None:
            raise Refused(
                f"{model} has no challenger", f"name the version: modeldeck approvals request {model} VERSION"
            )
        number = challenger.version
    found = versions.version(reader, model, number)
    if found.deleted_at is not None:
        raise Refused(f"{model}@{number} is deleted", f"bring it back: modeldeck versions restore {model} {number}")
    return found
