"""Rows made ready for training: the signature they imply, the frame the model sees, the truth, the times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.measures.profile import column_type, is_free_text
from engine.model_io.rows import times_us
from engine.serving.contract import Column, Signature, class_text, output_columns
from engine.serving.frames import conform
from engine.training import interactions
from engine.training.ages import weights_by_age
from engine.training.forecast import Forecast, forecast_of
from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from engine.settings.model import ModelSettings

TASKS = ("classification", "regression", "ranking", "forecasting")
MAX_CLASSES = 100
DISTINCT_NUMBERS = 12  # a column of more different numbers is compared in bands
BANDS = 4
MISSING = "missing"
MIN_ROWS = 40
FORECAST_LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which input columns are read how."""

    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    times: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return all of them."""
        return (*self.numbers, *self.categories, *self.texts, *self.times)

    def without(self, names: Collection[str]) -> Kinds:
        """Return the columns but those."""
        parts = (self.numbers, self.categories, self.texts, self.times)
        return Kinds(*(tuple(name for name in part if name not in names) for part in parts))


@dataclass(frozen=True, slots=True)
class Dataset:
    """n rows in time order: `frame` (n, inputs), `truth` (n,) numbers or class text, `times` (n,) µs or None.

    `groups` (n,) are numbers of the values of the group column, or None. `compared` maps each column of [fairness] to
    the group (n,) of each row, as text.
    A ranking's rows are users, ordered by block (see `interactions`), their truth tuples of item texts.
    """

    task: str
    frame: pd.DataFrame = field(repr=False)
    truth: Any = field(repr=False)
    times: Any = field(repr=False)
    signature: Signature
    kinds: Kinds
    groups: Any = field(default=None, repr=False)
    forecast: Forecast | None = None
    blocks: Any = field(default=None, repr=False)  # (n,) of a ranking: 0, the folds' 1 to n, the holdout's n + 1
    compared: Mapping[str, Any] = field(default_factory=dict, repr=False)
    weights: Any = field(default=None, repr=False)  # (n,) by age, see `recency`, or None: all rows count alike

    def __len__(self) -> int:
        return len(self.truth)

    def without(self, names: Collection[str]) -> Dataset:
        """Return the same rows with some columns left out: no feature reads them, and no request need send them.

        They stay in frame and signature, so that whoever still sends them is answered as before.
        """
        inputs = tuple(replace(one, nullable=True) if one.name in names else one for one in self.signature.inputs)
        return replace(self, signature=replace(self.signature, inputs=inputs), kinds=self.kinds.without(names))

    def take(self, rows: Any) -> Dataset:
        """Return some rows, by index."""
        return Dataset(
            task=self.task,
            frame=self.frame.iloc[rows],
            truth=self.truth[rows],
            times=None if self.times is None else self.times[rows],
            signature=self.signature,
            kinds=self.kinds,
            groups=None if self.groups is None else self.groups[rows],
            forecast=self.forecast,
            blocks=None if self.blocks is None else self.blocks[rows],
            compared={name: texts[rows] for name, texts in self.compared.items()},
            weights=None if self.weights is None else self.weights[rows],
        )


def prepare(table: pa.Table, settings: ModelSettings, zone: str) -> Dataset:
    """Turn a snapshot's rows into a dataset; rows without a target are left out.

    Raises:
        Refused: the target does not fit the task, or there is no input column.
        WorkFailed: too few rows are left.
    """
    import pyarrow as pa

    data = settings.data
    if settings.task not in TASKS:
        raise Refused(f"task {settings.task!r} cannot be trained", f"trained are {', '.join(TASKS)}")
    if settings.task == "ranking":
        return _ranking(table, settings, zone)
    truth, known = _truth(table.column(data.target), settings.task, data.target)
    if not known.all():
        table = table.filter(pa.array(known))
    if table.num_rows < MIN_ROWS:
        raise WorkFailed(
            f"{table.num_rows} rows with a target are too few to train on", f"at least {MIN_ROWS} are needed"
        )
    classes = tuple(sorted(set(truth.tolist()))) if settings.task == "classification" else ()
    _check_classes(classes, settings.task, data.target)
    inputs = _inputs(table, settings)
    signature = Signature(inputs, output_columns(settings.task, classes, interval_level(settings) is not None), classes)
    frame = conform(table.select([column.name for column in inputs]).to_pandas(), signature)
    times = times_us(table.column(data.time_column), zone) if data.time_column else None
    groups = _groups(table.column(data.group)) if data.group else None
    compared = {name: group_texts(table.column(name).to_pandas()) for name in settings.fairness.columns}
    forecast = None
    if settings.task == "forecasting":
        told = table.schema.field(data.time_column).type if data.time_column in table.column_names else None
        # a frame holds times with an offset as UTC, and others as they stand, which is in the deck's zone
        forecast = forecast_of(settings, inputs, "UTC" if getattr(told, "tz", None) else zone)
    kinds = _kinds(table, inputs)
    half_life = settings.train.half_life_s
    weights = weights_by_age(times, half_life) if half_life and times is not None else None
    return Dataset(
        settings.task, frame, truth, times, signature, kinds, groups, forecast, compared=compared, weights=weights
    )


def interval_level(settings: ModelSettings) -> float | None:
    """Return the share of truths that intervals are to hold; a forecast always has one. None: no interval."""
    return settings.train.interval or (FORECAST_LEVEL if settings.task == "forecasting" else None)


def _ranking(table: pa.Table, settings: ModelSettings, zone: str) -> Dataset:
    import pyarrow as pa

    data, train = settings.data, settings.train
    user = interactions.user_column(data)
    items = interactions.texts(table.column(data.target))
    known = items != ""
    table, items = table.filter(pa.array(known)), items[known]
    if table.num_rows < MIN_ROWS:
        raise WorkFailed(
            f"{table.num_rows} rows with an item are too few to train on", f"at least {MIN_ROWS} are needed"
        )
    if data.time_column is None:
        raise Refused("a ranking needs times: the last of each user are what it is measured on", "set time_column")
    times = times_us(table.column(data.time_column), zone)
    blocks = interactions.divide(
        interactions.texts(table.column(user)), items, times, share=train.holdout, folds=train.folds
    )
    column = table.select([user]).take(pa.array(blocks.first))
    inputs = _inputs(column, settings)
    signature = Signature(inputs, output_columns("ranking"))
    frame = conform(column.to_pandas(), signature)
    return Dataset("ranking", frame, blocks.truth, blocks.times, signature, Kinds(), blocks=blocks.numbers)


def truth_of(table: pa.Table, target: str, task: str) -> tuple[Any, Any]:
    """Return (truth of the rows that have one, mask over all rows): floats, or class text for classification."""
    return _truth(table.column(target), task, target)


def _truth(column: pa.ChunkedArray, task: str, name: str) -> tuple[Any, Any]:
    kind = column_type(column.type)
    if task in ("regression", "forecasting"):
        if kind not in ("double", "long"):
            raise Refused(
                f"the target {name!r} holds {kind}, {task} needs numbers",
                'name a numeric column, or set task = "classification"',
            )
        values = column.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(values)
        return values[known], known
    values = column.to_pandas()
    known = ~values.isna().to_numpy()
    return np.array([class_text(value) for value in values[known].tolist()], dtype=object), known


def _groups(column: pa.ChunkedArray) -> Any:
    """Return a number per row, the same for the same value; rows without one are a group of their own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    codes = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    return codes.indices.to_numpy(zero_copy_only=False)


