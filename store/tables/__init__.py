"""The schema as SQLModel tables, one file per noun. Importing this loads SQLAlchemy: only migrations and tests do."""

from __future__ import annotations

from store.tables import (
    behaviour,
    comments,
    data,
    deployments,
    erasures,
    events,
    governance,
    handover,
    models,
    notifying,
    quality,
    releases,
    runs,
    settings,
    watching,
    work,
)
from store.tables.columns import METADATA, Table

__all__ = [
    "METADATA",
    "Table",
    "behaviour",
    "comments",
    "data",
    "deployments",
    "erasures",
    "events",
    "governance",
    "handover",
    "models",
    "notifying",
    "quality",
    "releases",
    "runs",
    "settings",
    "watching",
    "work",
]
