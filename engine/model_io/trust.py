"""Which types of a version's artifact are trusted, told once by the process that made it and has the libraries loaded.

Telling needs skops and scikit-learn, more than a second for a process that has neither; a release asks for it between
two keys. What was told holds for these bytes, this code, the types
that the model's settings state, and the releases of modeldeck and skops that decide.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model_io import code
from engine.model_io.load import stated_types, trusted_types

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.rows import Version


def keep(deck: Deck, version: Version) -> None:
    """Tell of a version whose model this process has made; on a disk that takes no more, whoever needs it asks anew.

    Raises:
        engine.serving.artifact.ArtifactError: the artifact holds types nobody trusts.
    """
    modules = code.bundle_modules(deck.artifacts.read(version.bundle_hash)) if version.bundle_hash else []
    trusted = trusted_types(deck.artifacts.read(version.artifact_hash), modules, stated_types(deck, version))
    place = _place(deck, version)
    temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_text(json.dumps(trusted), encoding="utf-8")
        temporary.replace(place)


def kept(deck: Deck, version: Version) -> list[str] | None:
    """Return the trusted types of a version's artifact, None where nobody told of them yet."""
    try:
        told = json.loads(_place(deck, version).read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, list) and all(isinstance(one, str) for one in told) else None


def _place(deck: Deck, version: Version) -> Path:
    stated = stated_types(deck, version)
    decides = [
        version.artifact_hash,
        version.bundle_hash,
        *stated,
        *(metadata.version(one) for one in ("modeldeck", "skops")),
    ]
    return deck.workspace.state / "trusted" / f"{hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:32]}.json"
