"""What a command may name: models, and runs, jobs and alerts by the beginning of their id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.poller import Asks
from console.screens import catalog
from console.screens.list_page import MOST
from console.screens.log_page import LogPage
from console.screens.page import Page
from console.screens.runs import run_page
from engine.operations.alerts import AlertsRequest
from engine.operations.common import Page as PageRequest
from engine.operations.runs import RunsRequest
from store.errors import Refused, UnknownName

OFFERED = 50  # of each kind, the newest
DIGITS = 12  # of an id, where those are enough to tell all offered apart


@dataclass(frozen=True, slots=True)
class Names:
    """Models by name, and ids of runs, jobs and alerts by kind, the newest first."""

    models: list[str]
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_names(client: Asks) -> Names:
    """Ask for what a command may be completed to."""
    models = [one.name for one in client.call("models.list")]
    return Names(models, {kind: _short([row.id for row in _rows(client, kind, OFFERED)]) for kind in _LISTS})


def find_page(client: Asks, kind: str, id: str) -> Page:
    """Return the page of the run, job or alert whose id begins so, of the newest ones.

    Raises:
        UnknownName: none of them begins so. Refused: several do.
    """
    found = [row for row in _rows(client, kind, MOST) if row.id.startswith(id)]
    if not found:
        raise UnknownName(f"none of the newest {kind}s has an id that begins with {id}")
    if len(found) > 1:
        raise Refused(f"several {kind}s begin with {id}", "give more of the id")
    return _LISTS[kind][1](found[0])


_LISTS: dict[str, tuple[Callable[[Asks, int], Sequence[Any]], Callable[[Any], Page]]] = {
    "run": (lambda client, most: client.call("runs.list", RunsRequest(limit=most)), run_page),
    "job": (lambda client, most: client.call("jobs.list", PageRequest(limit=most)), LogPage),
    "alert": (lambda client, most: client.call("alerts.list", AlertsRequest(all=True)), catalog.alert_page),
}


def _rows(client: Asks, kind: str, most: int) -> Sequence[Any]:
    rows = _LISTS[kind][0](client, most)
    return sorted(rows, key=lambda row: row.id, reverse=True)[:most]  # ids begin with their time


def _short(ids: Sequence[str]) -> tuple[str, ...]:
    digits = DIGITS
    while len({id[:digits] for id in ids}) < len(set(ids)):
        digits += 1
    return tuple(id[:digits] for id in ids)