def group_texts(series: pd.Series) -> Any:
    """Return each row's value as text (n,), what is missing as "missing"; many numbers are cut into four bands."""
    missing = series.isna().to_numpy()
    if series.dtype.kind in "fiu" and series.nunique() > DISTINCT_NUMBERS:
        values = series.to_numpy(dtype=np.float64)
        edges = np.unique(np.nanquantile(values, np.linspace(0, 1, BANDS + 1)))
        places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        texts = [f"{edges[place]:g}..{edges[place + 1]:g}" for place in places]
    else:
        texts = [str(value) for value in series.tolist()]
    groups = np.array(texts, dtype=object)
    groups[missing] = MISSING
    return groups


def _check_classes(classes: tuple[str, ...], task: str, target: str) -> None:
    if task != "classification":
        return
    if len(classes) < 2:
        raise Refused(f"the target {target!r} holds one class only ({classes[0]})", "take data that holds both classes")
    if len(classes) > MAX_CLASSES:
        raise Refused(
            f"the target {target!r} holds {len(classes)} classes, at most {MAX_CLASSES} are trained",
            'set task = "regression", or group the classes',
        )


def input_names(table: pa.Table, settings: ModelSettings) -> list[str]:
    """Return the columns that are meant as inputs, those too that are null in every row and so are none."""
    data = settings.data
    left_out = {data.target, data.id_column, data.group}
    return list(data.features or [name for name in table.column_names if name not in left_out])


def _inputs(table: pa.Table, settings: ModelSettings) -> tuple[Column, ...]:
    data = settings.data
    joined = {join.prefix + name for join in data.joins for name in join.columns}  # may be unknown at any time
    found = [
        Column(
            name,
            column_type(table.schema.field(name).type) or "string",
            table.column(name).null_count > 0 or name in joined,
        )
        for name in input_names(table, settings)
        if table.column(name).null_count < table.num_rows  # a column that is always null says nothing
    ]
    if not found:
        raise Refused(f"model {settings.name} has no input column", "name some in [data] features")
    return tuple(found)


def _kinds(table: pa.Table, inputs: tuple[Column, ...]) -> Kinds:
    numbers, categories, texts, times = [], [], [], []
    for column in inputs:
        if column.type == "datetime":
            times.append(column.name)
        elif column.type != "string":
            numbers.append(column.name)
        elif is_free_text(table.column(column.name)):
            texts.append(column.name)
        else:
            categories.append(column.name)
    return Kinds(tuple(numbers), tuple(categories), tuple(texts), tuple(times))
