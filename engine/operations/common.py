"""Requests and answers that several nouns share."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from engine.operations.operation import argument
from store.rows.frozen import dataclass

DRY_RUN = "only say what would change"  # the same is done and taken back: what would be refused is refused


@dataclass(frozen=True, slots=True)
class NoRequest:
    """Nothing to say."""


@dataclass(frozen=True, slots=True)
class Done:
    """A change that needs no job. `already` says that nothing had to be done."""

    message: str
    already: bool = False
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model by name."""

    model: str = argument("the model's name")


@dataclass(frozen=True, slots=True)
class Page:
    """At most this many of the newest rows, filtered by the one filter grammar."""

    filter: str = argument("words, col>1, metrics.mae<12, !x, ~regex", metavar="FILTER", default="")
    limit: int = argument("at most this many rows", flag="--limit", default=100)
