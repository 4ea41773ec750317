"""Which windows of streams raise an alarm: `drift_alarms.py NAME REFERENCE WINDOW ONSET STREAM...` prints JSON.

A list a stream, one entry a window from number ONSET on: whether any column is said to have drifted. Each by the
defaults it comes with, as a user meets it; modeldeck by every setting of DIAL, an object of such lists by "min_effect
fdr". Also runs in the peers' environments: what is imported is imported where it is used.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from drift_data import CATEGORIES, COLUMNS, NUMBERS

WARM_UP = 5_000  # rows of the reference that a detector without a reference sees first
SLOW_MOST = 200  # windows of a stationary stream that one which needs seconds for each looks at,
SLOW_FEW = 40  # and of as few rows that it is never silent
FEW_ROWS = 100
DIAL = tuple(  # [monitor] min_effect and fdr
    (effect, fdr)
    for effect in (0.1, 0.05, 0.02, 0.01)
    for fdr in (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
)
Alarms = list[bool]
Streams = list[Path]


def windows(stream: Path, rows: int, onset: int = 0) -> Iterator[Any]:
    """Yield the stream's windows as Arrow tables, from number `onset` on."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(stream).read(columns=list(COLUMNS))
    for start in range(onset * rows, len(table) - rows + 1, rows):
        yield table.slice(start, rows)


def modeldeck(reference: Path, streams: Streams, rows: int, onset: int) -> dict[str, list[Alarms]]:
    """The judgement of a monitor's window, all columns of equal importance."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from engine.measures import drift
    from engine.measures.drift_places import row_bins
    from engine.measures.joint import evenly, joint_of

    table = pq.ParquetFile(reference).read(columns=list(COLUMNS))
    profiles = [drift.profile(name, table[name]) for name in COLUMNS]

    def codes(rows: Any, places: Any) -> Any:
        drawn = rows.take(pa.array(places))
        return np.column_stack([row_bins(each, drawn[each.name]) for each in profiles])

    are_numbers = [name in NUMBERS for name in COLUMNS]
    joint = joint_of(COLUMNS, are_numbers, len(table), lambda places: codes(table, places))

    def told(window: Any) -> list[Any]:
        apart = joint.compare(codes(window, evenly(0, len(window))), len(window))
        return [*(each.compare(window[each.name]) for each in profiles), apart]

    found: dict[str, list[Alarms]] = {f"{effect:g} {fdr:g}": [] for effect, fdr in DIAL}
    for stream in streams:
        compared = [told(window) for window in windows(stream, rows, onset)]
        for effect, fdr in DIAL:
            judged = [drift.judge(each, effect, fdr) for each in compared]
            found[f"{effect:g} {fdr:g}"].append([any(one["drifted"] for one in each) for each in judged])
    return found


def evidently(reference: Path, streams: Streams, rows: int, onset: int) -> list[Alarms]:
    """Its preset for drift: any column counted."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=list(CATEGORIES))
    known = Dataset.from_pandas(pd.read_parquet(reference, columns=list(COLUMNS)), definition)

    def is_alarm(window: Any) -> bool:
        current = Dataset.from_pandas(window.to_pandas(), definition)
        told = Report([DataDriftPreset()]).run(current, known).dict()
        return int(told["metrics"][0]["value"]["count"]) > 0

    most = SLOW_FEW if rows <= FEW_ROWS else SLOW_MOST

    def alarms(stream: Path) -> Alarms:
        found: Alarms = []
        for window in windows(stream, rows, onset):
            if len(found) == most or (onset and True in found):  # nothing after the first alarm is asked for
                break
            found.append(is_alarm(window))
        return found

    return [alarms(stream) for stream in streams]


def nannyml(reference: Path, streams: Streams, rows: int, onset: int) -> list[Alarms]:
    """Its univariate drift by Jensen-Shannon, with thresholds from chunks of the reference of the same size."""
    import nannyml as nml
    import pandas as pd

    found = nml.UnivariateDriftCalculator(
        column_names=list(COLUMNS),
        treat_as_categorical=list(CATEGORIES),
        continuous_methods=["jensen_shannon"],
        categorical_methods=["jensen_shannon"],
        chunk_size=rows,
    )
    found.fit(pd.read_parquet(reference, columns=list(COLUMNS)))

    def alarms(stream: Path) -> Alarms:
        told = found.calculate(pd.read_parquet(stream, columns=list(COLUMNS))).filter(period="analysis").to_df()
        return [bool(one) for one in told[[(name, "jensen_shannon", "alert") for name in COLUMNS]].any(axis=1)][onset:]

    return [alarms(stream) for stream in streams]


def adwin(reference: Path, streams: Streams, rows: int, onset: int) -> list[Alarms]:
    """River's ADWIN, one a column, categories as their number."""
    import pyarrow.parquet as pq

    known = pq.ParquetFile(reference).read(columns=list(COLUMNS))
    return [_adwin(known.slice(len(known) - WARM_UP), stream, rows)[onset:] for stream in streams]


def _adwin(known: Any, stream: Path, rows: int) -> Alarms:
    from river.drift import ADWIN

    detectors = {name: ADWIN() for name in COLUMNS}
    for name, one in detectors.items():
        for value in _numbers(known, name):
            one.update(value)
    found = []
    for window in windows(stream, rows):
        alarm = False
        for name, one in detectors.items():
            for value in _numbers(window, name):
                one.update(value)
                alarm = alarm or one.drift_detected
        found.append(alarm)
    return found


def _numbers(table: Any, name: str) -> list[float]:
    values = table[name].to_pylist()
    return [float(one[1:]) for one in values] if name in CATEGORIES else values


CONTENDERS: dict[str, Callable[[Path, Streams, int, int], list[Alarms] | dict[str, list[Alarms]]]] = {
    "modeldeck": modeldeck,
    "evidently": evidently,
    "nannyml": nannyml,
    "river": adwin,
}


def main() -> None:
    """Judge the streams."""
    name, reference, rows, onset, *streams = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    told = CONTENDERS[name](Path(reference), [Path(one) for one in streams], int(rows), int(onset))
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
