"""Experiments: the names under which runs belong together, with how many there are."""

from __future__ import annotations

from store.database import Reader
from store.rows import Experiment


def experiments(reader: Reader) -> list[Experiment]:
    """Return every experiment with its counts, the one with the newest run first."""
    found = reader.rows(
        "SELECT e.name, e.model, e.description, e.created_at, coalesce(c.runs, 0) AS runs,"
        " coalesce(c.trials, 0) AS trials, coalesce(c.running, 0) AS running, c.newest_at FROM experiment e LEFT JOIN ("
        "SELECT experiment, sum(CASE WHEN parent_id IS NULL THEN 1 ELSE 0 END) AS runs,"
        " sum(CASE WHEN parent_id IS NULL THEN 0 ELSE 1 END) AS trials,"
        " sum(CASE WHEN state = 'running' AND parent_id IS NULL THEN 1 ELSE 0 END) AS running,"
        " max(started_at) AS newest_at FROM run WHERE deleted_at IS NULL GROUP BY experiment) c"
        " ON c.experiment = e.name WHERE e.deleted_at IS NULL ORDER BY coalesce(c.newest_at, e.created_at) DESC, e.name"
    )
    return [Experiment(*row) for row in found]
