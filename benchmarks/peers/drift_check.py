"""One drift check in a process of its own: `drift_check.py NAME REFERENCE CURRENT KEPT` prints one line of JSON.

`seconds` is the check without imports and without reading the reference, `mb` the largest resident memory, `drifted`
the columns said to have drifted. Also runs in the peers' environments: what is imported is imported where it is used.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

NUMBERS = [f"n{number}" for number in range(15)]
CATEGORIES = [f"c{number}" for number in range(5)]
COLUMNS = NUMBERS + CATEGORIES
ESTIMATED = ("roc_auc", "accuracy")


def files(current: Path) -> list[Path]:
    """Return the files of a sample: one, or those of a folder."""
    return sorted(current.glob("*.parquet")) if current.is_dir() else [current]


def modeldeck(reference: Path, current: Path, kept: Path) -> tuple[float, list[str]]:
    """One scan of the current rows against the profile that was kept."""
    from engine.monitoring.light import without_pandas

    without_pandas()
    import orjson
    import pyarrow.parquet as pq

    from engine.measures import drift
    from engine.monitoring.scan import tally

    place = kept / f"{reference.stem}.json"
    if not place.is_file():  # made once for a version
        table = pq.ParquetFile(reference).read(columns=COLUMNS)
        made = {name: drift.to_state(drift.profile(name, table[name])) for name in COLUMNS}
        place.write_bytes(orjson.dumps(made))
    begun = time.perf_counter()
    profiles = {name: drift.from_state(state) for name, state in orjson.loads(place.read_bytes()).items()}
    tallies, _ = tally(files(current), profiles)
    judged = drift.judge([drift.against(profiles[name], tallies[name]) for name in COLUMNS])
    return time.perf_counter() - begun, [one["name"] for one in judged if one["drifted"]]


def evidently(reference: Path, current: Path, _kept: Path) -> tuple[float, list[str]]:
    """Its preset for drift."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    known = pd.read_parquet(reference, columns=COLUMNS)
    begun = time.perf_counter()
    rows = pd.read_parquet(current, columns=COLUMNS)
    definition = DataDefinition(numerical_columns=NUMBERS, categorical_columns=CATEGORIES)
    report = Report([DataDriftPreset()])
    told = report.run(Dataset.from_pandas(rows, definition), Dataset.from_pandas(known, definition)).dict()
    seconds = time.perf_counter() - begun
    count = int(told["metrics"][0]["value"]["count"])
    return seconds, [f"column {number}" for number in range(count)]


def nannyml(reference: Path, current: Path, _kept: Path) -> tuple[float, list[str]]:
    """Kolmogorov-Smirnov and chi-square, with Jensen-Shannon of each column."""
    import nannyml as nml
    import pandas as pd

    known = pd.read_parquet(reference, columns=COLUMNS)
    found = nml.UnivariateDriftCalculator(
        column_names=COLUMNS,
        treat_as_categorical=CATEGORIES,
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
        categorical_methods=["chi2", "jensen_shannon"],
    )
    found.fit(known)
    begun = time.perf_counter()
    told = found.calculate(pd.read_parquet(current, columns=COLUMNS)).filter(period="analysis").to_df()
    seconds = time.perf_counter() - begun
    return seconds, [name for name in COLUMNS if bool(told[(name, "jensen_shannon", "alert")].any())]


