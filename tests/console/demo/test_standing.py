"""How far a demo is, read from what the registry holds: by what a version was trained for, never by its number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from console.demo.standing import Standing

FIRST, SECOND = "demo: the first version", "demo: three months later"


def version(number: int, description: str) -> Any:
    return SimpleNamespace(number=number, description=description)


def promotion(number: int, state: str = "completed") -> Any:
    return SimpleNamespace(kind="promote", to_version=number, state=state)


def standing(versions: tuple[Any, ...] = (), releases: tuple[Any, ...] = ()) -> Standing:
    return Standing(versions, releases, 0, (), ())


def test_a_second_training_for_the_first_version_is_not_the_second_version() -> None:
    now = standing((version(1, FIRST), version(2, FIRST)), (promotion(1),))
    assert now.promoted(FIRST)
    assert now.made_for(SECOND) is None
    assert not now.promoted(SECOND)


def test_the_newest_version_trained_for_a_reason_is_the_one_to_promote() -> None:
    now = standing((version(1, FIRST), version(2, SECOND), version(3, SECOND)), (promotion(2, "failed"),))
    found = now.made_for(SECOND)
    assert found is not None
    assert found.number == 3
    assert not now.promoted(SECOND)
    assert standing(now.versions, (promotion(3),)).promoted(SECOND)
