"""Rows on their way into a snapshot: checked, the rejected set apart with the rule that did it, all on record."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from engine.data.checking import Checked, check
from store import blobs, quality, snapshots
from store.errors import WorkFailed
from store.ids import new_id
from store.rows import DataCheck, QuarantineBatch

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from engine.settings.checks import CheckSettings
    from engine.settings.model import ModelSettings
    from store.database import Reader, Write

RULE = "modeldeck_rule"  # the column of a batch that names the rule by which each row was rejected


@dataclass(frozen=True, slots=True)
class Looked:
    """Rows after their checks. `content` is the Parquet of the rejected ones, empty where there are none."""

    kept: pa.Table = field(repr=False)
    checked: Checked
    rows: int
    rules: dict[str, int]
    blob_hash: str
    content: bytes = field(repr=False)

    @property
    def rejected(self) -> int:
        """How many rows were rejected."""
        return sum(self.rules.values())


def look(deck: Deck, settings: ModelSettings, table: pa.Table, zone: str) -> Looked | None:
    """Check canonical rows and store the rejected ones as content; None where the settings ask for nothing.

    Raises:
        Refused: a rule does not fit the rows.
    """
    if not settings.checks.said:
        return None
    import pyarrow as pa

    before = snapshots.present(deck.database, settings.name)
    checked = check(
        table,
        settings.checks,
        deck.workspace.root,
        time_column=settings.data.time_column,
        zone=zone,
        now_us=deck.clock.now(),
        rows_before=before[0].rows if before else None,
    )
    bad = checked.rejected != ""
    content, blob_hash = b"", ""
    if bad.any():
        mask = pa.array(bad)
        rejected = table.filter(mask).append_column(RULE, pa.array(checked.rejected[bad], pa.string()))
        content = _parquet(rejected)
        blob_hash = deck.artifacts.put_bytes(content)
        table = table.filter(pa.array(~bad))
    rules = dict(Counter(rule for rule in checked.rejected.tolist() if rule))
    return Looked(table, checked, len(checked.rejected), rules, blob_hash, content)


def record(
    tx: Write, looked: Looked, settings: ModelSettings, revision: int, snapshot_id: str | None, actor: str, whole: bool
) -> None:
    """Record a check and its batch; one of all of a source's rows takes the place of the open batches before."""
    found = DataCheck(
        id=new_id(tx.clock),
        model=settings.name,
        snapshot_id=snapshot_id,
        settings_revision=revision,
        verdict=verdict(looked, settings.checks),
        rows=looked.rows,
        rejected=looked.rejected,
        findings=tuple(asdict(one) for one in looked.checked.findings),
        actor=actor,
        checked_at=tx.at,
    )
    quality.record_check(tx, found)
    kept: QuarantineBatch | None = None
    if looked.blob_hash:
        blobs.record_blob(tx, looked.blob_hash, len(looked.content), "quarantine")
        kept = quality.quarantine(
            tx,
            model=settings.name,
            blob_hash=looked.blob_hash,
            rows=looked.rejected,
            rules=looked.rules,
            actor=actor,
        )
    if whole:
        for batch in quality.batches(tx, settings.name, open_only=True):
            if kept is None or batch.id != kept.id:
                quality.settle(tx, batch, "superseded", actor)


def verdict(looked: Looked, checks: CheckSettings) -> str:
    """Return `failed` where an error is about all rows, or more rows than are tolerated were rejected."""
    if looked.checked.errors or looked.rejected > checks.tolerate * looked.rows:
        return "failed"
    return "warning" if looked.checked.findings else "passed"


def require_good(reader: Reader, settings: ModelSettings, snapshot_id: str, revision: int) -> DataCheck | None:
    """Refuse to go on with data that failed an error check.

    Raises:
        WorkFailed: naming what failed.
    """
    found = quality.check_of(reader, settings.name, snapshot_id, revision)
    if found is None or found.verdict != "failed":
        return found
    raise failed(found)


def failed(found: DataCheck) -> WorkFailed:
    """Make the error for data that failed their checks."""
    errors = [one for one in found.findings if one["severity"] == "error"]
    told = ", ".join(f"{one['rule']}: {one['detail']}" for one in errors[:3])
    more = f" and {len(errors) - 3} more" if len(errors) > 3 else ""
    hint = (
        f"look at them: modeldeck data quarantine {found.model}; then correct the source, or [checks] and replay them"
        if found.rejected
        else "correct the source, or [checks] of the model file"
    )
    return WorkFailed(f"the data of {found.model} fail their checks: {told}{more}", hint)


def read_batch(deck: Deck, batch: QuarantineBatch) -> pa.Table:
    """Return a batch's rows, with the column `modeldeck_rule`.

    Raises:
        CorruptArtifact: its bytes are missing or damaged.
    """
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(deck.artifacts.read(batch.blob_hash)))


def _parquet(table: pa.Table) -> bytes:
    from engine.data.canonical import parquet_bytes

    return parquet_bytes(table.combine_chunks())
