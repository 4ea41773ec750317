"""Champions that come as bundles: imported into the throw-away deck of a runner, each the champion of its model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.interop.bundle_check import looked
from engine.interop.bundle_file import canonical, manifest_of, members_of
from engine.interop.bundle_import import begin, lacked, put, take
from engine.workspace import Workspace
from store import models
from store.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.deck import Deck
    from engine.settings.model import ModelSettings

SUFFIX = ".bundle"


def bundles_of(baseline: Path | None) -> list[Path]:
    """Return the bundles that a baseline is, or that lie in its folder; none where it is a backup or a workspace."""
    if baseline is None:
        return []
    if baseline.is_dir():
        return sorted(baseline.glob(f"*{SUFFIX}"))
    return [baseline] if baseline.suffix == SUFFIX else []


def no_champion(checkout: Path, baseline: Path | None) -> str:
    """Say why a model has no champion to compare with, and what gives it one."""
    if baseline is not None:
        return f"{baseline.resolve().name} holds no champion of it: asked at its promotion"
    if Workspace(checkout).registry.is_file():
        return f"not asked: --baseline {os.path.relpath(checkout)} compares with this folder's own deck"
    return "not asked without --baseline: a backup of the deck, or a bundle of its champion (docs/ci.md)"


def relative_gates(settings: ModelSettings) -> tuple[str, ...]:
    """Return the names of the gates that compare with a champion and need no server."""
    from engine.release.plan import running_gates

    running = running_gates(settings)
    limits = settings.gates.limits.items()
    beside = [f"{name} vs champion" for name, one in limits if one.vs_champion is not None and name not in running]
    return (*beside, *(f"slices of {column}" for column in settings.gates.slices))


def take_champions(deck: Deck, bundles: Sequence[Path], key: str, names: Collection[str], actor: str) -> None:
    """Import each bundle of a model in `names`, every byte checked, and make it that model's champion here.

    Raises:
        Refused: its signer is not `key`. engine.interop.bundle_file.BadBundle: a byte of it is not what was signed.
    """
    if bundles and not key:
        raise Refused(
            f"{bundles[0].name} is signed by a deck that nobody has named",
            "say --baseline-key KEY, as modeldeck audit key prints it there",
        )
    for path in bundles:
        with path.open("rb") as file:
            manifest = manifest_of(file, path.name)
        if str(manifest.about.get("of", "")).rpartition("@")[0] not in names:
            continue
        _, content = looked(path)
        signature = canonical({"signer": manifest.signer, "signature": manifest.signature})
        begin(deck, path.name, manifest.text, signature, key)
        wanted = {member.name for member, _ in lacked(deck, manifest)}
        with path.open("rb") as file:
            manifest_of(file, path.name)  # it stands after it then
            for member, pieces in members_of(file, path.name, manifest):
                have = 0
                for piece in pieces:
                    if member.name in wanted:
                        have = put(deck, manifest, member.name, have, piece)[1]
                if member.name in wanted and not member.size:
                    put(deck, manifest, member.name, 0, b"")
        made = take(deck, path.name, manifest, key, actor=actor, via=None, reason="ci").version
        with deck.database.write() as tx:
            models.set_alias(tx, content.version.model, "champion", made.number, actor=actor, reason="ci")
