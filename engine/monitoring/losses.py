"""What the loss of a regression or a forecast depends on, and what follows from the counts of a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from engine.measures.drift import Profile, Tally
from engine.measures.drift_bins import to_floats
from engine.measures.drift_places import counted_places, row_places
from engine.measures.estimate import Estimate
from engine.measures.expected_loss import LossModel, fit_loss, loss_rows
from engine.measures.metrics import Predicted, default_metric

if TYPE_CHECKING:
    from engine.settings.model import ModelSettings
    from store.rows import Version

ANSWER = "outputs.value"  # in a loss model, beside the names of inputs
MOST_COLUMNS = 40  # that a loss is explained by, the most important ones

Columns = Mapping[str, pa.Array | pa.ChunkedArray]


def primary_metric(settings: ModelSettings, version: Version) -> str:
    """Return the metric the version was chosen by."""
    return str(version.evaluation.get("metric") or settings.train.metric or default_metric(settings.task))


def loss_of(
    settings: ModelSettings,
    version: Version,
    profiles: Mapping[str, Profile],
    columns: Columns,
    truth: pa.ChunkedArray | None,
) -> LossModel | str:
    """Return the model of the primary metric's loss over rows the version was not fitted on, or why there is none.

    `columns` hold those rows, in time order, for each profile they are known for; `ANSWER` is what was answered.
    """
    if truth is None:
        return f"the snapshot does not hold {settings.data.target!r}"
    metric = primary_metric(settings, version)
    losses = loss_rows(metric, to_floats(truth), Predicted(values=to_floats(columns[ANSWER])))
    if losses is None:
        return f"{metric} cannot be estimated without outcomes"
    weights = {one["name"]: float(one["value"]) for one in version.evaluation.get("importance") or ()}
    weights[ANSWER] = float("inf")
    names = sorted(columns.keys() & profiles.keys(), key=lambda name: (-weights.get(name, 0.0), name))
    places = {name: row_places(profiles[name], columns[name]) for name in names[:MOST_COLUMNS]}
    return fit_loss(metric, losses, {name: each for name, each in places.items() if each is not None})


def expected_loss(
    model: LossModel, profiles: Mapping[str, Profile], tallies: Mapping[str, Tally], answers: pa.ChunkedArray
) -> Estimate:
    """Return what is to be expected of answered rows, from their counted inputs and from the answers."""
    mine = profiles[ANSWER].tally()
    mine.add(answers)
    found = {name: counted_places(profiles[name], one) for name, one in {**tallies, ANSWER: mine}.items()}
    return model.estimate({name: counts for name, counts in found.items() if counts is not None}, len(answers))
