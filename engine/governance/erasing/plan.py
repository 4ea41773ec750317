"""What an erasure would do, as data, from what a look found; pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.governance.erasing.places import Place, counted
from engine.operations.erasures import DerivedVersion
from engine.plans import Plan, PlanStep

_TOLD = {
    "golden": "golden requests of {places} given those of others; each is sealed anew, approvals of it lapse",
    "snapshot": "{rows} in {places} left out; the ids stay on record with what takes their place",
    "quarantine": "{rows} in {places} of rejected rows left out",
    "outcomes": "{rows} of outcomes in {places} removed",
    "attributions": "{rows} of kept attributions in {places} removed",
    "log": "{rows} in {places} of the prediction log, not collected yet, removed",
    "predictions": "{rows} in {places} of the prediction log removed",
}
FREE_TEXT = "a value is sought as a whole: text that mentions the person, reasons and comments are not searched"
_NOUN = {"golden": "version", "snapshot": "snapshot", "quarantine": "batch"}


def plan_erasure(
    columns: Sequence[str],
    places: Sequence[Place],
    derived: Sequence[DerivedVersion],
    backups: Sequence[str],
    open_rows: int,
    servers: Sequence[str] = (),
) -> Plan:
    """Return the steps, model by model, then what remains to people: decisions, images, backups, the source."""
    steps: list[PlanStep] = []
    for model in dict.fromkeys(place.model for place in places):
        for kind, (many, rows) in counted(places, model).items():
            if kind in _TOLD:
                told = _TOLD[kind].format(places=_many(many, _NOUN.get(kind, "file")), rows=_many(rows, "row"))
                steps.append(PlanStep(kind, f"{model}: {told}", args={"places": many, "rows": rows}))
    if open_rows:
        told = f"{_many(open_rows, 'row')} that servers are writing to: removed once they close them, within a minute"
        steps.append(PlanStep("open", told, args={"rows": open_rows}))
    steps += [PlanStep("server", told) for told in servers]
    steps.append(PlanStep("look", "everything is looked through again, until nothing is found"))
    steps.append(
        PlanStep("left out", "from now on every ingest leaves such rows out: modeldeck erasures lift ends that")
    )
    for model in dict.fromkeys(one.model for one in derived):
        mine = ", ".join(
            f"@{one.version}{f' ({one.held})' if one.held else ''}" for one in derived if one.model == model
        )
        steps.append(PlanStep("decide", f"{model}: {mine} learned from these rows: to be decided by you afterwards"))
    kept = "keeps what it holds: delete it, or restore nothing from it"
    steps += [PlanStep("backup", f"the backup {one} {kept}") for one in backups]
    steps.append(PlanStep("text", FREE_TEXT))
    steps.append(PlanStep("source", "sources, and files that were exported, are yours: erase there too"))
    rows = sum(place.rows for place in places if place.kind in _TOLD)
    summary = f"erase {_many(rows, 'row')} of one person, by {', '.join(columns)}"
    return Plan("erase", "", None, 0, summary, "none: what is erased does not come back", tuple(steps))


def _many(count: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
