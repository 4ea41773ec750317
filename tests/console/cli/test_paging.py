"""Long lists come page by page: rows on stdout, the way to the next page on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest
from one_model import deck_of_one_model

from engine.deck import make_deck
from engine.workspace import Workspace
from store import runs


@pytest.fixture
def five_runs(folder: Path) -> list[str]:
    """The ids of five runs of an experiment, oldest first; the third has no metric."""
    deck = make_deck(Workspace(folder))
    with deck.database.write() as tx:
        made = [runs.start_run(tx, experiment="notebook", actor="user:anna", name=f"try {n}") for n in range(5)]
        for place, run in enumerate(made):
            if place != 2:
                runs.log_points(tx, run.id, [("mae", 1, 1, float(10 - place))])
    deck.database.close()
    return [run.id for run in made]


def test_pages_follow_one_another(line, five_runs: list[str]) -> None:  # type: ignore[no-untyped-def]
    found: list[str] = []
    after: list[str] = []
    for _ in range(3):
        said = line("runs", "--limit", "2", "--order", "metrics.mae", *after, "--json")
        assert said.code == 0
        found += [row["id"] for row in said.data]
        after = said.err.removeprefix("more: ").split()
    assert found == [five_runs[place] for place in (4, 3, 1, 0, 2)]
    assert after == []


def test_a_list_that_ends_says_nothing(line, five_runs: list[str]) -> None:  # type: ignore[no-untyped-def]
    said = line("runs", "--limit", "5", "--json")
    assert ([row["id"] for row in said.data], said.err) == (five_runs[::-1], "")


def test_an_order_nobody_keeps_is_told_in_one_line(line, five_runs: list[str]) -> None:  # type: ignore[no-untyped-def]
    said = line("runs", "--order", "colour")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "runs cannot be ordered by 'colour'" in said.err


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("metrics.mae>99", "nothing matches 'metrics.mae>99' of 5 runs"),
        ("mae<1", "nothing matches 'mae<1' of 5 runs: none has 'mae', did you mean 'metrics.mae'?"),
        (
            "metrics.mea<10 colour=red",
            "nothing matches 'metrics.mea<10 colour=red' of 5 runs: none has 'metrics.mea', did you mean 'metrics.mae'?"
            "; none has 'colour'",
        ),
        ("~nowhere", "nothing matches '~nowhere' of 5 runs"),
    ],
)
def test_filter_that_lets_nothing_through_says_so_and_what_it_cannot_find(
    line,  # type: ignore[no-untyped-def]
    five_runs: list[str],
    wanted: str,
    why: str,
) -> None:
    said = line("runs", wanted)
    assert (said.code, said.out, said.err) == (0, "", f"{why}\n")
    assert line("runs", wanted, "--json").data == []


def test_list_without_rows_names_the_model_that_was_asked_about(line, folder: Path) -> None:  # type: ignore[no-untyped-def]
    deck_of_one_model(folder).database.close()
    assert line("versions", "rates").err == "no versions yet: modeldeck train rates\n"
    assert line("versions", "rates", "number>1").err == "no versions yet: modeldeck train rates\n"
    assert line("runs", "mae<1").err == "no runs\n"