def modeldeck_estimate(reference: Path, current: Path, kept: Path) -> tuple[float, list[str]]:
    """Area under the curve and accuracy with their intervals, by the calibration that was kept."""
    from engine.monitoring.light import without_pandas

    without_pandas()
    import numpy as np
    import numpy.random
    import orjson
    import pyarrow.parquet as pq

    from engine.measures.estimate import Calibration, calibrate, estimates
    from engine.measures.metrics import Predicted
    from engine.measures.scored import ScoreTally
    from engine.monitoring import scan

    def arrays(path: Path, *names: str) -> list[Any]:
        table = pq.ParquetFile(path).read(columns=list(names))
        return [np.asarray(table[name].combine_chunks()) for name in names]

    classes = ("0", "1")
    place = kept / f"{reference.stem}-calibration.json"
    if not place.is_file():  # made once for a version
        score, born = arrays(reference, "y_score", "y_true")
        truth = born.astype(str).astype(object)
        known = Predicted(labels=truth, scores=np.column_stack([1 - score, score]), classes=classes)
        place.write_bytes(orjson.dumps(calibrate(truth, known).to_state()))
    begun = time.perf_counter()
    calibration = Calibration.from_state(orjson.loads(place.read_bytes()))
    tally = ScoreTally()
    for batch in scan.batches([current], {}, ("y_score", "y_pred").__contains__):
        tally.add(np.asarray(batch.column("y_score")), np.asarray(batch.column("y_pred")) == 1)
    scored = tally.scored(classes)
    told = [f"{name} {one.value:.4f}" for name, one in estimates(ESTIMATED, scored, calibration).items()]
    return time.perf_counter() - begun, told


def nannyml_estimate(reference: Path, current: Path, _kept: Path) -> tuple[float, list[str]]:
    """The same by its own CBPE, one chunk; fitted in each run, as its jobs are."""
    return _nannyml_estimate(reference, current, fitted=False)


def nannyml_fitted(reference: Path, current: Path, _kept: Path) -> tuple[float, list[str]]:
    """The same without the time it takes to be fitted."""
    return _nannyml_estimate(reference, current, fitted=True)


def _nannyml_estimate(reference: Path, current: Path, *, fitted: bool) -> tuple[float, list[str]]:
    import nannyml as nml
    import pandas as pd

    columns = ["y_score", "y_pred", "y_true"]
    made = nml.CBPE(
        metrics=list(ESTIMATED),
        y_pred_proba="y_score",
        y_pred="y_pred",
        y_true="y_true",
        problem_type="classification_binary",
        chunk_number=1,
    )
    begun = time.perf_counter()
    made.fit(pd.read_parquet(reference, columns=columns))
    begun = time.perf_counter() if fitted else begun
    told = made.estimate(pd.read_parquet(current, columns=columns[:2])).filter(period="analysis").to_df()
    seconds = time.perf_counter() - begun
    return seconds, [f"{name} {float(told[(name, 'value')].iloc[-1]):.4f}" for name in ESTIMATED]


def decoding(_reference: Path, current: Path, _kept: Path) -> tuple[float, list[str]]:
    """The columns decoded, and nothing done with them."""
    import pyarrow.parquet as pq

    begun = time.perf_counter()
    for path in files(current):
        file = pq.ParquetFile(path, read_dictionary=CATEGORIES, pre_buffer=False)
        for group in range(file.num_row_groups):
            for _ in file.iter_batches(65_536, row_groups=[group], columns=COLUMNS):
                pass
    return time.perf_counter() - begun, []


def duckdb(_reference: Path, current: Path, _kept: Path) -> tuple[float, list[str]]:
    """One scan that sums each number and counts each category."""
    import duckdb as db

    terms = [f"sum({name})" for name in NUMBERS] + [f"approx_count_distinct({name})" for name in CATEGORIES]
    connection = db.connect(config={"threads": 2})
    begun = time.perf_counter()
    found = [str(path) for path in files(current)]
    connection.execute(f"SELECT {', '.join(terms)} FROM read_parquet(?)", [found]).fetchone()
    return time.perf_counter() - begun, []


def largest_mb() -> float:
    """Return the largest resident memory this process has had; `getrusage` would tell of its parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def main() -> None:
    """Check once."""
    name, *paths = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    seconds, drifted = globals()[name](*map(Path, paths))
    told: dict[str, Any] = {
        "seconds": seconds,
        "mb": largest_mb(),
        "drifted": drifted,
        "libraries": sorted({"pandas", "sklearn", "scipy"} & set(sys.modules)),
    }
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
