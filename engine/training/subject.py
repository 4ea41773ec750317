"""A version with the rows by which it is explained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.model_io.load import load_version
from engine.model_io.rows import read_snapshot, zone_of
from engine.serving.frames import conform
from engine.settings.apply import settings_of
from engine.training.dataset import Dataset, prepare, truth_of
from engine.training.folds import split_holdout
from store.errors import Refused

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from engine.deck import Deck
    from engine.serving.predict import Predictor
    from engine.settings.model import ModelSettings
    from store.rows import Version

TASKS = ("classification", "regression")
BACKGROUND = 100  # rows it was trained on, against which every prediction is explained
ROWS = 800  # of the holdout, for the importance
SEED = 7


@dataclass(frozen=True, slots=True)
class Subject:
    """A version with the rows that explain it: `background` (frame) it was trained on, `holdout` it was proven on."""

    version: Version
    settings: ModelSettings
    predictor: Predictor = field(repr=False)
    background: pd.DataFrame = field(repr=False)
    holdout: Dataset = field(repr=False)
    behind: pa.Table = field(repr=False)  # both again, with every column of the snapshot
    ahead: pa.Table = field(repr=False)

    @property
    def explains(self) -> str:
        """Return the output column that is explained; "score" where it is the score of each row's own label."""
        classes = self.predictor.signature.classes
        if not classes:
            return "value"
        return f"scores.{classes[self.positive]}" if len(classes) == 2 else "score"

    @property
    def positive(self) -> int:
        """Return the place of the explained class of two."""
        classes = self.predictor.signature.classes
        named = self.predictor.decision.get("positive")
        return classes.index(named) if named in classes else 1

    def is_personal(self, column: str) -> bool:
        """Tell whether a column's values are never shown."""
        return column in self.settings.data.personal


def subject_of(deck: Deck, version: Version) -> Subject:
    """Load a version and its rows.

    Raises:
        Refused: its task has no explanation. CorruptArtifact: model or snapshot are missing or damaged.
    """
    settings = settings_of(deck, version.settings_revision).models[version.model]
    if settings.task not in TASKS:
        raise Refused(f"models of the task {settings.task} are not explained", f"explained are {' and '.join(TASKS)}")
    predictor = load_version(deck, version)
    table = read_snapshot(deck, version.snapshot_id)
    dataset = prepare(table, settings, zone_of(deck.database, version.settings_revision))
    split = split_holdout(dataset, settings.train.holdout, settings.train.seed)
    draw = np.random.default_rng(SEED)
    train, holdout = _some(split.train, BACKGROUND, draw), _some(split.holdout, ROWS, draw)
    known = _known(table, settings)
    behind, ahead = known.take(train), known.take(holdout)
    signature = predictor.signature
    proven = replace(dataset.take(holdout), frame=conform(ahead.to_pandas(), signature), signature=signature)
    return Subject(version, settings, predictor, conform(behind.to_pandas(), signature), proven, behind, ahead)


def _known(table: pa.Table, settings: ModelSettings) -> pa.Table:
    """Return the rows that have a truth, which are those of the dataset, in its order."""
    import pyarrow as pa

    _, known = truth_of(table, settings.data.target, settings.task)
    return table.filter(pa.array(known))


def _some(rows: Any, most: int, draw: Any) -> Any:
    return np.sort(draw.permutation(rows)[:most])
