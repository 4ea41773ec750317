"""How often a drift alarm is false, and how long a real one takes: 20 columns against 50,000 reference rows.

    python benchmarks/drift_quality.py [--quick] [--json FILE]

Stationary streams are cut into windows of 100 to 100,000 rows: any alarm is false. One kind of them wanders as its
reference does. Then streams drift by a known size from window 10 on; the delay is in windows, 1 where the first one
that drifted is told, and one more than the stream has where none is. A joint drift moves no column alone: two come to
go together. Beside us stand Evidently, NannyML and river's ADWIN (`make bench-peers`), each by its defaults; Evidently,
which needs seconds a window, sees at most 200 of each kind, and 40 of 100 rows.

A tool that is never silent has no delay, so the last rows compare false alarms at equal delay. Everyone watches the
same streams at every size of window, and a tool's delay is its mean over them. modeldeck has a dial, `[monitor]
min_effect` and `fdr`: of its settings the one stands there whose delay is the longest no longer than the peer's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from figures import HERE, Row, arguments, cells, environment, peer, show

sys.path.insert(0, str(HERE / "peers"))

from drift_streams import write_stream

ALARMS = HERE / "peers" / "drift_alarms.py"
DEFAULT, KEEN = "0.1 0.01", "0.05 0.05"  # [monitor] min_effect and fdr
PEERS = {"evidently": "Evidently", "nannyml": "NannyML", "river": "ADWIN"}
REFERENCE = 50_000
WINDOWS = {100: 2_000, 1_000: 300, 10_000: 60, 100_000: 10}  # rows of a window -> stationary windows looked at
SEEDS = {100: 20, 1_000: 20, 10_000: 10, 100_000: 3}  # rows of a window -> streams of a drift
JOINT_SEEDS = 5
QUICK = {1_000: 5}
KINDS = ("calm", "restless")
EQUAL = (("abrupt", 0.3), ("gradual", 0.5), ("gradual", 1.0))  # what delays are compared by, at every size
MORE = (  # at 1,000 rows: size in standard deviations, of a joint drift how strongly two columns go together
    ("abrupt", 0.5),
    ("abrupt", 1.0),
    ("recurring", 0.5),
    ("one column", 0.5),
    ("one column", 1.0),
    ("joint", 0.5),
    ("joint", 0.9),
)
BEFORE, AFTER = 10, 12  # windows before the onset, and from it on
MOST_S = 3_600

Told = Mapping[str, list[list[bool]]]  # contender or setting of ours -> alarms, a list a stream


@dataclass(slots=True)
class Seen:
    """What came of one size of window."""

    rows: int
    false: dict[str, dict[str, float]] = field(default_factory=dict)  # kind -> contender -> % of windows
    delays: dict[str, list[float]] = field(default_factory=dict)  # contender -> mean delay, of each drift of EQUAL


def main() -> None:
    """Measure and show."""
    named = arguments("drift_quality")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="md-") as folder:
        place = Path(folder)
        for kind in KINDS:
            write_stream(place / f"{kind}.parquet", REFERENCE, 1, restless=kind == "restless")
        seen = [Seen(size) for size in (QUICK if named.quick else WINDOWS)]
        counts, kinds, drifts = (QUICK, KINDS[:1], EQUAL[:1]) if named.quick else (WINDOWS, KINDS, EQUAL)
        rows += [said(false_alarms(place, kind, one, counts[one.rows])) for one in seen for kind in kinds]
        for one in seen:
            seeds = 1 if named.quick else SEEDS[one.rows]
            rows += [said(delay(place, shape, size, one, seeds)) for shape, size in drifts]
        for shape, size in () if named.quick else MORE:
            seeds = JOINT_SEEDS if shape == "joint" else SEEDS[1_000]
            rows.append(said(delay(place, shape, size, Seen(1_000), seeds)))
        rows += [said(row) for one in seen for name in PEERS for row in at_equal_delay(one, name)]
    show(rows, named)


def said(row: Row) -> Row:
    """Tell a row as soon as it is there: the whole takes more than an hour, and may be ended before."""
    print("  ".join(cells(row)), file=sys.stderr, flush=True)
    return row


def false_alarms(place: Path, kind: str, seen: Seen, count: int) -> Row:
    """Return the share of stationary windows in which something is said to have drifted."""
    stream = place / "stream.parquet"
    write_stream(stream, seen.rows * count, 2 + seen.rows, restless=kind == "restless")
    told = everyone(place / f"{kind}.parquet", seen.rows, 0, [stream])
    seen.false[kind] = {name: 100.0 * fmean(alarms[0]) for name, alarms in told.items()}
    return row(f"false alarms, {kind}, {seen.rows:,} rows", "% of windows", seen.false[kind], count)


def delay(place: Path, shape: str, size: float, seen: Seen, seeds: int) -> Row:
    """Return how many windows pass until a drift is told, on the average."""
    streams = [place / f"stream-{seed}.parquet" for seed in range(seeds)]
    for seed, stream in enumerate(streams):
        whole, onset = (BEFORE + AFTER) * seen.rows, BEFORE * seen.rows
        write_stream(stream, whole, 100 + seed, shape=shape, size=size, onset=onset, window=seen.rows)
    told = everyone(place / "calm.parquet", seen.rows, BEFORE, streams)
    mean = {name: fmean(waited(one) for one in alarms) for name, alarms in told.items()}
    for name, value in mean.items():
        seen.delays.setdefault(name, []).append(value)
    unit = "correlation" if shape == "joint" else "standard deviations"
    return row(f"delay, {shape}, {size:g} {unit}, {seen.rows:,} rows", "windows", mean, seeds)


def waited(alarms: list[bool]) -> float:
    """Return in which window from the onset on the drift is told."""
    return 1.0 + (alarms.index(True) if True in alarms else len(alarms))


def at_equal_delay(seen: Seen, name: str) -> list[Row]:
    """Return false alarms of a peer, and ours by the least keen setting that is as soon."""
    if name not in seen.delays:
        return []
    mean = {each: fmean(values) for each, values in seen.delays.items()}
    # In the order of the dial, from what bears most on: of settings that are as slow the first is taken.
    as_soon = [each for each in mean if each not in PEERS and mean[each] <= mean[name] + 1e-9]
    ours = max(as_soon, key=lambda each: mean[each]) if as_soon else ""
    found = []
    for kind, shares in seen.false.items():
        title = f"false alarms at {PEERS[name]}'s delay, {kind}, {seen.rows:,} rows"
        peers = {PEERS[name]: shares[name]}
        by = (
            f"min_effect, fdr {ours}: {mean[ours]:.2f} windows for {mean[name]:.2f}"
            if ours
            else "no setting is as soon"
        )
        found.append(Row(title, "% of windows", "lower", shares.get(ours), peers, {}, len(seen.delays[name]), by))
    return found


def row(title: str, unit: str, figures: Mapping[str, float], repeats: int) -> Row:
    """Return one row of the table."""
    missing = [PEERS[name] for name in PEERS if name not in figures]
    note = f"not measured, make bench-peers: {', '.join(missing)}" if missing else ""
    peers = {"modeldeck, keen": figures[KEEN]}
    peers |= {told: figures[name] for name, told in PEERS.items() if name in figures}
    return Row(title, unit, "lower", figures[DEFAULT], peers, {}, repeats, note)


def everyone(reference: Path, size: int, onset: int, streams: list[Path]) -> Told:
    """Return the alarms of every setting of ours, and of every peer that is installed."""
    told: dict[str, list[list[bool]]] = judged("modeldeck", Path(sys.executable), reference, size, onset, streams)
    for name in PEERS:
        python = peer(name)
        if python is not None:
            told[name] = judged(name, python, reference, size, onset, streams)
    return told


def judged(name: str, python: Path, reference: Path, size: int, onset: int, streams: list[Path]) -> Any:
    """Return the alarms of one contender as it tells them."""
    command = [python, ALARMS, name, reference, str(size), str(onset), *streams]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment(), timeout=MOST_S)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
