"""What one could have: a version trained every day, by the training's own function on the rows known by then.

Of the oracle nothing is asked but its answers, so it has no registry, no gates and no log: each of its versions would
serve a day. The rows, the settings and the code are those of the other lives, and so are the versions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from loop_days import DAY_US, Story, cheap, days_of, keys_of, midnight, pieces

from console.demo.files import copy_example, recipe
from console.demo.traffic import later_rows
from engine.data.gathering import gather
from engine.model_io.rows import times_us
from engine.serving.artifact import sort_types, untrusted_types
from engine.serving.contract import Signature, code_rows, task_of
from engine.serving.predict import Predictor
from engine.serving.strict_skops import skops_io
from engine.settings.files import load
from engine.training.making import make
from engine.workspace import Workspace

EVERY = 10  # days after which what there is is kept
BUDGET_S = 3600.0  # of a training that searches nothing: a busy machine ends none of them


class Silent:
    """Keeps no record of trials."""

    def begun(self, *_told: Any) -> None:
        """A trial starts."""

    def ended(self, *_told: Any) -> None:
        """A trial ends."""

    def write(self) -> None:
        """It would be put on record."""


class Oracle:
    """An example's rows and settings, read once."""

    def __init__(self, story: Story, root: Path) -> None:
        self.story = story
        if not (root / "deck.toml").exists():
            copy_example(story.example, root, with_deck=True)
            cheap(root / "models" / f"{recipe(story.example).model}.toml", story, retrain=False, watch=False)
        self.workspace = Workspace(root)
        said = recipe(story.example)
        self.settings = load(self.workspace).models[said.model]
        sys.path.append(str(root))
        self.table = gather(self.settings.data, root, self.workspace, "UTC")
        self.times = times_us(self.table.column(str(self.settings.data.time_column)))
        self.delay_us = round(said.label_delay_days * DAY_US)
        self.rows_per_request = said.rows_per_request
        self._rows: dict[int, list[Any]] = {}

    def version(self, at_us: int) -> Predictor:
        """Train on the rows whose outcome is known at a moment, and return the version as loaded from its bytes."""
        known = self.table.filter(pa.array(self.times < at_us - self.delay_us))
        made = make(
            known,
            self.settings,
            zone="UTC",
            bundle=self.workspace.root,
            modules=[path.stem for path in self.workspace.root.glob("*.py")],
            deadline=time.monotonic() + BUDGET_S,
            recorder=Silent(),
            progress=lambda _share, _text: None,
        )
        trusted, _ = sort_types(untrusted_types(made.artifact))
        signature = Signature.from_json(made.signature)
        model = skops_io().loads(made.artifact, trusted=trusted)
        also = (str(self.settings.data.time_column),)
        return Predictor.from_parts(model, signature, task_of(signature), made.decision, also)

    def rows(self, inputs: set[str]) -> dict[int, list[Any]]:
        """Return the rows of each day."""
        if not self._rows:
            said = self.story.recipe(recipe(self.story.example))
            self._rows = days_of(later_rows(self.workspace, self.settings, said, inputs), midnight(self.story.begins))
        return self._rows


def live_oracle(
    story: Story, root: Path, say: Callable[[str], None]
) -> tuple[list[int], dict[str, Any], str, tuple[str, ...]]:
    """Return the days of the trainings after the first, the answers as arrays, the metric, and the classes."""
    oracle, kept = Oracle(story, root), root / "partial.npz"
    begins = midnight(story.begins)
    found: dict[str, list[Any]] = {"ids": [], "event_at": [], "version": [], "truth": [], "values": []}
    first, made = 0, []
    if kept.exists():
        with np.load(kept, allow_pickle=False) as before:
            first, made = int(before["day"]), before["made"].tolist()
            found = {name: before[name].tolist() for name in found}
    predictor: Predictor | None = None
    begun = time.monotonic()
    for day in range(first, story.days):
        if predictor is None or day % story.oracle_days == 0:
            predictor = oracle.version(begins + day // story.oracle_days * story.oracle_days * DAY_US)
            made += [day] if day and day not in made else []
        _answer(oracle, predictor, day, len(made) + 1, found)
        if (day + 1) % EVERY == 0:
            _keep(kept, found, day + 1, made)
            say(f"day {day + 1} of {story.days}, {len(made)} trainings, {time.monotonic() - begun:.0f} s")
    assert predictor is not None
    metric = oracle.settings.train.metric or ""
    return made, {name: np.array(values) for name, values in found.items()}, metric, predictor.signature.classes


def _answer(oracle: Oracle, predictor: Predictor, day: int, version: int, found: dict[str, list[Any]]) -> None:
    rows = oracle.rows({column.name for column in predictor.signature.inputs})[day]
    for place, piece in enumerate(pieces(rows, oracle.rows_per_request)):
        answers = predictor.answer(code_rows([row.record for row in piece], predictor.signature, predictor.also))
        for (id, at), row, answer in zip(keys_of(piece, day, place), piece, answers, strict=True):
            classes = predictor.signature.classes
            found["ids"].append(id)
            found["event_at"].append(at)
            found["version"].append(version)
            found["truth"].append(text_of(row.outcome) if classes else float(row.outcome))
            found["values"].append([answer[f"scores.{name}"] for name in classes] if classes else answer["value"])


def text_of(outcome: Any) -> str:
    """Return an outcome as the log keeps it."""
    from engine.serving.contract import class_text

    return class_text(outcome)


def _keep(place: Path, found: dict[str, list[Any]], day: int, made: list[int]) -> None:
    temporary = place.with_suffix(".tmp.npz")
    np.savez_compressed(
        temporary, day=day, made=np.array(made, dtype=int), **{k: np.array(v) for k, v in found.items()}
    )
    temporary.replace(place)
