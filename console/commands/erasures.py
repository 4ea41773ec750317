"""Erasures as the command line writes them: what was removed where, what learned from it, what still holds it."""

from __future__ import annotations

from console.commands.values import count
from console.output import Column, Output
from console.render.words import plural
from engine.operations.erasures import ErasureDetail
from store.rows import Erasure, ErasureDecision

ERASURES = (
    Column("erasure", lambda row, out: out.short(row.id)),
    Column("state", lambda row, _: state(row)),
    Column("by", lambda row, _: ", ".join(row.columns), shrink=True),
    Column("rows", lambda row, _: count(row.rows), right=True),
    Column("asked", lambda row, out: out.minute(row.asked_at)),
    Column("actor", lambda row, _: row.actor.removeprefix("user:"), shrink=True),
    Column("reason", "reason", shrink=True),
)

ERASURE_COLUMNS: dict[type, tuple[Column, ...]] = {Erasure: ERASURES}

ITEMS = (
    Column("model", lambda row, _: row.model, shrink=True),
    Column("place", "kind"),
    Column("name", lambda row, out: short(row.name, out), shrink=True),
    Column("rows", lambda row, _: count(row.rows), right=True),
    Column("state", "state"),
    Column("replaced by", lambda row, out: short(row.replaced_by or "-", out)),
)

DERIVED = (
    Column("version", lambda row, _: f"{row.model}@{row.version}", shrink=True),
    Column("how", lambda row, _: row.how, shrink=True),
    Column("needed by", lambda row, _: row.held or row.state or "-", shrink=True),
)


def state(row: Erasure) -> str:
    """Return where an erasure stands."""
    return "lifted" if row.lifted_at is not None else row.state


def short(name: str, out: Output) -> str:
    """Return a hash by its first digits where the line is short, and of a file its last part."""
    return name.removeprefix("sha256:")[:12] if out.fits and name.startswith("sha256:") else name


def erasure(answer: ErasureDetail, out: Output) -> None:
    """Write an erasure, its places, what learned from the rows and what is left to do."""
    one = answer.erasure
    ended = f"{state(one)} {out.time(one.ended_at)}" if one.ended_at is not None else state(one)
    out.pairs(
        [
            ("erasure", one.id),
            ("by", ", ".join(one.columns)),
            ("state", ended),
            ("rows", count(one.rows)),
            ("asked", f"{out.time(one.asked_at)} by {one.actor}"),
            ("reason", one.reason),
        ]
    )
    if answer.items:
        out.line("")
        out.table(ITEMS, answer.items)
    if answer.derived:
        out.line("")
        out.table(DERIVED, answer.derived)
    for decision in answer.decisions:
        out.line(
            f"{decision.model}: {decision.decision}, by {decision.actor} at {out.time(decision.decided_at)}: "
            f"{decision.reason}"
        )
    for model in answer.undecided:
        out.line(f"! {model} is undecided: modeldeck erasures decide {one.id[:12]} {model} retrain|suppress|accept")
    for told in answer.images:
        out.line(f"! {told}: modeldeck deploy makes another")
    for told in answer.servers:
        out.line(f"! {told}: modeldeck deploy replaces it")
    for told in answer.backups:
        out.line(f"! the backup {told} keeps what it holds")


def decided(answer: ErasureDecision, out: Output) -> None:
    """Write a decision, and what comes of it."""
    said = {
        "retrain": f"job {(answer.job_id or '')[:12]} trains it: modeldeck jobs logs {(answer.job_id or '')[:12]}",
        "suppress": "its versions are abandoned: nothing goes back to them without a reason",
        "accept": "its versions stay as they are",
    }[answer.decision]
    out.line(f"{answer.model}: {answer.decision}; {said}")


def lifted(answer: Erasure, out: Output) -> None:
    """Write how an erasure stands now."""
    places = plural(len(answer.models), "model")
    out.line(f"erasure {answer.id[:12]} is {state(answer)}: such rows are let into {places} again")
