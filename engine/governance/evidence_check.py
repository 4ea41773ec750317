"""Looks at a file of evidence where no deck is: the signature, the record's chain, whether the parts fit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from engine.governance.evidence_file import BadEvidence, Evidence, opened
from engine.serving.seal import broken
from store import events
from store.errors import Refused
from store.rows.frozen import dataclass

KEY_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a file that holds: who signed it, when, what it is of, and how far the record reaches."""

    file: str
    signer: str
    deck: str
    made_at: int
    of: str  # the version, "" of the record alone
    events: int
    head: str
    members: tuple[str, ...]


def check(path: Path, keys: tuple[str, ...]) -> Checked:
    """Check a file against public keys, hexadecimal.

    Raises:
        Refused: the file cannot be read, or a key is no key.
        BadEvidence: something of it does not hold; the first thing that does not is told.
    """
    for key in keys:
        if len(key) != KEY_DIGITS or not set(key) <= set("0123456789abcdef"):
            raise Refused(f"{key[:20]!r} is no public key", "64 hexadecimal digits, as modeldeck audit key prints them")
    try:
        with path.open("rb") as file:
            found = opened(file, path.name, keys)
    except OSError as error:
        raise Refused(
            f"{path} cannot be read: {error.strerror}", "name a file made by modeldeck audit export"
        ) from None
    chain = events.walked(_links(path.name, found))
    if not chain.ok:
        raise _bad(path.name, f"the record does not hold: {chain.detail}")
    if (chain.verified, chain.head) != (found.about.get("events"), found.about.get("head")):
        raise _bad(path.name, "the record does not end where its maker says")
    of = str(found.about.get("of") or "")
    if of:
        _check_version(path.name, of, found)
    return Checked(
        path.name,
        found.signer,
        str(found.about.get("deck")),
        int(found.about.get("made_at", 0)),
        of,
        chain.verified,
        chain.head,
        tuple(found.members),
    )


def _check_version(name: str, of: str, found: Evidence) -> None:
    version, seal, environment = (_json(name, found, one) for one in ("version.json", "seal.json", "environment.json"))
    if f"{version['model']}@{version['number']}" != of:
        raise _bad(name, f"its version is {version['model']}@{version['number']}, not {of}")
    why = broken(seal, of, [found.signer, *found.about.get("signers", [])])
    if why:
        raise _bad(name, why)
    sealed = seal["statement"]
    for what in ("artifact", "golden", "bundle", "environment"):
        if str(version[f"{what}_hash"]).removeprefix("sha256:") != sealed[what]:
            raise _bad(name, f"the {what} of {of} is not what was sealed")
    del environment  # that it can be read; what it says is held by its hash
    if hashlib.sha256(found.members["environment.json"]).hexdigest() != sealed["environment"]:
        raise _bad(name, f"the environment of {of} is not what was sealed")


def _links(name: str, found: Evidence) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in found.members["events.jsonl"].splitlines()]
    except (KeyError, ValueError):
        raise _bad(name, "its events.jsonl is missing or cannot be read") from None


def _json(name: str, found: Evidence, member: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(found.members[member])
    except (KeyError, ValueError):
        raise _bad(name, f"its {member} is missing or cannot be read") from None
    return told


def _bad(name: str, what: str) -> BadEvidence:
    return BadEvidence(f"{name} is not to be trusted: {what}", "ask for it again where it was made")
