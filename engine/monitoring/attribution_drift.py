"""Have the reasons of answers moved? What columns contributed to the newest explained predictions, beside those before.

Contributions are kept beside the log (`[log] attributions`); what is bearable is read from the earlier ones themselves,
as it is of inputs. A version is compared with itself: another version has other reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from engine.measures import drift
from engine.measures.drift_codes import rounded
from engine.monitoring.attributions import CONTRIBUTION, folder_of, read
from store.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck

FEWEST = 100  # of the newest and of the earlier predictions, below which nothing is judged


def moved(deck: Deck, model: str, version: int | None, rows: int) -> list[dict[str, Any]]:
    """Return per column what it contributed to the newest `rows` explained predictions and to those before, the one
    that moved most first.

    Each is `{"name", "version", "from_at", "to_at", "before", "now", "effect", "threshold", "p_value", "drifted", "n",
    "n_reference", "note"}`: before and now are mean absolute contributions, on the scale of the explanation; the effect
    is Kolmogorov-Smirnov's D of the contributions. `version` None: the newest of which any are kept; empty: none are.

    Raises:
        Refused: fewer rows than can be judged are asked for.
    """
    if rows < FEWEST:
        raise Refused(f"{rows} predictions are too few to compare", f"--rows {FEWEST} or more")
    numbers = [int(path.name) for path in folder_of(deck.workspace, model).glob("*") if path.name.isdigit()]
    chosen = version if version is not None else max(numbers, default=None)
    table = read(deck, model, chosen) if chosen is not None else None
    if table is None or not len(table):
        return []
    cut = max(0, len(table) - rows)
    before, now = table.slice(0, cut), table.slice(cut)
    enough = min(len(before), len(now)) >= FEWEST
    names = [name for name in table.column_names if name.startswith(CONTRIBUTION)]
    told = [_compared(name.removeprefix(CONTRIBUTION), before[name], now[name], enough) for name in names]
    span = {"version": chosen, "from_at": now["received_at"][0].as_py(), "to_at": now["received_at"][-1].as_py()}
    found = [{**one, **span} for one in (drift.judge(told) if enough else told)]
    kept = ("name", *span, "before", "now", "effect", "threshold", "p_value", "drifted", "n", "n_reference", "note")
    found.sort(key=lambda one: (not one["drifted"], -(one["effect"] or 0.0), -(one["now"] or 0.0), one["name"]))
    return [{name: one.get(name, "" if name == "note" else None) for name in kept} for one in found]


def _compared(name: str, before: pa.ChunkedArray, now: pa.ChunkedArray, enough: bool) -> dict[str, Any]:
    sizes = {"before": _size(before), "now": _size(now)}
    if not enough:
        note = f"fewer than {FEWEST} explained predictions on either side"
        return {**drift.unavailable(name, "numeric", note, len(now)), "drifted": None, **sizes}
    return {**drift.profile(name, before, "numeric").compare(now), **sizes}


def _size(values: pa.ChunkedArray) -> float | None:
    return rounded(pc.mean(pc.abs(values)).as_py()) if len(values) - values.null_count else None
