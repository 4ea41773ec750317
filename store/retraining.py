"""What a decision to train a model anew rests on: reads of jobs, runs, snapshots and deliveries, each by an index."""

from __future__ import annotations

from typing import Any, NamedTuple

from store import jobs
from store.database import Reader, Row
from store.ids import earliest_id
from store.json_text import load
from store.rows import Job, Version
from store.versions import COLUMNS, WHOLE, of_rows

SAME_DATA = "same_data_as"  # the tag of a run that ended because a version was made of the same already
_LOOKED_AT = 50  # newest trainings among which the one that answered is looked for


class Training(NamedTuple):
    """One training job, as far as a decision reads it."""

    id: str
    state: str
    actor: str
    args: dict[str, Any]
    requested_at: int

    @property
    def is_automatic(self) -> bool:
        """Whether nobody asked for it in person."""
        return not self.actor.startswith("user:")


class Rows(NamedTuple):
    """A snapshot's id, its rows, and when it was taken."""

    id: str
    rows: int
    created_at: int


def trainings(reader: Reader, model: str, since_at: int) -> list[Training]:
    """Return the training jobs asked for since then (microseconds UTC), newest first."""
    found = reader.rows(
        "SELECT id, state, actor, args, requested_at FROM job WHERE model = :model AND id >= :first AND kind = 'train'"
        " AND requested_at >= :since ORDER BY id DESC",
        {"model": model, "first": earliest_id(since_at), "since": since_at},
    )
    return [Training(row["id"], row["state"], row["actor"], load(row["args"]), row["requested_at"]) for row in found]


def live_training(reader: Reader, model: str) -> Training | None:
    """Return the oldest training job that waits or runs."""
    row = reader.row(
        "SELECT id, state, actor, args, requested_at FROM job WHERE state IN ('queued', 'running')"
        " AND model = :model AND kind = 'train' ORDER BY id LIMIT 1",
        {"model": model},
    )
    if row is None:
        return None
    return Training(row["id"], row["state"], row["actor"], load(row["args"]), row["requested_at"])


def last_training(reader: Reader, model: str) -> Job | None:
    """Return the newest training job; reads no further back than the newest of them where there is one."""
    row = reader.row(
        "SELECT id FROM job WHERE model = :model AND kind = 'train' ORDER BY id DESC LIMIT 1", {"model": model}
    )
    return jobs.job(reader, row["id"]) if row else None


def newest_version(reader: Reader, model: str) -> Version | None:
    """Return the newest version that a training made: not one derived from another, not a deleted one."""
    found = reader.rows(
        f"SELECT {COLUMNS} FROM {WHOLE} WHERE v.model = :model AND v.deleted_at IS NULL AND v.derived_from IS NULL"
        " ORDER BY v.number DESC LIMIT 1",
        {"model": model},
    )
    return of_rows(reader, model, found)[0] if found else None


def answered_at(reader: Reader, model: str) -> int | None:
    """Return when the newest training began that made a version, or found that there is nothing new to make one of."""
    newest = reader.rows(
        "SELECT number, state, kind, started_at FROM run WHERE model = :model AND parent_id IS NULL"
        " ORDER BY number DESC LIMIT :most",
        {"model": model, "most": _LOOKED_AT},
    )
    for row in newest:
        if row["kind"] == "train" and (row["state"] == "finished" or _was_the_same(reader, row)):
            return int(row["started_at"])
    return None


def _was_the_same(reader: Reader, run: Row) -> bool:
    asked = {"number": run["number"], "key": SAME_DATA}
    return (
        run["state"] == "cancelled"
        and reader.row("SELECT value FROM run_tag WHERE run_number = :number AND key = :key", asked) is not None
    )


def newest_snapshot(reader: Reader, model: str) -> Rows | None:
    """Return the newest snapshot of a model."""
    row = reader.row(
        "SELECT id, rows, created_at FROM snapshot WHERE model = :model ORDER BY created_at DESC, id LIMIT 1",
        {"model": model},
    )
    return Rows(row["id"], row["rows"], row["created_at"]) if row else None


def outcomes_since(reader: Reader, model: str, since_at: int) -> tuple[int, list[str]]:
    """Return for how many predictions outcomes came after then, and the ids of the newest deliveries, newest first."""
    row = reader.row(
        "SELECT sum(matched) AS matched FROM outcome_batch WHERE model = :model AND received_at > :since",
        {"model": model, "since": since_at},
    )
    newest = reader.rows(
        "SELECT id FROM outcome_batch WHERE model = :model AND received_at > :since ORDER BY received_at DESC LIMIT 20",
        {"model": model, "since": since_at},
    )
    return int((row["matched"] if row else 0) or 0), [each["id"] for each in newest]
