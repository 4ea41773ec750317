"""The closed loop as it is replayed: every row answered and told once, killed and gone on with, alerts judged."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closed_loop import rows_of
from loop_arms import Answers, Life, judge_alerts, live, losses_by_span
from loop_days import DAY_US, Story, cheap, keys_of, midnight, pieces, us
from loop_plot import as_png, in_terminal
from loop_replay import Replay

from console.demo.files import copy_example, recipe
from console.demo.traffic import later_rows
from engine.monitoring.layout import minted_at
from engine.serving.request_ids import is_request_id
from engine.settings.work import terms
from store import events, jobs, models, releases, settings, versions, watching

STORY = Story("nightly-rates", "2016-11-15", "2016-11-20", 3, "sklearn.linear_model.Ridge")
MODEL = "nightly-rates"


def quiet(_text: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Life]]:
    """Our loop and the oracle over five days; ours is killed in its third day and goes on with it."""
    folder = tmp_path_factory.mktemp("lives")
    root = folder / MODEL / "loop"
    root.mkdir(parents=True)
    replay = Replay(STORY, root, retrain=True, watch=True)
    replay.live_through(lambda _day: None, quiet, until=2)
    replay.traffic()  # answered and logged, and then the process is gone: the day is not over
    replay.close()
    return folder, {arm: live(STORY, arm, folder, quiet) for arm in ("loop", "oracle")}


@pytest.mark.timeout(600)
def test_every_row_is_answered_once_and_told_what_came_of_it_in_each_life(lived: Any) -> None:
    folder, lives = lived
    replay = Replay(STORY, folder / MODEL / "loop", retrain=True, watch=True)
    inputs = {column["name"] for column in versions.versions(replay.deck.database, MODEL)[0].signature["inputs"]}
    rows = later_rows(replay.deck.workspace, replay.settings, STORY.recipe(recipe(MODEL)), inputs)
    told = watching.outcome_batches(replay.deck.database, MODEL)
    replay.close()
    mine, theirs = lives["loop"].answers, lives["oracle"].answers
    assert len(rows) == len(mine.ids) == len(set(mine.ids)) > 100
    assert sum(batch.matched for batch in told) >= len(rows)
    assert sum(batch.unknown for batch in told) == 0
    assert np.array_equal(mine.ids, theirs.ids)
    assert np.array_equal(mine.truth, theirs.truth)
    assert sorted(mine.truth) == sorted(row.outcome for row in rows)
    assert lives["oracle"].trainings == [3]
    first = theirs.event_at < midnight(STORY.begins) + 3 * DAY_US
    assert np.allclose(mine.values[first], theirs.values[first])  # the same version answered, by the log and without
    assert not np.allclose(mine.values[~first], theirs.values[~first])


@pytest.mark.timeout(600)
def test_events_of_a_replay_bear_its_own_time(lived: Any) -> None:
    folder, _ = lived
    replay = Replay(STORY, folder / MODEL / "loop", retrain=True, watch=True)
    times = [event.at for event in events.events(replay.deck.database, limit=10_000)]
    replay.close()
    delay = recipe(MODEL).label_delay_days + 2
    assert midnight(STORY.begins) <= min(times) <= max(times) <= midnight(STORY.ends) + delay * DAY_US


@pytest.mark.timeout(600)
def test_version_that_nobody_asked_for_serves_where_its_gates_pass_and_only_there(lived: Any) -> None:
    folder, _ = lived
    replay = Replay(STORY, folder / MODEL / "loop", retrain=True, watch=True)
    with replay.deck.database.write() as tx:
        revision = settings.newest(tx)
        body = settings.get(tx, revision).body
        asked = {"actor": f"trigger:retrain:{MODEL}", "settings_revision": revision, "terms": terms(body, "train")}
        jobs.enqueue(tx, kind="train", model=MODEL, args={"why": {"trigger": "outcomes", "evidence": {}}}, **asked)
    replay.worker.until_us = replay.clock.now()
    trained, released = replay.worker.drain()
    [release] = releases.releases(replay.deck.database)
    champion = models.alias(replay.deck.database, MODEL, "champion")
    [gates] = [step for step in releases.steps(replay.deck.database, release.id) if step.kind == "gates"]
    replay.close()
    assert (trained.kind, trained.state, released.kind) == ("train", "succeeded", "release")
    assert trained.result["version"] == release.to_version == 2
    verdicts = {check["verdict"] for check in gates.observed["checks"]}
    ended = "completed" if verdicts == {"passed"} else "failed" if "failed" in verdicts else "held"
    assert release.state == ended
    assert champion.version == (2 if ended == "completed" else 1)


@pytest.mark.timeout(600)
def test_report_of_a_replay_adds_up_and_is_drawn(lived: Any) -> None:
    _, lives = lived
    beside = {**lives, "never": lives["loop"], "monthly": lives["oracle"]}
    error, made, *alarms = rows_of(STORY, beside)
    assert (
        error.modeldeck
        == error.peers["never"]
        == pytest.approx(lives["loop"].answers.loss(lives["loop"].answers.event_at > 0))
    )
    assert (made.modeldeck, made.peers["monthly"], made.limit["oracle"]) == (0.0, 1.0, 1.0)
    assert [row.repeats for row in alarms] == [0, 0]  # a window of 30 days has not closed
    lines = in_terminal(STORY, beside)
    assert any("our loop" in line for line in lines)
    assert any("2016-11-15" in line for line in lines)
    assert as_png(STORY, beside).startswith(b"\x89PNG")


def life(windows: list[tuple[int, int]], values: list[float], alerts: dict[str, list[str]], version: int = 1) -> Life:
    """One row an hour, true 0; `windows` are spans of hours, named w0, w1, …; each was looked at again later."""
    count = len(values)
    answers = Answers(
        "mae",
        (),
        np.arange(count).astype(str),
        np.arange(count),
        np.full(count, version),
        np.zeros(count),
        np.array(values),
    )
    told = [
        {"ids": [f"w{number} again", f"w{number}"], "version": 1, "from_at": first, "to_at": last, "is_judged": True}
        for number, (first, last) in enumerate(windows)
    ]
    return Life("x", "loop", 1, [], answers, told, {id: {"windows": about} for id, about in alerts.items()})


def test_alert_is_right_where_the_oracle_would_have_done_better_by_a_tenth() -> None:
    mine = life([(0, 2), (2, 4), (4, 6)], [1.0, 1.0, 2.0, 2.0, 1.2, 1.2], {"a": ["w0"], "b": ["w1"], "c": []})
    theirs = life([], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], {})
    found = judge_alerts(mine, theirs)
    assert dataclasses.astuple(found) == (2, 1, 1, 2)  # raised, right, windows with harm untold, windows with harm


def test_window_that_no_labels_judge_is_no_harm_and_no_loss_is_no_figure() -> None:
    mine, theirs = life([(0, 2)], [2.0, 2.0], {"a": ["w0"]}), life([], [1.0, 1.0], {})
    mine.windows[0]["is_judged"] = False
    assert judge_alerts(mine, theirs).right == 0
    assert mine.answers.loss(mine.answers.event_at > 99) is None
    mine.days = 60
    assert losses_by_span(mine, 0) == [2.0, None]


def test_only_the_search_the_pace_and_what_a_life_has_not_leave_a_model_file(tmp_path: Path) -> None:
    copy_example(MODEL, tmp_path, with_deck=True)
    file = tmp_path / "models" / f"{MODEL}.toml"
    shipped = tomllib.loads(file.read_text())
    cheap(file, STORY, retrain=True, watch=True)
    ours = tomllib.loads(file.read_text())
    assert {name for name in shipped if shipped[name] != ours[name]} == {"train", "monitor"}
    assert ours["monitor"] == {**shipped["monitor"], "every": "1d"}
    assert ours["train"] == {
        **shipped["train"], "estimator": STORY.estimator, "trials": 0, "time_budget": "3600s",
    }  # fmt: skip
    cheap(file, STORY, retrain=False, watch=False)
    assert shipped.keys() - tomllib.loads(file.read_text()).keys() == {"retrain", "monitor"}


def test_ids_of_a_replay_are_those_of_a_router_and_follow_from_the_row() -> None:
    @dataclasses.dataclass
    class Row:
        at: Any

    import datetime as dt

    rows: list[Any] = [Row(dt.datetime(2016, 11, 15, hour)) for hour in range(5)]
    found = [keys_of(piece, 0, place) for place, piece in enumerate(pieces(rows, 2))]
    ids = [id for piece in found for id, _ in piece]
    assert len(set(ids)) == 5
    assert all(is_request_id(id.rpartition("-")[0]) for id in ids)
    assert minted_at(ids[-1]) == us(rows[-1].at)
    assert found == [keys_of(piece, 0, place) for place, piece in enumerate(pieces(rows, 2))]
    json.dumps(found)
