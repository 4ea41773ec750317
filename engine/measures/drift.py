"""Has a column moved against its reference? Effect first, p-value beside it, and both must say so.

A comparison is a dict: name, kind, test, psi, js, statistic, p_value, effect, band, n, n_reference, nulls,
nulls_reference, and `new` and `lost` where there are categories. `judge` adds p_adjusted, threshold and drifted: True,
False, or None where nothing can be said, with a `note` why. The effect is Kolmogorov-Smirnov's D for numbers, Cramér's
V for categories and the Jensen-Shannon distance of words for text: shares all, so that more rows never make more drift.
Numbers have a second one, `shift` and its `shift_band`, by normal scores of the ranks: where D is borne and the shift
is not, effect, threshold and test are the shift's. The p-value of numbers is of both tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from engine.measures.drift_categorical import CategoricalProfile, CategoryTally, profile_categorical, to_texts
from engine.measures.drift_correction import benjamini_hochberg
from engine.measures.drift_numeric import NumericProfile, NumericTally, profile_numeric
from engine.measures.drift_text import TextProfile, TextTally, profile_text
from engine.measures.profile import is_free_text

Kind = Literal["numeric", "categorical", "text", "datetime", "identifier"]
Profile = NumericProfile | CategoricalProfile | TextProfile
Tally = NumericTally | CategoryTally | TextTally
_KEPT: dict[str, type[Profile]] = {"numeric": NumericProfile, "categorical": CategoricalProfile, "text": TextProfile}

MIN_EFFECT = 0.1  # nobody acts on less
WITHOUT_BAND = 0.25  # the reference was too short to show how much it moves by itself
FDR = 0.01  # expected share of false ones among the features flagged
_FEW = 50  # distinct values that are categories, however few rows there are


def kind_of(values: pa.Array | pa.ChunkedArray) -> Kind:
    """Return what a column is, from its type and, for text, from its values.

    Sentences are text; of the rest a column of mostly distinct values is an identifier, whose values are new by nature.
    """
    type_ = values.type
    if pa.types.is_boolean(type_) or pa.types.is_dictionary(type_):
        return "categorical"
    if pa.types.is_temporal(type_):
        return "datetime"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "numeric"
    if is_free_text(values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])):
        return "text"
    texts = to_texts(values).drop_null()
    distinct = pc.count_distinct(texts).as_py()
    return "categorical" if distinct <= max(_FEW, len(texts) // 2) else "identifier"


def profile(
    name: str, reference: pa.Array | pa.ChunkedArray, kind: Kind | None = None, *, named: bool = True
) -> Profile:
    """Return the profile of a reference column in time order, made once and compared with many samples.

    `named=False` keeps category names out of every answer.

    Raises:
        ValueError: the kind is datetime or identifier, which move by nature.
    """
    found = kind or kind_of(reference)
    if found == "categorical":
        return profile_categorical(name, reference, named=named)
    if found == "numeric":
        return profile_numeric(name, reference)
    if found == "text":
        return profile_text(name, reference)
    raise ValueError(f"column {name!r} is {found}: it moves by nature")


def against(profile: Profile, tally: Tally) -> dict[str, Any]:
    """Return how a sample that was counted into a profile's own tally differs."""
    return profile.against(tally)  # type: ignore[arg-type]  # a profile and its tally are of one kind


def to_state(made: Profile) -> dict[str, Any]:
    """Return a profile as plain data that JSON can hold."""
    kind = next(kind for kind, type_ in _KEPT.items() if isinstance(made, type_))
    return {"kind": kind, **made.to_state()}


def from_state(state: dict[str, Any]) -> Profile:
    """Return the profile that `to_state` told of.

    Raises:
        KeyError: it is not what `to_state` tells.
    """
    return _KEPT[state["kind"]].from_state(state)


def compare(
    name: str,
    reference: pa.Array | pa.ChunkedArray,
    current: pa.Array | pa.ChunkedArray,
    kind: Kind | None = None,
) -> dict[str, Any]:
    """Return one comparison, judged by itself."""
    return judge([profile(name, reference, kind).compare(current)])[0]


def unavailable(name: str, kind: str, note: str, n: int = 0) -> dict[str, Any]:
    """Return the comparison of a column of which nothing can be said."""
    return {
        "name": name,
        "kind": kind,
        "test": None,
        "psi": None,
        "js": None,
        "statistic": None,
        "p_value": None,
        "effect": None,
        "band": None,
        "n": n,
        "n_reference": 0,
        "note": note,
    }


def judge(
    comparisons: Sequence[dict[str, Any]], min_effect: float = MIN_EFFECT, fdr: float = FDR
) -> list[dict[str, Any]]:
    """Return comparisons with p_adjusted (over all of them), threshold and drifted.

    `min_effect` is borne even where the reference never moved that far; `fdr` is the false discovery rate
    (Benjamini and Hochberg, "Controlling the false discovery rate", 1995).
    """
    adjusted = benjamini_hochberg([one["p_value"] for one in comparisons])
    judged = []
    for one, p_adjusted in zip(comparisons, adjusted, strict=True):
        if p_adjusted is None:
            judged.append({**one, "p_adjusted": None, "threshold": None, "drifted": None})
            continue
        told = {"effect": one["effect"], "threshold": _borne(one["band"], min_effect)}
        if one.get("shift") is not None and told["effect"] <= told["threshold"]:
            shift, borne = abs(one["shift"]), _borne(one["shift_band"], min_effect)
            told = {"effect": shift, "threshold": borne, "test": "normal scores"} if shift > borne else told
        drifted = told["effect"] > told["threshold"] and p_adjusted < fdr
        judged.append({**one, **told, "p_adjusted": p_adjusted, "drifted": drifted})
    return judged


def _borne(band: float | None, min_effect: float) -> float:
    return max(min_effect, WITHOUT_BAND if band is None else band)
