"""Fitted transformers as blocks of a compiled table: ours, and the common ones of scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from engine.serving import features as ours
from engine.serving.compiled.blocks import REFUSED
from engine.serving.contract import Column, Signature
from engine.serving.forecasting import SeriesHistory
from engine.training.compiling.refusal import NotCompilable

Body = dict[str, Any]
_NUMBERS = frozenset({"double", "long", "boolean"})
_WORDS = frozenset({"string"})
_NAMED = frozenset({"string", "boolean"})  # what is written the same in a frame and in a request
_TIMES = frozenset({"datetime"})


def blocks_of(features: Any, signature: Signature) -> list[Body]:
    """Return the blocks of a fitted column transformer, in the order of its columns.

    Raises:
        NotCompilable: some part of it has no compiled form.
    """
    known = {column.name: column for column in signature.inputs}
    return _blocks(features, tuple(known), known)


def _blocks(transformer: Any, names: Sequence[str], known: Mapping[str, Column]) -> list[Body]:
    from sklearn.compose import ColumnTransformer

    if isinstance(transformer, ColumnTransformer):
        return _by_columns(transformer, known)
    return _chain(_steps(transformer), names, known)


def _steps(transformer: Any) -> list[Any]:
    """Return the steps of a pipeline, also of pipelines within it; else the transformer alone."""
    from sklearn.pipeline import Pipeline

    if not isinstance(transformer, Pipeline):
        return [transformer]
    return [one for _, step in transformer.steps for one in _steps(step)]


def _by_columns(transformer: Any, known: Mapping[str, Column]) -> list[Body]:
    if transformer.transformer_weights:
        raise NotCompilable("a column transformer with weights")
    made: list[Body] = []
    for _, part, wanted in transformer.transformers_:
        if part == "drop":
            continue
        names = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(names, list) or not all(isinstance(name, str) and name in known for name in names):
            raise NotCompilable("columns chosen by another way than by name")
        if names:
            made += _blocks(part, names, known)
    return made


def _chain(steps: Sequence[Any], names: Sequence[str], known: Mapping[str, Column]) -> list[Body]:
    """Return the blocks of steps after one another: one that reads the columns, others that change its numbers."""
    from sklearn.compose import ColumnTransformer

    steps = [step for step in steps if not _does_nothing(step)]
    if steps and isinstance(steps[0], ours.TextColumn):
        steps = steps[1:]
        if len(names) != 1 or not steps:
            raise NotCompilable("more than one text column in one vectorizer")
    if not steps:
        _require(names, known, _NUMBERS, "passthrough")
        return [{"kind": "numbers", "columns": list(names)}]
    first, *others = steps
    if isinstance(first, ColumnTransformer):
        made = _by_columns(first, known)
        if others and len(made) > 1:
            raise NotCompilable(f"{type(others[0]).__name__} over the columns of several transformers")
    elif _is_imputer(first) and others and type(others[0]).__name__ in _ENCODERS:
        made = [_ENCODERS[type(others[0]).__name__](others[0], names, known, _filled(first))]
        others = others[1:]
    else:
        made, used = _first(first, names, known)
        others = others if used else steps
    for step in others:
        made[0].setdefault("then", []).append(_then(step))
    return made


def _first(step: Any, names: Sequence[str], known: Mapping[str, Column]) -> tuple[list[Body], bool]:
    """Return the block that reads columns, and whether the step is spent on it or still changes its numbers."""
    made = next((make for kind, make in _READERS.items() if type(step) is kind), None)
    if made is not None:
        return [made(step, names, known)], True
    name = type(step).__name__
    if name in ("TfidfVectorizer", "CountVectorizer") and type(step).__module__.startswith("sklearn."):
        if len(names) != 1:
            raise NotCompilable(f"{name} over more than one column")
        return [_words(step, names[0], known)], True
    if name in _ENCODERS and type(step).__module__.startswith("sklearn."):
        return [_ENCODERS[name](step, names, known, None)], True
    _then(step)  # names what it is, if it cannot be
    _require(names, known, _NUMBERS, name)
    return [{"kind": "numbers", "columns": list(names)}], False


def _does_nothing(step: Any) -> bool:
    if type(step).__name__ == "FunctionTransformer" and type(step).__module__.startswith("sklearn."):
        return step.func is None  # what a fitted column transformer keeps for "passthrough"
    return step is None or isinstance(step, (str, ours.DenseArray))


def _is_imputer(step: Any) -> bool:
    return type(step).__name__ == "SimpleImputer" and type(step).__module__.startswith("sklearn.")


def _require(names: Sequence[str], known: Mapping[str, Column], types: frozenset[str], what: str) -> None:
    for name in names:
        if known[name].type not in types:
            raise NotCompilable(f"{what} over {name}, which is {known[name].type}")


def _numbers(step: Any, names: Sequence[str], known: Mapping[str, Column]) -> Body:
    _require(names, known, _NUMBERS, type(step).__name__)
    body: Body = {"kind": "numbers", "columns": step.columns_}
    if step.scale:
        body["then"] = [{"fill": step.medians_, "minus": step.means_, "over": step.spreads_}]
    return body


def _coded(step: Any, names: Sequence[str], known: Mapping[str, Column]) -> Body:
    _require(names, known, _NAMED, type(step).__name__)
    kind = "flags" if isinstance(step, ours.CategoryFlags) else "codes"
    return {"kind": kind, "columns": step.columns_, "codes": step.codes_}


def _dates(step: Any, names: Sequence[str], known: Mapping[str, Column]) -> Body:
    _require(names, known, _TIMES, type(step).__name__)
    return {"kind": "dates", "columns": step.columns_, "timed": step.timed_, "cyclic": step.cyclic}


def _shape(step: Any, names: Sequence[str], known: Mapping[str, Column]) -> Body:
    _require(names, known, _NAMED, type(step).__name__)
    return {"kind": "shape", "columns": step.columns_}


def _history(step: Any, _names: Sequence[str], known: Mapping[str, Column]) -> Body:
    _require(step.series, known, _NAMED, type(step).__name__)
    _require([step.time], known, _TIMES, type(step).__name__)
    return {
        "kind": "history",
        "time": step.time,
        "series": list(step.series),
        "start_us": step.start_us_,
        "step_us": step.step_us_,
        "season_us": step.season_us,
        "horizon_us": step.horizon_us,
        "clock": step.clock,
        "times_in": step.times_in,
        "values": {
            name: [value if math.isfinite(value) else None for value in values.tolist()]
            for name, values in zip(step.names_, step.values_, strict=True)
        },
    }


_READERS: dict[type, Callable[[Any, Sequence[str], Mapping[str, Column]], Body]] = {
    ours.NumberColumns: _numbers,
    ours.RareCategories: _coded,
    ours.CategoryFlags: _coded,
    ours.DateParts: _dates,
    ours.TextShape: _shape,
    SeriesHistory: _history,
}


def _words(step: Any, name: str, known: Mapping[str, Column]) -> Body:
    _require([name], known, _WORDS, type(step).__name__)
    own = step.preprocessor or step.tokenizer or callable(step.analyzer) or step.strip_accents
    if own or step.analyzer != "word" or step.token_pattern is None:
        raise NotCompilable(f"{type(step).__name__} with an analyzer of its own")
    weighted = type(step).__name__ == "TfidfVectorizer"
    vocabulary = sorted(step.vocabulary_, key=step.vocabulary_.__getitem__)
    return {
        "kind": "words",
        "column": name,
        "pattern": step.token_pattern,
        "lowercase": bool(step.lowercase),
        "stop": sorted(step.get_stop_words() or ()),
        "groups": list(step.ngram_range),
        "vocabulary": vocabulary,
        "idf": step.idf_.tolist() if weighted and step.use_idf else None,
        "sublinear": bool(weighted and step.sublinear_tf),
        "binary": bool(step.binary),
        "norm": step.norm if weighted else None,
    }


def _filled(imputer: Any) -> list[Any]:
    if imputer.add_indicator:
        raise NotCompilable("SimpleImputer with an indicator")
    return list(np.asarray(imputer.statistics_, dtype=object))


def _one_hot(step: Any, names: Sequence[str], known: Mapping[str, Column], filled: list[Any] | None) -> Body:
    _require(names, known, _NAMED, "OneHotEncoder")
    if step.drop is not None or step.min_frequency is not None or step.max_categories is not None:
        raise NotCompilable("OneHotEncoder that drops or joins categories")
    if step.handle_unknown != "ignore":
        raise NotCompilable(f'OneHotEncoder with handle_unknown "{step.handle_unknown}"')
    places: list[dict[str, int]] = []
    nulls: list[int | None] = []
    start = 0
    for number, categories in enumerate(step.categories_):
        found = {str(value): start + place for place, value in enumerate(categories) if value == value}  # noqa: PLR0124
        null = next((start + place for place, value in enumerate(categories) if value != value), None)  # noqa: PLR0124
        if filled is not None:
            null = found.get(str(filled[number]))
        places.append(found)
        nulls.append(null)
        start += len(categories)
    body = {"kind": "one-hot", "columns": list(names), "places": places, "null": nulls, "width": start}
    return {**body, "unknown": [None] * len(names)}


def _ordinal(step: Any, names: Sequence[str], known: Mapping[str, Column], filled: list[Any] | None) -> Body:
    _require(names, known, _NAMED, "OrdinalEncoder")
    if step.min_frequency is not None or step.max_categories is not None:
        raise NotCompilable("OrdinalEncoder that joins categories")
    unknown = REFUSED if step.handle_unknown == "error" else _number(step.unknown_value)
    codes: list[dict[str, float]] = []
    nulls: list[Any] = []
    for number, categories in enumerate(step.categories_):
        found = {str(value): float(code) for code, value in enumerate(categories) if value == value}  # noqa: PLR0124
        null = unknown if len(found) == len(categories) else _number(step.encoded_missing_value)
        codes.append(found)
        nulls.append(null if filled is None else found.get(str(filled[number]), unknown))
    return {
        "kind": "ordinal",
        "columns": list(names),
        "codes": codes,
        "null": nulls,
        "unknown": [unknown] * len(names),
    }


def _number(value: Any) -> float | None:
    """Return a number, None for NaN, as JSON has it."""
    return None if math.isnan(value) else float(value)


_ENCODERS: dict[str, Callable[[Any, Sequence[str], Mapping[str, Column], list[Any] | None], Body]] = {
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
}


def _then(step: Any) -> Body:
    return {**_changed(step), "finite": True}  # scikit-learn's own steps take null, and no infinity


def _changed(step: Any) -> Body:
    name = type(step).__name__
    if type(step).__module__.startswith("sklearn."):
        if name == "SimpleImputer":
            fills = [float(value) for value in _filled(step)]
            if not all(map(math.isfinite, fills)):
                raise NotCompilable("SimpleImputer over a column without a value")
            return {"fill": fills}
        if name == "StandardScaler":
            return {"minus": _listed(step.mean_ if step.with_mean else None), "over": _listed(step.scale_)}
        if name == "RobustScaler":
            return {"minus": _listed(step.center_), "over": _listed(step.scale_)}
        if name == "MinMaxScaler" and not step.clip:
            return {"minus": _listed(-step.min_ / step.scale_), "over": _listed(1.0 / step.scale_)}
        if name == "MaxAbsScaler":
            return {"over": _listed(step.scale_)}
    raise NotCompilable(f"{type(step).__module__.partition('.')[0]}'s {name}")


def _listed(values: Any) -> list[float] | None:
    return None if values is None else [float(value) for value in values]
