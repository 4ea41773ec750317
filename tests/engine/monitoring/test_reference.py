"""What a version is compared with is made once and kept, and made anew where what decides it changed."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from engine.deck import Deck
from engine.monitoring.outcomes import record
from engine.monitoring.reference import reference_of
from engine.monitoring.watch import watch
from engine.serving import artifact
from engine.settings.model import GateSettings
from store import jobs, versions
from store.rows import microseconds

MIDNIGHT = microseconds("2026-02-01T00:00:00Z")
DAY_US = 86_400_000_000
ONLY_NUMBERS = {
    "inputs": [
        {"name": "lead_time", "type": "double", "nullable": False},
        {"name": "guests", "type": "long", "nullable": False},
    ],
    "outputs": [{"name": "value", "type": "double"}],
}

YES_OR_NO = {
    "inputs": [{"name": "x", "type": "double", "nullable": False}],
    "outputs": [
        {"name": "label", "type": "string"},
        *({"name": name, "type": "double"} for name in ("score", "scores.false", "scores.true")),
    ],
    "classes": ["false", "true"],
}


def kept(deck: Deck) -> list[Any]:
    return sorted((deck.workspace.predictions / "reference").glob("rates@*"))


@pytest.fixture
def real(deck: Deck, serving: Any, made: Any) -> Any:
    """Settings of `rates`, whose version 2 has a model that answers 3 times the lead time plus the guests."""
    settings = serving()
    frame = pd.DataFrame({"lead_time": [0.0, 1.0, 0.0], "guests": [0, 0, 1]})
    stored = deck.artifacts.put_bytes(artifact.dump(LinearRegression().fit(frame, [0.0, 3.0, 1.0])))
    table = made.snapshot_of(made.rates_rows(1_000))
    made.register(deck, "rates", table, ONLY_NUMBERS, artifact_hash=stored)
    return settings


def test_answers_are_those_of_the_model_on_rows_it_was_not_fitted_on(deck: Deck, real: Any, made: Any) -> None:
    found = reference_of(deck, real, versions.version(deck.database, "rates", 2))
    later = made.rates_rows(1_000)[801:]
    told = pd.Series([3 * row["lead_time"] + row["guests"] for row in later])
    assert found.prediction is not None, found.prediction_note
    same = found.prediction.compare(pa.array(told.to_numpy()))
    assert (same["effect"], same["n_reference"]) == (pytest.approx(0.0, abs=0.02), len(later))


def test_what_was_made_is_kept_and_needs_neither_snapshot_nor_model_again(deck: Deck, real: Any) -> None:
    version = versions.version(deck.database, "rates", 2)
    first = reference_of(deck, real, version)
    assert len(kept(deck)) == 2
    for content in (version.snapshot_id, version.artifact_hash):
        deck.artifacts.path(content).unlink()
    assert reference_of(deck, real, version).to_state() == first.to_state()


def test_a_file_cut_short_is_made_anew(deck: Deck, real: Any) -> None:
    version = versions.version(deck.database, "rates", 2)
    first = reference_of(deck, real, version)
    (place,) = (one for one in kept(deck) if one.suffix == ".json")
    for left in (b"", b"{", b"[]", b'{"rows": 3}'):
        place.write_bytes(left)
        assert reference_of(deck, real, version).to_state() == first.to_state()
        assert json.loads(place.read_bytes()) == first.to_state()


def test_other_settings_make_another_reference(deck: Deck, real: Any) -> None:
    version = versions.version(deck.database, "rates", 2)
    assert "guests" in reference_of(deck, real, version).profiles
    hidden = dataclasses.replace(real, data=dataclasses.replace(real.data, personal=("guests",)))
    assert "tokens" in reference_of(deck, hidden, version).left_out["guests"][1]


def test_what_cannot_be_read_is_said_and_not_kept(deck: Deck, real: Any) -> None:
    version = versions.version(deck.database, "rates", 2)
    place = deck.artifacts.path(version.artifact_hash)
    aside = place.with_suffix(".aside")
    shutil.move(place, aside)
    found = reference_of(deck, real, version)
    assert (found.prediction, found.prediction_note[:13]) == (None, "unavailable: ")
    assert set(found.profiles) == {"lead_time", "guests"}
    assert kept(deck) == []
    shutil.move(aside, place)
    assert reference_of(deck, real, version).prediction is not None


def test_a_model_that_raises_is_one_line(deck: Deck, real: Any, made: Any) -> None:
    asks = {**ONLY_NUMBERS, "inputs": [{"name": "lead_time", "type": "double", "nullable": False}]}
    narrow = made.register(
        deck,
        "rates",
        made.snapshot_of(made.rates_rows(500)),
        asks,
        artifact_hash=versions.version(deck.database, "rates", 2).artifact_hash,
    )
    note = reference_of(deck, real, narrow).prediction_note
    assert note.startswith("unavailable: the version cannot be asked (PredictError: the model raised ValueError")
    assert "\n" not in note


def test_a_look_loads_no_model_library(deck: Deck, real: Any, traffic: Any, made: Any, champion: Any) -> None:
    champion(2)
    draw = np.random.default_rng(3)
    traffic.send(made.rates_rows(200), at=MIDNIGHT, every_s=10, version=2, error=float(draw.uniform(1, 2)))
    with deck.database.write() as tx:
        job = jobs.claim(tx, jobs.enqueue(tx, kind="monitor", model="rates", actor="user:anna").id)
    code = f"""
