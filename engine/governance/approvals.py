"""Requests that a version may take traffic, and the answers of people who did not make them.

An approval is bound to the version, its evidence, the model's applied settings and the champion it would replace. It is
looked at again in the transaction that opens the release, and by the release itself before anything starts.
"""

from __future__ import annotations

from engine.access import Caller, Role
from engine.governance.binding import basis_of, binding_of, changed
from engine.settings.approvals import ApprovalSettings
from store import approvals, settings
from store.database import Reader, Write
from store.errors import NotAllowed, Refused, StaleBasis
from store.rows import Approval, Version
from store.rows.frozen import dataclass

ACTOR = "trigger:approvals"  # who ends a request that nobody ended


@dataclass(frozen=True, slots=True)
class Standing:
    """What a promotion finds: the approval that lets it through, or why it has to wait. Neither: none is asked."""

    asked: int = 0
    approval: Approval | None = None
    waits: str = ""
    hint: str = ""


NONE_ASKED = Standing()


def asked_of(reader: Reader, model: str) -> ApprovalSettings:
    """Return what a model's applied settings ask; nothing where none are applied."""
    row = settings.current(reader)
    body = row.body["models"].get(model) if row is not None else None
    return ApprovalSettings.from_body(body["gates"]["approvals"]) if body else ApprovalSettings()


def standing(reader: Reader, version: Version) -> Standing:
    """Return whether a version may take traffic as far as people are asked."""
    asked = asked_of(reader, version.model)
    if not asked.count:
        return NONE_ASKED
    name, model = f"{version.model}@{version.number}", version.model
    ask = f"modeldeck approvals request {model} {version.number}"
    found = approvals.newest(reader, model, version.number)
    people = "1 approval" if asked.count == 1 else f"{asked.count} approvals"
    if found is None or found.state in ("withdrawn", "used"):
        return Standing(asked.count, waits=f"{name} needs {people}, and none is requested", hint=f"ask for it: {ask}")
    if found.state == "refused":
        return Standing(asked.count, waits=f"the approval of {name} was refused {found.detail}", hint=f"mend it; {ask}")
    why = found.detail if found.state == "lapsed" else changed(found, binding_of(reader, version))
    if why:
        return Standing(asked.count, waits=f"the approval of {name} has lapsed: {why}", hint=f"ask anew: {ask}")
    if found.state == "open":
        by = f"{len(found.granted)} of {found.asked} granted, {who_may(found)} may"
        grant = f"modeldeck approvals grant {model} {version.number}"
        return Standing(asked.count, waits=f"{name} awaits approval: {by}", hint=f"somebody else: {grant}")
    return Standing(asked.count, approval=found)


def request(
    tx: Write, version: Version, *, actor: str, reason: str = "", via: str | None = None, card: str | None = None
) -> tuple[Approval, bool]:
    """Ask that a version may take traffic; (the request, it is new). One that has lapsed is ended first.

    `card` is the blob of the version's card as it is now: who grants it grants what it says.

    Raises:
        Refused: the model asks for no approvals, or nothing is applied.
    """
    asked, now = asked_of(tx, version.model), binding_of(tx, version)
    if not asked.count:
        raise Refused(
            f"{version.model} asks for no approvals",
            f"promote it: modeldeck promote {version.model} {version.number}; or set approvals under [gates]",
        )
    found = approvals.newest(tx, version.model, version.number)
    if found is not None and found.state in ("open", "granted"):
        why = changed(found, now)
        if not why:
            return found, False
        approvals.lapse(tx, found.id, why, actor=ACTOR)
    made = approvals.request(
        tx,
        model=version.model,
        version=version.number,
        asked=asked.count,
        role=asked.role,
        users=asked.users,
        evidence_hash=now.evidence_hash,
        settings_hash=now.settings_hash,
        champion_generation=now.champion_generation,
        card_hash=card,
        actor=actor,
        reason=reason,
        via=via,
    )
    return made, True


def grant(tx: Write, version: Version, caller: Caller, *, basis: str = "", reason: str = "") -> tuple[Approval, bool]:
    """Say yes to what is requested of a version; (the approval, it is new). An empty basis: as things stand now.

    Raises:
        Refused: nothing is requested, or it has lapsed.
        StaleBasis: it is not what the person saw.
        NotAllowed: the caller requested it, or is not among those who may.
    """
    found = waiting(tx, version, caller.actor)
    if any(one.actor == caller.actor for one in found.granted):
        return found, False
    if basis and basis != basis_of(found):
        raise StaleBasis("this changed since you looked", "look again, then decide")
    _may(found, caller, "grant")
    return approvals.answer(tx, found.id, "granted", actor=caller.actor, reason=reason, via=caller.via), True


