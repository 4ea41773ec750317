"""Which personal columns a stored version reads by value, so that the tokens of a log cannot stand for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.serving.features import RareCategories
from engine.serving.predict import Predictor

if TYPE_CHECKING:
    import pyarrow as pa


def read_by_value(predictor: Predictor, personal: tuple[str, ...]) -> list[str]:
    """Return those of the personal columns of which a token does not say the same as the value, in signature order.

    A text column says the same where the fitted pipeline drops it, or knows no value of it: what is rare is all one to
    it, and a token stands in the log for each value that is not null. Of pipelines of another make every column counts.
    """
    columns = [column for column in predictor.signature.inputs if column.name in personal]
    valued = _valued(predictor.model)
    return [one.name for one in columns if valued is None or one.type != "string" or one.name in valued]


def hidden(rows: pa.Table, personal: tuple[str, ...], *readers: Predictor) -> list[str]:
    """Return the personal columns of which logged rows hold tokens although one of the readers goes by their values."""
    if rows["key_id"].null_count == len(rows):
        return []
    return list(dict.fromkeys(name for reader in readers for name in read_by_value(reader, personal)))


def _valued(model: Any) -> set[str] | None:
    """Return the columns whose values make a difference to a pipeline of ours, None where that cannot be told."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    first = model
    while isinstance(first, Pipeline):
        first = first.steps[0][1]
    if not isinstance(first, ColumnTransformer) or first.remainder != "drop":
        return None
    found: set[str] = set()
    for _, part, names in first.transformers_:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return None
        found |= set(_of_part(part, names))
    return found


def _of_part(part: Any, names: list[str]) -> Iterator[str]:
    if isinstance(part, str) and part == "drop":
        return
    if isinstance(part, RareCategories):
        yield from (name for name, codes in zip(part.columns_, part.codes_, strict=True) if codes)
        return
    yield from names
