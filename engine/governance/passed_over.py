"""Gates that a version was let past by a person: which, what was seen of it, by whom, when, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from store.rows import Approval, Release, Step, rfc3339
from store.rows.frozen import dataclass

UNANSWERED = ("no data", "inconclusive")  # what a person's word goes past; "to decide" is asked of a person by design


@dataclass(frozen=True, slots=True)
class PassedOver:
    """One gate of one release that was not passed, and went on all the same by a person's word.

    `gate` is the gate's name, `approvals` in an emergency; `verdict` is no data, inconclusive or not asked.
    """

    release: str
    gate: str
    verdict: str
    seen: str
    by: str
    at: int
    reason: str
    second_look: str = ""  # of an emergency: what the other person said, "" while nobody has

    @property
    def line(self) -> str:
        """Say it in one line, the reason last."""
        looked = f"; {self.second_look}" if self.gate == APPROVALS else ""
        who = f"by {self.by.removeprefix('user:')}, {rfc3339(self.at)[:16]}Z"
        return f"{self.gate} ({self.verdict}) {who}: {self.reason or 'no reason is on record'}{looked}"


APPROVALS = "approvals"


def passed_over(
    past: Iterable[tuple[Release, tuple[Step, ...]]], approvals: Iterable[Approval]
) -> tuple[PassedOver, ...]:
    """Return every gate that was passed over, as releases and second looks tell it, oldest first."""
    found = [one for release, steps in past for one in _resumed(release, steps)]
    found += [_emergency(one) for one in approvals if one.kind == "second look"]
    return tuple(sorted(found, key=lambda one: one.at))


def _resumed(release: Release, steps: tuple[Step, ...]) -> Iterator[PassedOver]:
    """Yield what a held release went past; one word reaches over the later steps that nobody asked anything at."""
    by = reason = ""
    at = 0
    for step in steps:
        if "resumed_by" in step.observed:
            by, reason = str(step.observed["resumed_by"]), str(step.observed.get("resume_reason", ""))
            at = step.ended_at or release.requested_at
        if not by or step.state != "done" or step.verdict not in UNANSWERED:
            continue
        for gate, verdict, seen in _gates(step):
            yield PassedOver(release.id, gate, verdict, seen, by, at, reason)


def _gates(step: Step) -> list[tuple[str, str, str]]:
    """Return (gate, verdict, seen) of what a step asked and got no answer to."""
    checks = [one for one in step.observed.get("checks", ()) if one.get("verdict") != "passed"]
    if checks:
        return [(str(one["name"]), str(one["verdict"]), str(one.get("observed", ""))) for one in checks]
    weight = step.args.get("weight")
    name = f"live traffic at {weight} %" if step.kind == "weight" else step.kind
    where = f" on {step.host}" if step.host else ""
    return [(f"{name}{where}", step.verdict, str(step.observed.get("detail", "")))]


def _emergency(look: Approval) -> PassedOver:
    said = [f"{one.answer} by {one.actor.removeprefix('user:')}" for one in look.answers]
    looked = f"second look {', '.join(said)}" if said else "nobody else has looked at it"
    by, at = look.requested_by, look.requested_at
    return PassedOver(look.release_id or "", APPROVALS, "not asked", "", by, at, look.reason, looked)