def refuse(tx: Write, version: Version, caller: Caller, *, reason: str) -> Approval:
    """Say no to what is requested of a version; it is over then.

    Raises:
        Refused: nothing is requested, or no reason is given.
        NotAllowed: the caller is not among those who may.
    """
    if not reason.strip():
        raise Refused("a refusal needs a reason", "say --reason what has to be mended")
    found = waiting(tx, version, caller.actor)
    _may(found, caller, "refuse")
    return approvals.answer(tx, found.id, "refused", actor=caller.actor, reason=reason, via=caller.via)


def withdraw(tx: Write, version: Version, caller: Caller, *, reason: str = "") -> Approval:
    """Take a request back that one made oneself, or one's own grant.

    Raises:
        Refused: nothing stands, or the caller neither requested nor granted it.
    """
    found = waiting(tx, version)
    if found.kind == "approval" and found.requested_by == caller.actor:
        return approvals.withdraw(tx, found.id, actor=caller.actor, reason=reason, via=caller.via)
    return approvals.take_back(tx, found.id, actor=caller.actor, reason=reason, via=caller.via)


def waiting(reader: Reader, version: Version, actor: str = "") -> Approval:
    """Return the request of a version that an answer of `actor` would go to.

    That is its approval where it stands; its open second look where the approval needs no answer of theirs any more.

    Raises:
        Refused: nothing of it stands, or what stood has lapsed.
    """
    found = approvals.newest(reader, version.model, version.number)
    stands = found is not None and found.state in ("open", "granted")
    why = changed(found, binding_of(reader, version)) if found is not None and stands else ""
    look = approvals.open_look(reader, version.model, version.number)
    if found is not None and stands and not why:
        answered = found.state == "granted" or any(one.actor == actor for one in found.granted)
        return look if look is not None and actor and answered else found
    if look is not None:
        return look
    if why:
        raise Refused(f"the approval of {version.model}@{version.number} has lapsed: {why}", "it has to be asked anew")
    ended = f"; the last one is {found.state} {found.detail}".rstrip() if found is not None else ""
    raise Refused(
        f"no approval of {version.model}@{version.number} is requested{ended}",
        f"ask: modeldeck approvals request {version.model} {version.number}",
    )


def lapse_changed(tx: Write) -> list[Approval]:
    """End the requests whose version, settings or champion is another by now, and return them."""
    from store import versions

    ended = []
    for one in approvals.approvals(tx):
        if one.kind != "approval":
            continue
        why = lapsed(tx, one, versions.version(tx, one.model, one.version))
        if why:
            ended.append(approvals.lapse(tx, one.id, why, actor=ACTOR))
    return ended


def lapsed(reader: Reader, one: Approval, version: Version) -> str:
    """Say why a request that stands should stand no longer, "" where it should."""
    if version.deleted_at is not None:
        return f"v{version.number} is deleted"
    if not asked_of(reader, one.model).count:
        return f"{one.model} asks for no approvals any more"
    return changed(one, binding_of(reader, version))


def who_may(one: Approval) -> str:
    """Say in words who may grant a request."""
    if one.users:
        return " or ".join((", ".join(one.users[:-1]), one.users[-1])) if len(one.users) > 1 else one.users[0]
    return {"approver": "an approver", "admin": "an admin"}[one.role]


def _may(one: Approval, caller: Caller, verb: str) -> None:
    """Let through who may answer a request.

    Raises:
        NotAllowed: the caller made the request, or is none of those who are asked.
    """
    what = f"the {one.kind} of {one.model}@{one.version}"
    if caller.actor == one.requested_by and verb == "grant":
        raise NotAllowed(f"{caller.actor} requested {what} and cannot grant it", f"ask {who_may(one)} to")
    if caller.role < Role[one.role.upper()] or (one.users and caller.actor.removeprefix("user:") not in one.users):
        raise NotAllowed(f"{caller.actor} may not {verb} {what}: {who_may(one)} may", "the model file says who")