import sys
from pathlib import Path
from engine.deck import open_deck
from engine.workspace import Workspace
from engine.jobs.context import JobContext
from engine.jobs.watching import watch
from store import jobs
from store.database import Fence
deck = open_deck(Workspace(Path({str(deck.workspace.root)!r})))
done = watch(JobContext(deck, jobs.job(deck.database, {job.id!r}), Fence({job.id!r}, {job.attempt})))
print(done["windows"] > 0, sorted({{"pandas", "sklearn", "scipy", "optuna"}} & set(sys.modules)))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.stdout.splitlines()[-1:] == ["True []"], told.stderr


def drawn(size: int, seed: int, centre: float) -> list[dict[str, Any]]:
    """Rows whose chance of `y` is a rising line of x, so that a model of x can be calibrated."""
    draw = np.random.default_rng(seed)
    xs = draw.normal(centre, 1.0, size)
    return [{"x": float(x), "y": bool(draw.random() < 1 / (1 + np.exp(-2 * x)))} for x in xs]


def test_a_window_is_estimated_before_its_outcomes_come(deck: Deck, serving: Any, made: Any) -> None:
    settings = serving("posts")
    rows = drawn(10_000, 1, 0.0)
    model = LogisticRegression().fit(pd.DataFrame({"x": [row["x"] for row in rows]}), [row["y"] for row in rows])
    made.register(
        deck,
        "posts",
        made.snapshot_of(rows),
        YES_OR_NO,
        artifact_hash=deck.artifacts.put_bytes(artifact.dump(model)),
        evaluation={"metric": "log_loss"},
    )
    later = drawn(3_000, 2, 0.8)  # inputs moved, what they mean did not
    scores = model.predict_proba(pd.DataFrame({"x": [row["x"] for row in later]}))
    outputs = [
        {"label": "true" if yes > 0.5 else "false", "score": max(no, yes), "scores.false": no, "scores.true": yes}
        for no, yes in scores.tolist()
    ]
    posts = made.Traffic(deck, "posts")
    lines, ids = posts.lines(later, outputs, at=MIDNIGHT, every_s=10, version=2)
    posts.write(lines)
    (before,) = watch(deck, settings, 1, now_us=MIDNIGHT + DAY_US)
    told = before.window.metrics["estimated_log_loss"]
    assert (told["n"], told["note"]) == (3_000, "CBPE; holds while inputs alone move and what they mean does not")
    given = [{"prediction_id": one, "value": row["y"]} for one, row in zip(ids, later, strict=True)]
    record(deck, "posts", given, "till", "user:anna")
    (after,) = watch(deck, settings, 1, now_us=MIDNIGHT + 2 * DAY_US)
    shown = after.window.metrics["log_loss"]["value"]
    assert told["low"] < shown < told["high"]
    assert after.window.metrics["estimated_log_loss"] == told


def test_without_a_calibration_the_estimate_says_why(deck: Deck, serving: Any, made: Any) -> None:
    settings = serving("posts")
    posts = made.Traffic(deck, "posts")
    outputs = [{"label": "true", "score": 0.6, "scores.false": 0.4, "scores.true": 0.6}] * 100
    posts.write(posts.lines(made.posts_rows(100), outputs, at=MIDNIGHT, every_s=10)[0])
    (verdict,) = watch(deck, settings, 1, now_us=MIDNIGHT + DAY_US)
    told = verdict.window.metrics["estimated_log_loss"]
    assert told["value"] is None
    assert told["note"].startswith("no calibration: unavailable: artifact ")


