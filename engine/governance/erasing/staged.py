"""The golden requests in the folders that this machine's servers are started from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.model_io.sealing import as_json
from engine.monitoring.layout import write_durably
from engine.serving.seal import FILE
from store import seals, versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.deck import Deck
    from store.rows import ErasureItem

GOLDEN = "golden.json"


def restage(deck: Deck, items: Iterable[ErasureItem]) -> None:
    """Put a version's golden requests and seal as they are now into its server folders, where an erasure changed them.

    A server that starts between the two writes refuses its folder, and is started again.
    """
    for item in items:
        if item.kind != "golden" or item.state != "erased":
            continue
        model, number = versions.parse_ref(item.name)
        version = versions.version(deck.database, model, number)
        seal = seals.seal_of(deck.database, model, number)
        for folder in sorted(deck.workspace.serving.glob(f"{model}@{number}-*")):
            wanted = deck.artifacts.read(version.golden_hash)
            if seal is None or (folder / GOLDEN).read_bytes() == wanted:
                continue
            write_durably(wanted, folder / GOLDEN)
            write_durably(json.dumps(as_json(seal), indent=1).encode(), folder / FILE)
