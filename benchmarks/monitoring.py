"""A drift check of a window against its reference: 20 mixed columns, 50,000 reference rows.

    python benchmarks/monitoring.py [--quick] [--large] [--rows N] [--folder DIR] [--json FILE]

Beside it stand Evidently and NannyML (`make bench-peers`); the limits are the same columns decoded and nothing done
with them, and one DuckDB scan that sums and counts them. Every check runs in a process of its own, in turn. `--large`
adds 20 million rows, by us and the limits alone: what grows with them is time, not memory. `--rows 100000000` adds any
number, as a log has them: files of a million rows, ten that differ, copied as often as it takes; it says first how much
of the disk under `--folder` (else the temporary one) they fill, and takes them away again: 6 GB for 100,000,000, whose
ten models take a minute or two to write, and each of the three contenders reads all of them once. Performance estimated
before outcomes is timed beside NannyML's, which fits in each run what a deck keeps with a version.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import HERE, Row, arguments, environment, median, peer, show

sys.path.insert(0, str(HERE / "peers"))

from drift_data import DRIFTED, write, write_many

CHECK = HERE / "peers" / "drift_check.py"
PEERS = {"evidently": "Evidently", "nannyml": "NannyML"}
ESTIMATES = {"NannyML": "nannyml_estimate", "NannyML fitted before": "nannyml_fitted"}
LIMITS = {"decoding": "columns decoded", "duckdb": "DuckDB scan"}
SLOW_S = 8.0  # a peer slower than this is asked once
MOST_S = 3_600


def main() -> None:
    """Measure and show."""
    named = arguments("monitoring", more, large="add 20 million rows, without the peers")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="md-", dir=named.folder) as folder:
        place = Path(folder)
        write(place / "reference.parquet", 50_000, 1, drift=False)
        sizes = {"100,000 rows": 100_000} if named.quick else {"100,000 rows": 100_000, "1,000,000 rows": 1_000_000}
        for title, size in sizes.items():
            rows += measure(place, title, size, 3 if named.quick else 5, peers=True)
            rows.append(estimates(place, title, size, 3 if named.quick else 5))
        if named.large:
            rows += measure(place, "20,000,000 rows", 20_000_000, 1, peers=False)
        if named.rows:
            rows += measure(place, f"{named.rows:,} rows in files", named.rows, 1, peers=False, files=True)
    show(rows, named)


def more(parser: argparse.ArgumentParser) -> None:
    """Add what is said with a value."""
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="add so many rows, without the peers")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the rows are written meanwhile")


def measure(place: Path, title: str, size: int, repeats: int, *, peers: bool, files: bool = False) -> list[Row]:
    """Return the rows of one size: the check, and the memory it takes."""
    current = place / (f"{size}" if files else f"{size}.parquet")
    if files:
        write_many(current, size, 2, lambda told: print(told, file=sys.stderr))
    else:
        write(current, size, 2, drift=True)
    told: dict[str, list[dict[str, float]]] = {}
    asked = ["modeldeck", *LIMITS, *(PEERS if peers else ())]
    missing = [PEERS[name] for name in asked if name in PEERS and peer(name) is None]
    found: list[str] = []
    for _ in range(repeats):
        for name in asked:
            python = peer(name) if name in PEERS else Path(sys.executable)
            known = told.setdefault(name, [])
            if python is None or (known and known[-1]["seconds"] > SLOW_S):
                continue
            answer = check(python, name, place / "reference.parquet", current, place)
            known.append(answer)
            if name == "modeldeck":
                found = answer["drifted"]
    note = f"said to have drifted: {', '.join(found) or 'none'}; did: {', '.join(DRIFTED)}"
    note += f"; not measured, make bench-peers: {', '.join(missing)}" if missing else ""
    return [
        row("drift check", title, "s", "seconds", told, repeats, note),
        row("resident memory of it", title, "MB", "mb", told, repeats, "the largest, imports included"),
    ]


def estimates(place: Path, title: str, size: int, repeats: int) -> Row:
    """Return the row of performance estimated without outcomes, two metrics of the same scores."""
    seconds: dict[str, list[float]] = {}
    said: dict[str, str] = {}
    for _ in range(repeats):
        for name, contender in (("modeldeck", "modeldeck_estimate"), *ESTIMATES.items()):
            python = Path(sys.executable) if name == "modeldeck" else peer("nannyml")
            if python is not None:
                answer = check(python, contender, place / "reference.parquet", place / f"{size}.parquet", place)
                seconds.setdefault(name, []).append(answer["seconds"])
                said[name] = f"{name}: {', '.join(answer['drifted'])}"
    middle = {name: median(each) or 0.0 for name, each in seconds.items()}
    peers = {name: value for name, value in middle.items() if name in ESTIMATES}
    what = f"estimated performance (CBPE), {title}"
    return Row(what, "s", "lower", middle["modeldeck"], peers, {}, repeats, "; ".join(said.values()))


def row(what: str, title: str, unit: str, key: str, told: dict[str, list[dict[str, float]]], n: int, note: str) -> Row:
    """Return one row of the table: medians of everyone's figures."""
    middle = {name: median(one[key] for one in answers) for name, answers in told.items()}
    peers = {PEERS[name]: value for name, value in middle.items() if name in PEERS and value is not None}
    limit = {LIMITS[name]: value for name, value in middle.items() if name in LIMITS and value is not None}
    return Row(f"{what}, {title}", unit, "lower", middle["modeldeck"], peers, limit, n, note)


def check(python: Path, name: str, reference: Path, current: Path, kept: Path) -> dict[str, float | list[str]]:
    """Run one check and return what it told."""
    command = [python, CHECK, name, reference, current, kept]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment(), timeout=MOST_S)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
