"""What the examples reach beside their baselines: `python benchmarks/examples.py [NAME] [--quick] [--json FILE]`.

Every figure is of rows that nothing was fitted on. An interval is a 95 % paired bootstrap over those rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.data.gathering import gather  # noqa: E402
from engine.measures.intervals import bootstrap, paired, wilson  # noqa: E402
from engine.measures.metrics import Predicted, measure, predicted  # noqa: E402
from engine.model_io.rows import times_us  # noqa: E402
from engine.serving.artifact import sort_types, untrusted_types  # noqa: E402
from engine.serving.contract import Signature, class_text, task_of  # noqa: E402
from engine.serving.frames import conform  # noqa: E402
from engine.serving.predict import Predictor  # noqa: E402
from engine.serving.strict_skops import skops_io  # noqa: E402
from engine.settings.files import load  # noqa: E402
from engine.training.making import make  # noqa: E402
from engine.workspace import Workspace  # noqa: E402

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.settings.model import ModelSettings
    from engine.training.making import Made

REVIEWED = (2, 5, 10)  # percent of the posts that reviewers have time for
YEARS = (2014, 2015, 2016, 2017)  # on the phone were posts of 2013 to March 2017
WEEK_US = 7 * 86_400_000_000


@dataclass(frozen=True)
class Figure:
    """One figure beside that of the baseline, and the interval of what is gained (above 0: better)."""

    example: str
    what: str
    value: float | None
    baseline: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int = 0


class Example:
    """One example's settings and rows, read once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.workspace = Workspace(ROOT / "examples" / name)
        self.settings: ModelSettings = load(self.workspace).models[name]
        sys.path.append(str(self.workspace.root))
        self.table: pa.Table = gather(self.settings.data, self.workspace.root, self.workspace, "UTC")
        self.times = times_us(self.table.column(str(self.settings.data.time_column)))

    def before(self, moment_us: int, settings: ModelSettings | None = None) -> Made:
        """Train on the rows before a moment."""
        settings = settings or self.settings
        modules = [path.stem for path in self.workspace.root.glob("*.py")]
        deadline = time.monotonic() + settings.train.time_budget_s
        return make(
            self.table.filter(self.mask(0, moment_us)),
            settings,
            zone="UTC",
            bundle=self.workspace.root,
            modules=modules,
            deadline=deadline,
            recorder=Silent(),
            progress=lambda _share, _text: None,
        )

    def mask(self, begin_us: int, end_us: int) -> Any:
        """Return which rows lie in [begin, end), as an Arrow array."""
        import pyarrow as pa

        return pa.array((self.times >= begin_us) & (self.times < end_us))

    def ask(self, made: Made, rows: pa.Table) -> Predicted:
        """Answer rows by a trained model, loaded back from its bytes."""
        trusted, _ = sort_types(untrusted_types(made.artifact))
        signature = Signature.from_json(made.signature)
        model = skops_io().loads(made.artifact, trusted=trusted)
        predictor = Predictor.from_parts(model, signature, task_of(signature), made.decision)
        return predicted(predictor.predict_frame(conform(rows.to_pandas(), signature)), signature.classes)


class Silent:
    """Keeps no record of trials."""

    def begun(self, *_told: Any) -> None:
        """A trial starts."""

    def ended(self, *_told: Any) -> None:
        """A trial ends."""

    def write(self) -> None:
        """It would be put on record."""


def ranking(example: Example, quick: bool) -> Iterator[Figure]:
    """The last ratings of each user: the model beside most-popular."""
    trials = 0 if quick else 12  # a number of trials, not a time: the figures do not depend on how busy the machine is
    settings = replace(example.settings, train=replace(example.settings.train, time_budget_s=300.0, trials=trials))
    made = example.before(2**62, settings)
    yield from _holdout(example.name, made)


def regression(example: Example, quick: bool) -> Iterator[Figure]:
    """The newest fifth of the rows: the model beside the Dummy, its intervals, and each segment."""
    made = example.before(2**62)
    yield from _holdout(example.name, made)
    for name, seen in made.evaluation["slices"].items():
        metric, figure = next(iter(seen.items()))
        yield Figure(example.name, f"{metric} of {name}", figure["value"], rows=figure["n"])


