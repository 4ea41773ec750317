"""Gathers what an auditor is given: the whole record of the deck, and of one version everything that speaks for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.governance.evidence_file import pack
from engine.governance.passed_over import passed_over
from engine.model_io import deck_key, sealing
from store import approvals, events, images, releases, seals, settings, watching
from store.errors import Refused
from store.rows import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.deck import Deck
    from store.database import Reader
    from store.rows import Version

WINDOWS = 100


def record_of(reader: Reader) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return every event as a line of `events.jsonl`, and what stands at the end: how many, and the last one's hash."""
    lines, head, count = [], events.GENESIS, 0
    for link in events.links(reader):
        lines.append(json.dumps(link, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n")
        head, count = str(link["hash"]), int(link["seq"])
    return {"events.jsonl": "".join(lines).encode()}, {"events": count, "head": head}


def version_evidence(
    deck: Deck, version: Version, matrix: Mapping[str, Any], compliance: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return what speaks for a version: seal, card, settings, environment, approvals, releases, windows, images.

    `matrix` is who may do what, `compliance` what is on record of the version and what is missing.

    Raises:
        CorruptArtifact: its seal does not hold, or the record of its environment is damaged.
    """
    seal = sealing.checked(deck, version)
    with deck.database.reading() as reader:
        return {
            **_registered(deck, reader, version),
            "seal.json": _text(sealing.as_json(seal)),
            "access.json": _text(matrix),
            "compliance.json": _text(compliance),
        }


def _registered(deck: Deck, reader: Reader, version: Version) -> dict[str, bytes]:
    from engine.governance.keeping import card_now

    model = version.model
    row = settings.get(reader, version.settings_revision)
    card = card_now(deck, reader, version)
    done = [one for one in releases.releases(reader, model, limit=1000) if one.to_version == version.number]
    seen = watching.windows(reader, model, limit=WINDOWS)
    given = approvals.approvals(reader, model=model, standing_only=False)
    moved = [(one, tuple(releases.steps(reader, one.id))) for one in done]
    mine = [one for one in given if one.version == version.number]
    return {
        "card.md": card.text.encode(),
        "version.json": _text(to_json(version)),
        "settings.json": _text({"revision": row.revision, "hash": row.hash, "model": row.body["models"].get(model)}),
        "environment.json": deck.artifacts.read(version.environment_hash),
        "approvals.json": _text([to_json(one) for one in mine]),
        "releases.json": _text([{**to_json(one), "steps": [to_json(step) for step in steps]} for one, steps in moved]),
        "passed_over.json": _text([to_json(one) for one in passed_over(moved, mine)]),
        "windows.json": _text([to_json(one) for one in seen if one.version == version.number]),
        "images.json": _text([to_json(one) for one in images.images(reader, model) if one.version == version.number]),
    }


def signed(deck: Deck, members: Mapping[str, bytes], about: Mapping[str, Any]) -> bytes:
    """Return one file of evidence, signed with the deck's key.

    Raises:
        Refused: the deck has no key yet, or the one it has on record is gone.
    """
    return pack(members, about, lambda content: sign(deck, content))


def sign(deck: Deck, content: bytes) -> tuple[str, str]:
    """Sign with a key that is on record; (public key, signature).

    Raises:
        Refused: the deck has no key yet, or the one it has on record is gone.
    """
    known = seals.signers(deck.database)
    if not known:
        raise Refused("this deck has no key yet", "it is made with the first version: modeldeck train MODEL")
    if not (deck.workspace.keys / deck_key.NAME).is_file():
        raise Refused(f"the key of this deck is gone: {deck.workspace.keys / deck_key.NAME}", "restore it, or train")
    signer, signature = deck_key.sign(deck.workspace.keys, content)
    if signer not in known:
        raise Refused("the key of this deck is not the one on record", "restore it from a backup made --with-keys")
    return signer, signature


def _text(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
