"""What behaviour tests said of a version."""

from __future__ import annotations

from store.rows.frozen import dataclass

PASSED, FAILED, BROKEN = "passed", "failed", "broken"  # broken: the test itself raised, never ended or asks nonsense


@dataclass(frozen=True, slots=True)
class BehaviourResult:
    """What one test said. `seen` is one line and holds no value of a row, only answers and counts."""

    name: str
    kind: str  # invariance, direction, minimum functionality, function
    verdict: str  # passed, failed, broken
    seen: str
    expected: str


@dataclass(frozen=True, slots=True)
class BehaviourRun:
    """All behaviour tests of a model, run once against one version."""

    id: str
    model: str
    version: int
    place: str  # training, promotion, endpoint (what serves, asked through its gateway), asked (its artifact)
    verdict: str  # passed, failed
    tests_hash: str  # of what the tests asked then, code of functions included
    code_hash: str  # the bundle that functions came from; "" where there are none
    results: tuple[BehaviourResult, ...]
    actor: str
    job_id: str | None
    ran_at: int