def classification(example: Example, quick: bool) -> Iterator[Figure]:
    """Each year by a version trained before it, beside the Dummy; and of the posts that reviewers have time for, how
    many are right beside chance."""
    train = replace(example.settings.train, time_budget_s=300.0, trials=0)
    settings = replace(example.settings, train=train)
    begins = [int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp() * 1e6) for year in (*YEARS, YEARS[-1] + 1)]
    for year, begin, end in zip(YEARS, begins, begins[1:], strict=False):
        if quick and year != YEARS[1]:
            continue
        rows = example.table.filter(example.mask(begin, end))
        guess = example.ask(example.before(begin, settings), rows)
        truth = np.array([class_text(value) for value in rows.column(settings.data.target).to_pylist()], dtype=object)
        chance = float((truth == guess.classes[1]).mean())
        found = bootstrap("average_precision", truth, guess)
        low, high = found["low"] - chance, found["high"] - chance
        yield Figure(example.name, f"average_precision, {year}", found["value"], chance, low, high, len(truth))
        for percent in REVIEWED:
            budget = max(1, round(percent / 100 * len(truth)))
            value = measure(f"precision_at_{percent}_percent", truth, guess).value
            low, high = wilson(round(value * budget), budget)
            what = f"precision_at_{percent}_percent, {year}"
            yield Figure(example.name, what, value, chance, low - chance, high - chance, budget)


def _holdout(name: str, made: Made) -> Iterator[Figure]:
    found, plain = made.evaluation["holdout"], made.evaluation["baseline"]
    gain = made.evaluation["against_baseline"]
    for metric, seen in found.items():
        usual = (plain.get(metric) or {}).get("value")
        first = metric == made.evaluation["metric"]
        ends = (gain["low"], gain["high"]) if first else (None, None)
        yield Figure(name, metric, seen["value"], usual, *ends, rows=seen["n"])


def forecasting(example: Example, quick: bool) -> Iterator[Figure]:
    """Every week from April on, forecast by what was trained the week before and by what never was again."""
    settings, target = example.settings, example.settings.data.target
    settings = replace(
        settings, train=replace(settings.train, estimator="boosting", time_budget_s=120.0, trials=0, folds=3)
    )
    weeks = range(13, 52, 4 if quick else 1)
    start = int(example.times[0])
    first: Made | None = None
    fresh, stale, naive, truth = [], [], [], []
    for week in weeks:
        begin = start + week * WEEK_US
        rows = example.table.filter(example.mask(begin, begin + WEEK_US))
        before = example.table.filter(example.mask(begin - WEEK_US, begin))
        made = example.before(begin, settings)
        first = first or made
        fresh.append(example.ask(made, rows))
        stale.append(example.ask(first, rows))
        naive.append(before.column(target).to_numpy()[: rows.num_rows].astype(np.float64))
        truth.append(rows.column(target).to_numpy().astype(np.float64))
    true = np.concatenate(truth)
    retrained = Predicted(
        values=np.concatenate([each.values for each in fresh]),
        low=np.concatenate([each.low for each in fresh]),
        high=np.concatenate([each.high for each in fresh]),
    )
    others = {
        "the season before": Predicted(values=np.concatenate(naive)),
        "never retrained": Predicted(values=np.concatenate([each.values for each in stale])),
    }
    for name, other in others.items():
        for metric in ("mae", "rmse"):
            gain = paired(metric, true, retrained, other)
            value, usual = (measure(metric, true, each).value for each in (retrained, other))
            yield Figure(example.name, f"{metric} beside {name}", value, usual, gain["low"], gain["high"], len(true))
    covered = bootstrap("interval_coverage", true, retrained)
    yield Figure(example.name, "interval_coverage", covered["value"], settings.train.interval, rows=len(true))
    width = measure("interval_width", true, retrained).value
    yield Figure(example.name, "interval_width", width, rows=len(true))


WAYS: dict[str, Callable[[Example, bool], Iterator[Figure]]] = {
    "ranking": ranking,
    "forecasting": forecasting,
    "regression": regression,
    "classification": classification,
}


def main() -> None:
    """Print one line per figure."""
    names = sorted(path.parent.name for path in (ROOT / "examples").glob("*/deck.toml"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*names, []], help="which examples; all where not said")
    parser.add_argument("--quick", action="store_true", help="fewer weeks, less time to search")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    said = parser.parse_args()
    figures: list[Figure] = []
    print(f"{'example':<24}{'figure':<36}{'value':>9}{'baseline':>10}   gain, 95 % interval    rows")
    for name in said.name or names:
        example = Example(name)
        way = WAYS.get(example.settings.task, regression)
        for each in way(example, said.quick):
            figures.append(each)
            gain = "" if each.low is None or each.high is None else f"{each.low:+.4f} .. {each.high:+.4f}"
            beside = f"{_shown(each.value):>9}{_shown(each.baseline):>10}"
            print(f"{each.example:<24}{each.what:<36}{beside}   {gain:<22}{each.rows:>6}")
    if said.json:
        said.json.write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    main()
