"""What a delivered outcome must be: its id, a value that fits the task, and of a classification a known class."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.serving.contract import class_text
from store.errors import Refused

if TYPE_CHECKING:
    from engine.deck import Deck

CLASSES_TOLD = 12  # named in a refusal; hundreds would hide what is wrong
ROWS_TOLD = 5


def checked(number: int, row: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Return a delivered row as it is kept: `prediction_id`, `number` or `text`, `observed_at` in microseconds.

    Raises:
        Refused: the row lacks its id or value, or the value does not fit the task; `number`, from 1, is named.
    """
    prediction_id = row.get("prediction_id")
    if not isinstance(prediction_id, str) or not prediction_id:
        raise Refused(f"outcome row {number} has no prediction_id", "each row needs prediction_id and value")
    value = row.get("value")
    if value is None:
        raise Refused(f"outcome row {number} has no value", "leave out rows whose outcome is not known yet")
    text, amount = _told(number, value, task)
    observed = row.get("observed_at")
    if isinstance(observed, str):
        from store.clock import parse_time

        observed = parse_time(observed, "UTC")
    elif observed is not None and type(observed) is not int:
        raise Refused(f"outcome row {number}: observed_at must be a time", "as in 2026-10-01T12:00:00Z")
    return {"prediction_id": prediction_id, "number": amount, "text": text, "observed_at": observed}


def _told(number: int, value: Any, task: str) -> tuple[str | None, float | None]:
    """Return an outcome as text, of a ranking the JSON list of the items taken, or as a number."""
    if task == "classification":
        return class_text(value), None
    if task != "ranking":
        return None, _number(number, value)
    if isinstance(value, str) and value.startswith("["):  # from a file whose cells are text
        try:
            value = json.loads(value)
        except ValueError:
            raise Refused(f"outcome row {number}: value is no list of items", 'write it as ["31", "1029"]') from None
    items = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(item, str | int) for item in items):
        raise Refused(f"outcome row {number}: value must be the items that were taken", 'as in ["31", "1029"]')
    return json.dumps(sorted({class_text(item) for item in items}), ensure_ascii=False), None


def _number(number: int, value: Any) -> float:
    try:
        amount = float(value)
    except (TypeError, ValueError):
        amount = math.nan
    if isinstance(value, bool) or not math.isfinite(amount):
        raise Refused(f"outcome row {number}: value must be a number", "the model's task is regression")
    return amount


def refuse_other_classes(
    deck: Deck, model: str, rows: Sequence[Mapping[str, Any]], answered: Mapping[str, int]
) -> None:
    """Refuse a delivery with a value that is none of the classes of the version that predicted.

    `rows` are as `checked` returns them, `answered` is prediction id -> version. A prediction that no log knows (yet)
    may be of any version of the model.

    Raises:
        Refused: naming the first rows, their values and the classes.
    """
    from store import versions

    found = [versions.version(deck.database, model, number) for number in sorted(set(answered.values()))]
    if any(row["prediction_id"] not in answered for row in rows):
        found += versions.versions(deck.database, model)
    classes = {one.number: tuple(one.signature.get("classes") or ()) for one in found}
    of_any = tuple(dict.fromkeys(name for known in classes.values() for name in known))
    wrong: list[tuple[int, str, str, tuple[str, ...]]] = []
    for number, row in enumerate(rows, 1):
        version = answered.get(row["prediction_id"])
        known = classes.get(version, ()) if version is not None else of_any
        if known and row["text"] not in known:
            who = f"{model}@{version}" if version is not None else f"any version of {model}"
            wrong.append((number, str(row["text"]), who, known))
    if not wrong:
        return
    number, text, who, known = wrong[0]
    more = ", ".join(f"row {each[0]} {each[1]!r}" for each in wrong[1:ROWS_TOLD])
    beyond = f" and {len(wrong) - ROWS_TOLD} more" if len(wrong) > ROWS_TOLD else ""
    raise Refused(
        f"outcome row {number}: {text!r} is no class of {who}" + (f"; nor is {more}{beyond}" if more else ""),
        f"nothing was taken; its classes: {', '.join(known[:CLASSES_TOLD])}"
        + (", …" if len(known) > CLASSES_TOLD else ""),
    )
