"""Handlers of erasures. What reads rows is asked of a process apart; from here on a person is tokens."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from engine.governance.reads import EVERY, Reader, put
from engine.operations.erasures import (
    DECISIONS,
    DecideErasure,
    EraseRequest,
    ErasureDetail,
    ErasureRequest,
    ErasuresRequest,
    LiftErasure,
)
from engine.plans import Plan, Preview
from engine.service import apart
from engine.service.context import ServiceContext
from engine.service.handlers.deck import check_limit
from store import erasures as store
from store.errors import Refused, UnknownName
from store.rows import Erasure, ErasureDecision, Job, rfc3339

if TYPE_CHECKING:
    from engine.serving.tokens import LogKey
    from store.database import Reader as Rows

CLIENT_ID = "client_id"
Tokens = dict[str, tuple[str, ...]]


def plan(context: ServiceContext, request: EraseRequest) -> Preview:
    """Look through everything for a person and return what would be done; nothing is changed.

    Raises:
        UnknownName: nobody has rows by these columns.
    """
    from engine.governance.erasing.derived import backups, derived, servers, snapshots_of
    from engine.governance.erasing.places import Place, holding
    from engine.governance.erasing.plan import plan_erasure

    key, sought = _sought(context, request)
    found = apart.sought(context.deck.workspace, {"sought": sought, "key_id": key.id})
    places = [Place(**place) for place in found["places"]]
    with context.deck.database.reading() as reader:
        before = _before(reader, sought)
        if not holding(places) and not found["open"]:
            if before is not None and before.state == "done":
                return Preview(_nothing(sought), _basis(sought), already=_already(before))
            if before is None:
                caller = context.caller
                reader_of = Reader(caller.actor, caller.via, context.transport, "erasures.plan")
                # that nobody is here is an answer about somebody too
                put(context.deck, reader_of, model=EVERY, subject="", told="sought", columns=sorted(sought))
                by = " or ".join(sought)
                raise UnknownName(
                    f"no row by that {by} is kept anywhere in this deck",
                    "values are sought as they are written, large and small letters too; nothing was changed",
                )
        changed = {place.name for place in places if place.kind == "snapshot"}
        items = store.items(reader, before.id) if before is not None else []
        learned = derived(reader, changed | snapshots_of(reader, items))
        proven = {place.name for place in places if place.kind == "golden"}
        serving = servers(reader, proven)
        made = plan_erasure(sorted(sought), places, learned, backups(reader), found["open"], serving)
    return Preview(made, _basis(sought), blocked=_hold(context))


def erase(context: ServiceContext, request: EraseRequest) -> Job:
    """Enqueue an erasure, or go on with one of the same person whose job did not end well."""
    from engine.settings.apply import current_settings
    from engine.settings.work import terms
    from store import jobs, models
    from store import settings as applied

    reason = _reason(request.reason)
    key, sought = _sought(context, request)
    if hold := _hold(context):
        raise Refused(hold)
    caller, (_, revision) = context.caller, current_settings(context.deck)
    with context.deck.database.write() as tx:
        before = _before(tx, sought)
        if before is not None and before.state == "running":
            id = before.id
        else:
            begun = store.begin(
                tx,
                sought=sought,
                key_id=key.id,
                models=models.names(tx),
                reason=reason,
                actor=caller.actor,
                via=caller.via,
            )
            id = begun.id
        job = jobs.enqueue(
            tx,
            kind="erase",
            args={"erasure": id},
            terms=terms(applied.get(tx, revision).body, "erase"),
            actor=caller.actor,
            via=caller.via,
            settings_revision=revision,
            dedupe_key=f"erase:{id}",
        )
        store.give_job(tx, id, job.id)
        return job


def erasures(context: ServiceContext, request: ErasuresRequest) -> list[Erasure]:
    """Return what was asked for, newest first."""
    check_limit(request.limit)
    return store.erasures(context.deck.database, request.limit)


def show(context: ServiceContext, request: ErasureRequest) -> ErasureDetail:
    """Return one with its proof and what is left to decide."""
    from engine.governance.erasing.derived import backups, derived, snapshots_of, stale_images, stale_servers

    with context.deck.database.reading() as reader:
        one = store.erasure(reader, request.id)
        items = store.items(reader, one.id)
        learned = derived(reader, snapshots_of(reader, items))
        decided = store.decisions(reader, one.id)
        known = {each.model for each in decided}
        concerned = sorted({each.model for each in learned if each.state != "deleted"} - known)
        return ErasureDetail(
            erasure=one,
            items=tuple(items),
            derived=learned,
            decisions=tuple(decided),
            undecided=tuple(concerned),
            images=stale_images(reader, items),
            backups=backups(reader, one.ended_at),
            servers=stale_servers(reader, items),
        )


def decide(context: ServiceContext, request: DecideErasure) -> ErasureDecision:
    """Record a decision and do what it says."""
    reason = _reason(request.reason)
    if request.decision not in DECISIONS:
        raise Refused(f"{request.decision!r} is no decision", f"one of {', '.join(DECISIONS)}")
    detail = show(context, ErasureRequest(request.id))
    mine = [one for one in detail.derived if one.model == request.model and one.state != "deleted"]
    if not mine:
        raise Refused(
            f"no version of {request.model} learned from what erasure {detail.erasure.id[:12]} removed",
            "there is nothing to decide about it",
        )
    if detail.erasure.state != "done":
        raise Refused(f"erasure {detail.erasure.id[:12]} is not done", "decide once it is: modeldeck erasures")
    job_id = None
    if request.decision == "retrain":
        from engine.operations.runs import TrainRequest
        from engine.service.handlers.runs import train

        job_id = train(context, TrainRequest(request.model, reason=f"erasure {detail.erasure.id[:12]}: {reason}")).id
    caller = context.caller
    with context.deck.database.write() as tx:
        if request.decision == "suppress":
            _suppress(context, tx, [one.version for one in mine], request.model, reason)
        return store.decide(
            tx,
            detail.erasure.id,
            model=request.model,
            decision=request.decision,
            reason=reason,
            actor=caller.actor,
            via=caller.via,
            job_id=job_id,
        )


def lift(context: ServiceContext, request: LiftErasure) -> Erasure:
    """Let such rows in again."""
    reason = _reason(request.reason)
    with context.deck.database.write() as tx:
        one = store.erasure(tx, request.id)
        if one.lifted_at is not None:
            raise Refused(f"erasure {one.id[:12]} was lifted at {rfc3339(one.lifted_at)}", "it holds nothing out")
        if one.state != "done":
            raise Refused(f"erasure {one.id[:12]} is not done", "erase once more, and lift it then")
        return store.lift(tx, one.id, reason=reason, actor=context.caller.actor, via=context.caller.via)


def _suppress(context: ServiceContext, tx: Rows, numbers: list[int], model: str, reason: str) -> None:
    from store import versions
    from store.database import Write
    from store.needs import held

    assert isinstance(tx, Write)
    holders = held(tx)
    serving = [f"{model}@{number}: {holders[model, number]}" for number in numbers if (model, number) in holders]
    if serving:
        raise Refused(
            f"what is in use cannot be suppressed: {'; '.join(serving)}",
            f"retrain and promote first, or accept it: modeldeck erasures decide ... {model} retrain",
        )
    for number in numbers:
        versions.mark_abandoned(tx, model, number, context.caller.actor, reason)


def _sought(context: ServiceContext, request: EraseRequest) -> tuple[LogKey, Tokens]:
    """Return the deck's log key and the person as tokens.

    Raises:
        Refused: a word names no person. UnknownName: no data of this deck ever had the column.
    """
    from engine.model_io.persons import key_of, parsed, tokens_of

    said = parsed(request.person)
    known = _columns(context.deck.database)
    for column in said:
        if column not in known:
            raise UnknownName(
                f"no data of this deck has a column {column!r}", f"there are {', '.join(sorted(known - {CLIENT_ID}))}"
            )
    key = key_of(context.deck)
    return key, tokens_of(key, said)


def _hold(context: ServiceContext) -> str:
    """Say why nothing may be removed at present, "" where nothing holds."""
    from engine.settings.apply import current_settings

    settings, _ = current_settings(context.deck)
    told = {"the deck": settings.retention.hold}
    told |= {name: one.retention.hold for name, one in settings.models.items()}
    held = [f"{name}: {hold}" for name, hold in told.items() if hold]
    return f"a hold stands, [retention] hold of {'; '.join(held)}" if held else ""


def _columns(reader: Rows) -> set[str]:
    from store import models, snapshots

    taken = (one for name in models.names(reader) for one in snapshots.snapshots(reader, name))
    return {CLIENT_ID, *(str(column["name"]) for one in taken for column in one.columns)}


def _before(reader: Rows, sought: Tokens) -> Erasure | None:
    """Return the newest erasure of the same person that stands."""
    same = [one.id for one in store.standing(reader) if one.sought == sought]
    return store.erasure(reader, same[-1]) if same else None


def _already(before: Erasure) -> str:
    return (
        f"erased by {before.id[:12]} at {rfc3339(before.ended_at or 0)}: no row by that is kept anywhere in this deck"
    )


def _nothing(sought: Tokens) -> Plan:
    return Plan("erase", "", None, 0, f"nothing to erase by {', '.join(sorted(sought))}", "", ())


def _basis(sought: Tokens) -> str:
    return hashlib.sha256(json.dumps(sought, sort_keys=True).encode()).hexdigest()


def _reason(text: str) -> str:
    if not text.strip():
        raise Refused("an erasure needs a reason", "--reason 'request of 3 March'; name no person in it")
    return text.strip()
