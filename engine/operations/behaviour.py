"""Operations on behaviour tests."""

from __future__ import annotations

from engine.access import Role
from engine.operations.operation import Danger, Operation, argument
from store.rows import BehaviourRun, Job
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class TestsRequest:
    """What a model's behaviour tests said: of its champion, else its newest version, or the version named."""

    __test__ = False  # no test of ours

    model: str = argument("the model's name")
    version: int | None = argument("without it the champion, else the newest", metavar="VERSION", default=None)
    all: bool = argument("every run that is kept, not the newest of each place", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class TestsRun:
    """Run a model's behaviour tests against what serves, through its endpoint, or against the version named."""

    __test__ = False

    model: str = argument("the model's name")
    version: int | None = argument("its artifact; without it what serves", metavar="VERSION", default=None)


_HANDLERS = "engine.service.handlers.behaviour"

OPERATIONS = (
    Operation(
        "tests.list",
        ("tests",),
        "what behaviour tests said of a version",
        TestsRequest,
        BehaviourRun,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:tests",
        many=True,
    ),
    Operation(
        "tests.run",
        ("tests", "run"),
        "run them against what serves, or a version",
        TestsRun,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:run",
        job=True,
    ),
)
