"""Every kind of job: what runs it, and whether a killed attempt is taken up again."""

from __future__ import annotations

from dataclasses import dataclass

from store.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `entry` is `module:function`, taking a JobContext and returning the job's result as JSON values."""

    entry: str
    resumable: bool = False  # its steps are recorded: a new attempt goes on where a killed one stopped


KINDS: dict[str, Kind] = {
    "train": Kind("engine.jobs.training:train"),
    "reproduce": Kind("engine.jobs.training:reproduce"),
    "derive": Kind("engine.jobs.training:derive"),
    "ingest": Kind("engine.jobs.training:ingest"),
    "test": Kind("engine.jobs.behaviour:test"),
    "release": Kind("engine.jobs.releasing:release", resumable=True),
    "converge": Kind("engine.jobs.releasing:converge", resumable=True),
    "build-base": Kind("engine.jobs.building:build_base"),
    "backfill": Kind("engine.jobs.backfilling:backfill", resumable=True),
    "monitor": Kind("engine.jobs.watching:watch"),
    "monitor-backfill": Kind("engine.jobs.watching:rewatch", resumable=True),
    "attribute": Kind("engine.jobs.attributing:attribute"),
    "erase": Kind("engine.jobs.erasing:erase", resumable=True),
    "retention": Kind("engine.jobs.keeping:retain"),
    "notify": Kind("engine.jobs.notifying.sending:send"),
}


def kind_named(name: str) -> Kind:
    """Return the kind.

    Raises:
        UnknownName: this modeldeck has none of that name.
    """
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownName(f"no kind of job named {name!r}", f"kinds: {', '.join(KINDS)}") from None
