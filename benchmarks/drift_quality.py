"""How often a drift alarm is false, and how long a real one takes: 20 columns against 50,000 reference rows.

    python benchmarks/drift_quality.py [--quick] [--json FILE]

Stationary streams are cut into windows of 100 to 100,000 rows: any alarm is false. One kind of them wanders as its
reference does. Then streams drift by a known size from window 10 of 1,000 rows on; the delay is in windows, 1 where the
first one that drifted is told, and one more than the stream has where none is. A joint drift moves no column alone:
two come to go together. A tool that is never silent has no delay: read both tables. Beside us stand Evidently, NannyML
and river's ADWIN (`make bench-peers`), each by its defaults; Evidently, which needs seconds a window, sees 20 of each
kind. A second modeldeck has a keener eye (`[monitor] min_effect = 0.05`, `fdr = 0.05`) and tells a gradual drift about
as soon as the others: there false alarms are compared at equal delay.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import HERE, Row, arguments, cells, environment, peer, show

sys.path.insert(0, str(HERE / "peers"))

from drift_streams import SHAPES, write_stream

ALARMS = HERE / "peers" / "drift_alarms.py"
KEEN = "keen"
PEERS = {"evidently": "Evidently", "nannyml": "NannyML", "river": "ADWIN"}
REFERENCE = 50_000
WINDOWS = {100: 200, 1_000: 100, 10_000: 30, 100_000: 8}  # rows of a window -> windows looked at
QUICK = {1_000: 5}
SIZES = {
    "abrupt": (0.3, 0.5, 1.0),
    "gradual": (0.5, 1.0),
    "recurring": (0.5,),
    "one column": (0.5, 1.0),
    "joint": (0.5, 0.9),  # how strongly two columns that had nothing to do with each other go together
}
WINDOW = 1_000
BEFORE, AFTER = 10, 12  # windows before the onset, and from it on
SEEDS = 5
MOST_S = 3_600


def main() -> None:
    """Measure and show."""
    named = arguments("drift_quality")
    with tempfile.TemporaryDirectory(prefix="md-") as folder:
        place = Path(folder)
        rows = []
        for kind in ("calm",) if named.quick else ("calm", "restless"):
            write_stream(place / f"{kind}.parquet", REFERENCE, 1, restless=kind == "restless")
            sizes = QUICK if named.quick else WINDOWS
            rows += [said(false_alarms(place, kind, size, count)) for size, count in sizes.items()]
        shapes = SHAPES[:1] if named.quick else SHAPES
        for shape in shapes:
            for size in SIZES[shape][-1:] if named.quick else SIZES[shape]:
                rows.append(said(delay(place, shape, size, 1 if named.quick else SEEDS)))
        show(rows, named)


def said(row: Row) -> Row:
    """Tell a row as soon as it is there: the whole takes an hour, and may be ended before."""
    print("  ".join(cells(row)), file=sys.stderr, flush=True)
    return row


def false_alarms(place: Path, kind: str, size: int, count: int) -> Row:
    """Return the share of stationary windows in which something is said to have drifted."""
    stream = place / "stream.parquet"
    write_stream(stream, size * count, 2 + size, restless=kind == "restless")
    told = {name: judged(name, place / f"{kind}.parquet", size, 0, [stream]) for name in ("modeldeck", KEEN, *PEERS)}
    share = {name: 100.0 * sum(alarms[0]) / len(alarms[0]) for name, alarms in told.items() if alarms}
    return row(f"false alarms, {kind}, {size:,} rows", "% of windows", share, count)


def delay(place: Path, shape: str, size: float, seeds: int) -> Row:
    """Return how many windows pass until a drift is told, on the average."""
    streams = [place / f"stream-{seed}.parquet" for seed in range(seeds)]
    for seed, stream in enumerate(streams):
        whole = (BEFORE + AFTER) * WINDOW
        write_stream(stream, whole, 100 + seed, shape=shape, size=size, onset=BEFORE * WINDOW)
    told = {name: judged(name, place / "calm.parquet", WINDOW, BEFORE, streams) for name in ("modeldeck", KEEN, *PEERS)}
    mean = {name: sum(waited(one) for one in alarms) / len(alarms) for name, alarms in told.items() if alarms}
    unit = "correlation" if shape == "joint" else "standard deviations"
    return row(f"delay, {shape}, {size:g} {unit}", "windows", mean, seeds)


def waited(alarms: list[bool]) -> float:
    """Return in which window from the onset on the drift is told."""
    return 1.0 + (alarms.index(True) if True in alarms else len(alarms))


def row(title: str, unit: str, figures: dict[str, float], repeats: int) -> Row:
    """Return one row of the table."""
    missing = [PEERS[name] for name in PEERS if name not in figures]
    note = f"not measured, make bench-peers: {', '.join(missing)}" if missing else ""
    peers = {"modeldeck, keen": figures[KEEN]}
    peers |= {PEERS[name]: value for name, value in figures.items() if name in PEERS}
    return Row(title, unit, "lower", figures["modeldeck"], peers, {}, repeats, note)


def judged(name: str, reference: Path, size: int, onset: int, streams: list[Path]) -> list[list[bool]]:
    """Return the alarms of one contender, a list a stream; nothing where it is not installed."""
    python = peer(name) if name in PEERS else Path(sys.executable)
    if python is None:
        return []
    command = [python, ALARMS, name, reference, str(size), str(onset), *streams]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment(), timeout=MOST_S)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
    alarms: list[list[bool]] = json.loads(done.stdout)
    return alarms


if __name__ == "__main__":
    main()
