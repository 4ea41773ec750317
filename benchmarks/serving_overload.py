"""More than a server can answer: what of an offered load is answered in time, and how late the slowest are.

    python benchmarks/serving_overload.py [--quick] [--json FILE] [--png FILE]

Requests of 20 rows arrive at a fixed rate, a quarter of what the server manages up to three times as much, each with a
deadline of a quarter second (`grpc-timeout`). Ours by its pipeline refuses what would be late; `bare, batches` asks the
same model in the same way and takes everything. How much a server manages is asked of each first, by `wrk` over 16
connections. Good is an answer within the deadline, from when the request was due. Takes two minutes; needs `wrk`, and
`make .peers/onnx/installed` for the bare app.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from figures import HERE, ROOT, Row, arguments, environment, show
from serving import ONE_THREAD, post
from serving_servers import Kind, Running, others, ours, start, write_ours

sys.path.insert(0, str(HERE / "peers"))
sys.path.insert(0, str(ROOT))  # the console is the package, not the benchmark of that name

from overload_plot import as_png
from serving_models import bodies

STEPS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
ROWS = 20
WITHIN_MS = 250
MODEL = "light"


def main() -> None:
    """Measure and show."""
    named = arguments(
        "model servers asked for more than they can",
        lambda parser: parser.add_argument("--png", type=Path, metavar="FILE", help="plot the curves there"),
    )
    os.environ.update(ONE_THREAD)
    kinds = [ours("pipeline"), *(kind for kind in others() if kind.name == "bare, batches")]
    steps, seconds = (STEPS[1::2], 1.5) if named.quick else (STEPS, 4.0)
    with tempfile.TemporaryDirectory(prefix="md-overload-") as scratch:
        folder = Path(scratch)
        prepare(folder)
        seen = {kind.name: curve(kind, folder / MODEL, steps, seconds) for kind in kinds}
    show(rows_of(seen), named)
    if named.png:
        named.png.write_bytes(as_png(seen, WITHIN_MS))


def prepare(folder: Path) -> None:
    """Write the model and the body that is posted, for both."""
    bodies(folder, kinds=(MODEL,), counts=(1, ROWS))
    for kind in others():
        if kind.name == "bare, batches":
            python = kind.command(folder, 0)[0]
            words = [python, str(HERE / "peers" / "serving_models.py"), str(folder), "joblib", MODEL]
            subprocess.run(words, check=True, env={**environment(), **ONE_THREAD}, capture_output=True)
    write_ours(folder / MODEL, MODEL)


def curve(kind: Kind, model: Path, steps: Sequence[float], seconds: float) -> list[dict[str, Any]]:
    """Return what came of each offered load, in parts of what the server manages."""
    running = start(kind, model, model / "server.log")
    body = model / f"body-{kind.body}-{ROWS}.json"
    try:
        post(running, body, 16, 1)
        told = post(running, body, 16, 2)
        most = told["requests"] / told["seconds"]
        found = []
        for step in steps:
            found.append({"step": step, "most": most, **offered(running, body, step * most, seconds)})
            print(f"{kind.name}, {step:g} of {most:,.0f}/s: {found[-1]['in_time']:,.0f} in time", file=sys.stderr)
        return found
    finally:
        running.stop()


def offered(running: Running, body: Path, rate: float, seconds: float) -> dict[str, Any]:
    """Return what came of a load."""
    place = urlsplit(running.url)
    words = [sys.executable, str(HERE / "open_loop.py"), str(place.hostname), str(place.port), place.path, str(body)]
    done = subprocess.run(
        [*words, str(rate), str(seconds), str(WITHIN_MS)], check=True, capture_output=True, text=True, timeout=120
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def rows_of(seen: dict[str, list[dict[str, Any]]]) -> list[Row]:
    """Return two rows for each step: what of the most a server manages is answered in time, and the slowest."""
    mine, *rest = seen.values()
    limit = next((name for name in seen if name.startswith("bare")), "")
    rows = []
    for number, one in enumerate(mine):
        other = rest[0][number] if rest else None
        asked = f"asked for {one['step']:g} of the most"
        good, slow = ({limit: value} if other and (value := other_value(other, key)) is not None else {}
                      for key in ("good", "p99_ms"))  # fmt: skip
        rows += [
            Row(f"{asked}: answered in time", "of the most", "higher", other_value(one, "good"), {}, good, 1),
            Row(f"{asked}: slowest hundredth", "ms", "lower", other_value(one, "p99_ms"), {}, slow, 1),
        ]
    return rows


def other_value(one: dict[str, Any], key: str) -> float | None:
    """Return a figure of a step; `good` is the part of the most that is answered in time."""
    value: float | None = one["in_time"] / one["most"] if key == "good" else one[key]
    return value


if __name__ == "__main__":
    main()
