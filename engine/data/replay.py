"""Rejected rows once more: repaired where a function is named for it, held against the checks as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.data import bundle, quality
from engine.data.canonical import canonical
from engine.data.quality import RULE
from engine.data.sources.functions import call
from engine.model_io import code
from engine.model_io.persons import ErasedMeanwhile
from engine.model_io.rows import read_snapshot, zone_of
from store import quality as batches
from store import snapshots
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.database import Fence
    from store.rows import Snapshot


def replay(deck: Deck, settings: ModelSettings, revision: int, *, actor: str, fence: Fence | None = None) -> Snapshot:
    """Take the rows of a model's open batches that pass now into a snapshot beside those of its newest one.

    Rows that still break a rule stay in quarantine, as one batch. Nothing changes where no row passes.

    Raises:
        Refused: nothing is in quarantine, or there is no snapshot to add to.
        WorkFailed: no row passes, or the repair raised.
    """
    import pyarrow as pa

    from engine.data.snapshot import keep, without_erased

    open_batches = batches.batches(deck.database, settings.name, open_only=True)
    known = snapshots.present(deck.database, settings.name)
    if not open_batches:
        raise Refused(f"no rows of {settings.name} are in quarantine", "there is nothing to replay")
    if not known:
        raise Refused(f"{settings.name} has no snapshot to add rows to", f"modeldeck data ingest {settings.name}")
    newest = max(known, key=lambda one: (one.to_at or 0, one.created_at))
    here = read_snapshot(deck, newest.id)
    code_hash = bundle.make_bundle(deck.workspace, deck.artifacts)
    folder = bundle.extract_bundle(deck, code_hash)
    rows = pa.concat_tables(
        [quality.read_batch(deck, batch).drop_columns([RULE]) for batch in open_batches], promote_options="permissive"
    )
    if settings.checks.repair:
        rows = call(code.function(settings.checks.repair, folder), settings.checks.repair, folder, rows)
    fitting = canonical(rows.select(here.column_names), settings.data.time_column)
    both = canonical(pa.concat_tables([here, fitting], promote_options="permissive"), settings.data.time_column)
    zone = zone_of(deck.database, revision)
    standing, both = without_erased(deck, settings.name, both)
    looked = quality.look(deck, settings, both, zone)
    if looked is not None and looked.kept.num_rows <= here.num_rows:
        raise WorkFailed(
            f"none of {rows.num_rows:,} rows passes ({', '.join(sorted(looked.rules))})",
            "correct [checks], or name a repair",
        )
    try:
        return keep(
            deck,
            settings,
            revision,
            both,
            looked,
            zone=zone,
            code_hash=code_hash,
            actor=actor,
            fence=fence,
            replayed=open_batches,
            standing=standing,
        )
    except ErasedMeanwhile:
        raise WorkFailed(
            f"an erasure of {settings.name} was asked for while rows were replayed", "replay them once it is done"
        ) from None
