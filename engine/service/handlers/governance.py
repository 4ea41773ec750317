"""Handlers of operations on model cards."""

from __future__ import annotations

import difflib
from dataclasses import replace

from engine.operations.governance import Card, CardRequest
from engine.service.context import ServiceContext
from store.database import Reader
from store.errors import Refused, UnknownName


def card(context: ServiceContext, request: CardRequest) -> Card:
    """Return the card of a version, and what differs from another where one is named."""
    from engine.governance.card_facts import card_version
    from engine.governance.keeping import card_now

    if request.against is not None and request.since:
        raise Refused("--against and --since both say what to compare with", "give one of them")

    with context.deck.database.reading() as reader:
        made = card_now(context.deck, reader, card_version(reader, request.model, request.version))
        if request.since:
            return replace(made, diff=_diff(_kept(context, reader, made, request.since), f"{request.since[:12]}", made))
        if request.against is None:
            return made
        other = card_now(context.deck, reader, card_version(reader, request.model, request.against))
    return replace(made, diff=_diff(other.text, f"{other.model}@{other.version}", made))


def _diff(before: str, named: str, made: Card) -> str:
    now = f"{made.model}@{made.version}"
    return "\n".join(difflib.unified_diff(before.splitlines(), made.text.splitlines(), named, now, lineterm="", n=1))


def _kept(context: ServiceContext, reader: Reader, made: Card, id: str) -> str:
    """Return the card as it was kept with an approval or a release of this version.

    Raises:
        UnknownName: neither begins so.
        Refused: it is of another version, or is older than cards.
    """
    from store import approvals, releases

    hash: str | None
    try:
        asked = approvals.approval(reader, id)
        of, hash = (asked.model, asked.version), asked.card_hash
    except UnknownName:
        release = releases.release(reader, id)
        of, hash = (release.endpoint, release.to_version), release.evidence.get("card")
    if of != (made.model, made.version):
        raise Refused(f"{id} is of {of[0]}@{of[1]}, not of {made.model}@{made.version}", "ask for that version's card")
    if hash is None:
        raise Refused(f"no card was kept with {id}", "cards are kept with requests, and with promotions and deploys")
    return context.deck.artifacts.read(hash).decode()
