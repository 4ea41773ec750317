"""Versions whose stored content is gone from the disk: found by looking whether files are there, none is read."""

from __future__ import annotations

from engine.deck import Deck
from store import blobs, needs

_WORDS = {
    "model": "artifact",
    "golden": "golden requests",
    "bundle": "code bundle",
    "environment": "environment lock",
}  # of a blob's kind


def missing(deck: Deck) -> list[str]:
    """Return one line for each version and content that is not there: which, by what hash, and what to do.

    `audit verify --deep` reads every file as well, and so finds changed ones too.
    """
    lost = [row for row in blobs.of_versions(deck.database) if not deck.artifacts.place(row["hash"]).is_file()]
    holders = needs.held(deck.database) if lost else {}
    found = []
    for row in lost:
        what = f"{row['model']}@{row['number']}: its {_WORDS.get(row['kind'], row['kind'])} {row['hash']}"
        holder = holders.get((row["model"], row["number"]))
        way = (
            f"{holder} holds it, so move that first"
            if holder
            else f"modeldeck versions delete {row['model']} {row['number']}, then modeldeck gc"
        )
        found.append(
            f"{what} is not in {deck.artifacts.root}: restore it (modeldeck backup restore FILE DIR, and copy the file"
            f" over), or let go of the version ({way})"
        )
    return found
