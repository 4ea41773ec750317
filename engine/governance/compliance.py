"""What of a version is documented, tested, watched, approved and reproducible, and what is missing. Pure over facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from engine.governance.card_facts import CardFacts
from engine.governance.passed_over import APPROVALS
from engine.operations.compliance import ComplianceItem
from store.rows import BehaviourRun

REASONS = 400  # signs of a line that ends in what a person wrote


@dataclass(frozen=True, slots=True)
class ErasedOf:
    """What erasures made of a version: what stands in the place of its snapshot, what was decided, what was not."""

    replaced_by: str = ""
    decided: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


def items_of(
    facts: CardFacts, seal: str, kept: frozenset[str], erased: ErasedOf | None = None
) -> tuple[ComplianceItem, ...]:
    """Return every item, phase by phase.

    `seal` says why the version's seal does not hold, "" where it does; `kept` are the hashes whose bytes are there.
    """
    return (
        *_documentation(facts),
        *_data(facts, kept, erased or ErasedOf()),
        *_tests(facts),
        *_monitoring(facts),
        *_approvals(facts),
        *_reproducibility(facts, seal, kept),
    )


def _documentation(facts: CardFacts) -> Iterator[ComplianceItem]:
    model, said = facts.model, facts.settings.get("card", {})
    told = {"purpose": said.get("purpose") or model.description, "owner": model.owner}
    told |= {name: said.get(name, "") for name in ("contact", "out_of_scope", "limits", "ethics")}
    for name, value in told.items():
        section = "[model]" if name == "owner" else "[card]"
        fix = f"{section} {name} in models/{model.name}.toml, then modeldeck apply"
        yield _item("documentation", name.replace("_", " "), bool(value), value or "nobody wrote it", fix)


def _data(facts: CardFacts, kept: frozenset[str], erased: ErasedOf) -> Iterator[ComplianceItem]:
    name, data = facts.model.name, facts.settings.get("data", {})
    there = facts.snapshot.id in kept
    lies = f"{facts.snapshot.rows:,} rows, by hash" if there else "its bytes are gone"
    if erased.replaced_by:  # what was asked for, and no damage
        there, lies = True, f"rows of a person were erased from it, {erased.replaced_by[7:19]} stands in its place"
    yield _item("data", "snapshot", there, lies, f"modeldeck train {name}: what is gone stays gone")
    checks = facts.settings.get("checks")
    yield _item("data", "checks", bool(checks), "of the model's file" if checks else "none", _checks_fix(name))
    if erased.decided or erased.undecided:
        waiting = ", ".join(erased.undecided)
        told = f"nobody decided about {waiting}" if waiting else ", ".join(erased.decided)
        fix = f"modeldeck erasures decide {waiting[:12]} {name} retrain, suppress or accept"
        yield _item("data", "erasures", not waiting, told, fix)
    marked = list(data.get("personal") or ())
    yield _item("data", "personal columns", True, ", ".join(marked) or "none is marked", "")


def _checks_fix(name: str) -> str:
    return f"modeldeck data checks {name} proposes some; [checks] in models/{name}.toml"


def _tests(facts: CardFacts) -> Iterator[ComplianceItem]:
    name, told = facts.model.name, facts.version.evaluation
    holdout, fairness = told.get("holdout") or {}, told.get("fairness") or {}
    again = f"modeldeck train {name}"
    yield _item("tests", "held-out rows", bool(holdout), ", ".join(sorted(holdout)) or "it was not evaluated", again)
    gain = told.get("against_baseline") or {}
    low = gain.get("low")
    better = isinstance(low, int | float) and low > 0
    yield _item("tests", "better than guessing", better, _gain(gain), again)
    gates = facts.settings.get("gates", {})
    limits, slices = sorted(gates.get("limits", {})), told.get("slices") or {}
    limits += ["fairness"] if gates.get("fairness") else []
    fix = f"[gates] in models/{name}.toml, then modeldeck apply"
    yield _item("tests", "gates", bool(limits), ", ".join(limits) or "none", fix)
    yield from _passed_over(facts)
    sliced = f"{len(slices)} slices" if slices else "none"
    yield _item("tests", "slices", bool(slices), sliced, f"[gates] slices in models/{name}.toml, then {again}")
    run = next(iter(facts.tests), None)
    held = run is not None and run.verdict == "passed"
    yield _item("tests", "behaviour", held, _ran(run), _behaviour_fix(facts))
    groups = ", ".join(sorted(fairness)) or "no groups are compared"
    yield _item("tests", "fairness", bool(fairness), groups, f"[fairness] columns in models/{name}.toml, then {again}")


def _passed_over(facts: CardFacts) -> Iterator[ComplianceItem]:
    """Yield an item for each gate that a person let the version past, or one that says there was none."""
    found = [one for one in facts.passed_over if one.gate != APPROVALS]
    for (release, _), same in groupby(found, key=lambda one: (one.release, one.at)):
        past = list(same)
        line = replace(past[0], gate=", ".join(one.gate for one in past)).line  # of one word: who, when, why are one
        fix = f"modeldeck releases show {release[:12]}; it stays on record of this version"
        yield _item("tests", "gates passed over", False, line, fix, REASONS)
    if facts.releases and not found:
        yield _item("tests", "gates passed over", True, "none", "")


def _ran(run: BehaviourRun | None) -> str:
    if run is None:
        return "no behaviour test ran"
    passed = sum(one.verdict == "passed" for one in run.results)
    return f"{passed} of {len(run.results)} passed at {run.place}"


def _behaviour_fix(facts: CardFacts) -> str:
    name, number = facts.model.name, facts.version.number
    again = f"modeldeck tests run {name} {number}"
    return again if facts.settings.get("tests") else f"[tests.NAME] in models/{name}.toml, then {again}"


def _monitoring(facts: CardFacts) -> Iterator[ComplianceItem]:
    name, windows = facts.model.name, facts.windows
    look = f"modeldeck monitors run {name}"
    yield _item("monitoring", "windows", bool(windows), f"{len(windows)} looked at" if windows else "none yet", look)
    covered = max((one.coverage or 0.0 for one in windows), default=0.0)
    told = f"up to {covered:.0%} of a window's rows" if covered else "none came"
    yield _item("monitoring", "outcomes", covered > 0, told, f"modeldeck outcomes {name} FILE")
    critical = [one.title for one in facts.alerts if one.severity == "critical"]
    standing = "; ".join(critical) or "none"
    yield _item("monitoring", "no critical alert", not critical, standing, "modeldeck alerts")


def _approvals(facts: CardFacts) -> Iterator[ComplianceItem]:
    name, number = facts.model.name, facts.version.number
    asked = facts.settings.get("gates", {}).get("approvals", 0)
    count = asked if isinstance(asked, int) else int(asked.get("count", 0))
    yield _item(
        "approvals",
        "asked for",
        count > 0,
        f"{count} by the model's file" if count else "nobody has to say yes",
        f"[gates] approvals in models/{name}.toml, then modeldeck apply",
    )
    given = [one for one in facts.approvals if one.kind == "approval" and one.state in ("granted", "used")]
    by = ", ".join(sorted({each.actor.removeprefix("user:") for one in given for each in one.granted}))
    if count:
        ask = f"modeldeck approvals request {name} {number}"
        yield _item("approvals", "granted", bool(given), f"by {by}" if by else "not for this version", ask)
    for each in facts.passed_over:
        if each.gate == APPROVALS:
            looked = "granted by" in each.second_look
            fix = f"somebody else: modeldeck approvals grant {name} {number}"
            yield _item("approvals", "emergency", looked, each.line, fix, REASONS)
    open_looks = [one for one in facts.approvals if one.kind == "second look" and one.state != "granted"]
    told = "an emergency that nobody else has looked at" if open_looks else "none is open"
    yield _item("approvals", "second looks", not open_looks, told, f"modeldeck approvals grant {name} {number}")


def _reproducibility(facts: CardFacts, seal: str, kept: frozenset[str]) -> Iterator[ComplianceItem]:
    name, version = facts.model.name, facts.version
    again = f"modeldeck train {name}"
    yield _item("reproducibility", "seal", not seal, seal or "holds", f"{again}; docs/trust.md")
    for what, hash in (
        ("artifact", version.artifact_hash),
        ("golden requests", version.golden_hash),
        ("code", version.bundle_hash),
        ("environment", version.environment_hash),
    ):
        if hash:  # code may be none
            yield _item(
                "reproducibility", what, hash in kept, hash[:19] if hash in kept else "its bytes are gone", again
            )
    clean = bool(version.git_commit) and not version.git_dirty
    commit = f"{(version.git_commit or '')[:12]}{', changed since' if version.git_dirty else ''}"
    told = commit if version.git_commit else "the code was in no repository"
    yield _item("reproducibility", "commit", clean, told, f"commit the workspace, then {again}")


def _item(phase: str, what: str, there: bool, detail: str, fix: str, most: int = 120) -> ComplianceItem:
    shown = " ".join(str(detail).split())
    return ComplianceItem(
        phase, what, there, shown if len(shown) <= most else f"{shown[: most - 1]}…", "" if there else fix
    )


def _gain(found: dict[str, Any]) -> str:
    value, low, high = (found.get(name) for name in ("value", "low", "high"))
    if not all(isinstance(one, int | float) for one in (value, low, high)):
        return "nobody compared"
    return f"by {value:.4g} ({low:.4g} to {high:.4g})"
