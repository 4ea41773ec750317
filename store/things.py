"""Runs, models and versions as what can be tagged, described and deleted: their rows, and how events name them."""

from __future__ import annotations

from typing import Any, NamedTuple

from store import events, models, runs, versions
from store.database import Reader, Write


class Thing(NamedTuple):
    """One row, and what it is called. `where` names it in its own table, `owner` in the table of its tags."""

    kind: str
    id: str
    model: str | None
    where: str
    owner: str
    params: dict[str, Any]
    text: str  # its column of free text

    @property
    def tags(self) -> str:
        """The table of its tags."""
        return f"{self.kind}_tag"


def run_thing(reader: Reader, id: str) -> Thing:
    """Return a run by id or unique prefix.

    Raises:
        UnknownName: no run begins so. Refused: several do.
    """
    run = runs.run(reader, id)
    params = {"run_id": run.id, "run_number": runs.number_of(reader, run.id)}
    return Thing("run", run.id, run.model, "id = :run_id", "run_number", params, "note")


def model_thing(reader: Reader, name: str) -> Thing:
    """Return a model.

    Raises:
        UnknownName: the deck has none of that name.
    """
    model = models.model(reader, name)
    return Thing("model", model.name, model.name, "name = :model", "model", {"model": model.name}, "description")


def version_thing(reader: Reader, model: str, number: int) -> Thing:
    """Return a version.

    Raises:
        UnknownName: the deck has no such model or version.
    """
    versions.version(reader, model, number)
    params = {"model": model, "number": number}
    where = "model = :model AND number = :number"
    return Thing("version", f"{model}@{number}", model, where, "model, number", params, "description")


def record(
    tx: Write, thing: Thing, verb: str, actor: str, reason: str, via: str | None, body: dict[str, Any] | None = None
) -> None:
    """Append the event of a change."""
    events.append(
        tx,
        actor=actor,
        action=f"{thing.kind}.{verb}",
        subject_kind=thing.kind,
        subject_id=thing.id,
        model=thing.model,
        reason=reason,
        body=body,
        via=via,
    )
