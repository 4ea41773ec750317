"""A search whose process died is taken up by the next training of the same settings, code and data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.training.constraints import MEASURES
from engine.training.search import Earlier
from engine.training.trial import Trial
from store import runs

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.training.family import Family, Params
    from store.database import Fence
    from store.rows import Run

LOOKED_BACK = 20  # runs of the model among which the abandoned one is looked for
MAY_DIFFER = frozenset({"time_budget_s"})
STATES = {"finished": "finished", "failed": "failed", "cancelled": "pruned"}  # of a run, of a trial


def take_up(deck: Deck, run: Run, families: list[Family], metric: str, fence: Fence | None) -> Earlier:
    """Make the ended trials of an abandoned run this run's own, in one transaction, and return what they found.

    Taken up is the newest run, unless a later one of the same terms ended otherwise. A trial that was cut off is tried
    again. Nothing to take up: an empty answer.
    """
    left = _abandoned(deck, run)
    if left is None:
        return Earlier()
    open_trials = [_told(one) for one in runs.children(deck.database, left.id) if one.state in ("abandoned", "running")]
    with deck.database.write(fence) as tx:
        runs.adopt_trials(tx, left, run)
    by_name = {family.name: family for family in families}
    done = [
        _trial(deck, one, by_name, metric)
        for one in runs.children(deck.database, run.id)
        if one.state in STATES and one.params.get("family") in by_name
    ]
    return Earlier(tuple(done), tuple((name, params) for name, params in open_trials if name in by_name))


def _abandoned(deck: Deck, run: Run) -> Run | None:
    for one in runs.runs(deck.database, model=run.model, limit=LOOKED_BACK):
        if one.id == run.id or not _is_same_search(one, run):
            continue
        return one if one.state == "abandoned" else None
    return None


def _is_same_search(one: Run, other: Run) -> bool:
    if (one.kind, one.settings_revision, one.snapshot_id) != (other.kind, other.settings_revision, other.snapshot_id):
        return False
    names = set(other.params) - MAY_DIFFER
    return all(one.params.get(name) == other.params[name] for name in names)


def _told(run: Run) -> tuple[str, Params]:
    params = {name: _value(text) for name, text in run.params.items() if name != "family"}
    return run.params.get("family", ""), params


def _trial(deck: Deck, run: Run, families: dict[str, Family], metric: str) -> Trial:
    name, params = _told(run)
    history = runs.metric_history(deck.database, run.id, f"fold.{metric}")
    return Trial(
        number=int(run.name.split()[1]) - 1,
        family=families[name],
        params=params,
        folds=tuple(float("nan") if value is None else value for _, _, value in history),
        seconds=float(run.metrics.get("seconds", 0.0)),
        fit_seconds=float(run.metrics.get("fit_seconds", 0.0)),
        state=STATES[run.state],
        reason=run.reason,
        measured={name: float(run.metrics[name]) for name in MEASURES if name in run.metrics},
    )


def _value(text: str) -> Any:
    """Read a parameter back from the text it is kept as."""
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