def stays(made: Any, size: int, seed: int, likely: float) -> tuple[list[dict[str, Any]], list[float]]:
    """Rows and what version 2 of `rates` answers: the more guests, the farther off; six or seven come as `likely`."""
    draw = np.random.default_rng(seed)
    rows = made.rates_rows(size)
    many = draw.random(size) < likely
    for row, off, more in zip(rows, draw.normal(0.0, 1.0, size).tolist(), many.tolist(), strict=True):
        row["guests"] = int(draw.integers(6, 8) if more else draw.integers(1, 4))
        row["y"] = 3.0 * row["lead_time"] + row["guests"] + off * row["guests"]
    return rows, [3.0 * row["lead_time"] + row["guests"] for row in rows]


def test_a_regression_is_estimated_before_its_outcomes_come(
    deck: Deck, real: Any, made: Any, traffic: Any, champion: Any
) -> None:
    rows, _ = stays(made, 4_000, 1, 0.2)
    stored = versions.version(deck.database, "rates", 2).artifact_hash
    version = made.register(
        deck, "rates", made.snapshot_of(rows), ONLY_NUMBERS, artifact_hash=stored, evaluation={"metric": "mae"}
    )
    champion(version.number)
    later, answered = stays(made, 1_000, 2, 0.8)
    outputs = [{"value": one} for one in answered]
    lines, ids = traffic.lines(later, outputs, at=MIDNIGHT, every_s=10, version=version.number)
    traffic.write(lines)
    (before,) = watch(deck, real, 1, now_us=MIDNIGHT + DAY_US)
    told = before.window.metrics["estimated_mae"]
    assert told["n"] == 1_000
    given = [{"prediction_id": one, "value": row["y"]} for one, row in zip(ids, later, strict=True)]
    record(deck, "rates", given, "till", "user:anna")
    (after,) = watch(deck, real, 1, now_us=MIDNIGHT + 2 * DAY_US)
    shown = after.window.metrics["mae"]["value"]
    expected_if_nothing_had_moved = reference_of(deck, real, version).loss.base
    assert told["low"] < shown < told["high"]
    assert told["low"] > 1.5 * expected_if_nothing_had_moved
    assert told["note"] == "loss model; holds while the same inputs go with the same loss"
    assert after.window.metrics["estimated_mae"] == told


def test_without_times_nothing_is_estimated(deck: Deck, real: Any, made: Any) -> None:
    stored = versions.version(deck.database, "rates", 2).artifact_hash
    untimed = made.register(
        deck, "rates", made.snapshot_of(made.rates_rows(1_000)), ONLY_NUMBERS, artifact_hash=stored, cutoff_at=None
    )
    found = reference_of(deck, real, untimed)
    assert found.prediction is not None
    assert found.loss is None
    assert found.loss_note == "the data has no times, by which rows the version was not fitted on could be told"


def test_slices_of_a_regression_are_estimated_from_the_same_pass(
    deck: Deck, real: Any, made: Any, traffic: Any, champion: Any
) -> None:
    settings = dataclasses.replace(real, gates=GateSettings(slices=("guests",)))
    rows, _ = stays(made, 4_000, 1, 0.4)
    stored = versions.version(deck.database, "rates", 2).artifact_hash
    version = made.register(
        deck, "rates", made.snapshot_of(rows), ONLY_NUMBERS, artifact_hash=stored, evaluation={"metric": "mae"}
    )
    champion(version.number)
    later, answered = stays(made, 1_000, 2, 0.4)
    lines, _ = traffic.lines(later, [{"value": one} for one in answered], at=MIDNIGHT, version=version.number)
    traffic.write(lines)
    (verdict,) = watch(deck, settings, 1, now_us=MIDNIGHT + DAY_US)
    slices = {one.value: one for one in verdict.parts if one.kind == "slice"}
    assert set(slices) == {"1", "2", "3", "6", "7"}
    told = {value: one.metrics["estimated_mae"] for value, one in slices.items()}
    for value, one in told.items():  # the more guests, the farther off
        off = np.mean([abs(row["y"] - answer) for row, answer in zip(later, answered, strict=True)
                       if row["guests"] == int(value)])  # fmt: skip
        assert one["low"] < off < one["high"], value
    whole = verdict.window.metrics["estimated_mae"]["value"]
    weighed = sum(one["value"] * one["n"] for one in told.values()) / 1_000
    assert weighed == pytest.approx(whole, rel=0.02)
    assert all(one.answers["n"] == one.rows and one.answers["n_reference"] >= 50 for one in slices.values())
