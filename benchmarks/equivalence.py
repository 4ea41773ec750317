"""What the proof of a compiled form finds, for every family that competes in the four examples.

    python benchmarks/equivalence.py [NAME...] [--json FILE]

Each family is fitted with its defaults on all rows before the holdout, compiled, and held against its pipeline as in a
training: `docs/serving.md` says on what. Shown are how many answers were compared, the largest difference of two
numbers (relative above 1, absolute below) or why there is no compiled form, and what one row costs either way (CPU
time, the least of many, one after another).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from engine.serving import golden
from engine.serving.compiled.model import read
from engine.serving.predict import Predictor
from engine.training.compiling.adopting import compiled
from engine.training.dataset import prepare
from engine.training.families import families
from engine.training.fitting import fit
from engine.training.folds import split_holdout
from engine.training.forecasts import remember
from engine.training.trial import one_quiet_thread
from examples import ROOT, Example

ASKED = 200  # times, one row each


@dataclass(frozen=True)
class Found:
    """What was found of one family. `why` is set where it has no compiled form, and then the rest is not."""

    example: str
    family: str
    rows: int = 0
    edges: int = 0
    thresholds: int = 0
    worst: float = 0.0
    bytes: int = 0
    compiled_us: float = 0.0
    pipeline_us: float = 0.0
    why: str = ""


def proofs(name: str) -> Iterator[Found]:
    """Fit, compile and prove each family of an example."""
    example = Example(name)
    settings = example.settings
    metric = settings.train.metric
    dataset = prepare(example.table, settings, "UTC")
    split = split_holdout(dataset, settings.train.holdout, settings.train.seed)
    holdout = dataset.take(split.holdout).frame
    for family in families(dataset, "auto", metric, settings.train.seed, example.workspace.root):
        with one_quiet_thread():
            model = fit(dataset, split.train, family, family.defaults)
            if dataset.forecast is not None:
                remember(model, dataset)
            predictor = Predictor.from_parts(model, dataset.signature, dataset.task)
            asked = golden.make(predictor, holdout)["requests"]
            content, told = compiled(predictor, holdout, asked, float("inf"))
            if not content:
                yield Found(name, family.name, why=told["why"])
                continue
            short = Predictor.from_compiled(read(content), dataset.signature, dataset.task)
            short.hush()
            predictor.shorten(asked)
            counts = {each: told[each] for each in ("rows", "edges", "thresholds", "worst", "bytes")}
            yield Found(
                name,
                family.name,
                **counts,
                compiled_us=_alone_us(short, asked),
                pipeline_us=_alone_us(predictor, asked),
            )


def _alone_us(predictor: Predictor, rows: Sequence[Any]) -> float:
    """Return the least CPU time of an answer to one row, in microseconds."""
    seen = []
    for number in range(ASKED):
        begun = time.thread_time()
        predictor.predict([rows[number % len(rows)]])
        seen.append(time.thread_time() - begun)
    return min(seen) * 1e6


def main() -> None:
    """Print one line per family."""
    names = sorted(path.parent.name for path in (ROOT / "examples").glob("*/deck.toml"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", choices=[*names, []], help="which examples; all where not said")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    said = parser.parse_args()
    found: list[Found] = []
    print(
        f"{'example':<24}{'family':<12}{'rows':>8}{'edges':>7}{'beside':>8}{'worst':>9}{'one row':>9}{'pipeline':>10}"
    )
    for name in said.name or names:
        for one in proofs(name):
            found.append(one)
            counts = f"{one.rows:>8}{one.edges:>7}{one.thresholds:>8}{one.worst:>9.1g}"
            costs = f"{one.compiled_us:>6.0f} us{one.pipeline_us:>7.0f} us"
            print(f"{one.example:<24}{one.family:<12}" + (f"not compiled: {one.why}" if one.why else counts + costs))
    if said.json:
        said.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
