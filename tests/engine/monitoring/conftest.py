"""A deck that serves `rates` (regression) and `posts` (two classes), and a maker of logged traffic."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine.deck import Deck
from engine.serving.log import SegmentLog, hold
from engine.serving.record import Arrival, Recorder
from engine.serving.tokens import LogKey
from engine.settings.model import DataSettings, DeckSettings, GateSettings, HostSettings, ModelSettings, MonitorSettings
from store import models, runs, settings, snapshots, versions
from store.artifacts import hash_bytes
from store.clock import FrozenClock
from store.ids import new_id
from store.rows import Snapshot, Version, microseconds

ANNA = "user:anna"
DAY = 86_400
DAY_US = DAY * 1_000_000
CUTOFF = microseconds("2026-01-01T00:00:00Z")
WORDS = ["great", "wall", "news", "vote", "rally", "tax", "jobs", "fake", "country", "people", "thank", "america"]
RATES = {
    "inputs": [
        {"name": "lead_time", "type": "double", "nullable": True},
        {"name": "guests", "type": "long", "nullable": False},
        {"name": "segment", "type": "string", "nullable": False},
        {"name": "country", "type": "string", "nullable": True},
        {"name": "arrival", "type": "datetime", "nullable": False},
    ],
    "outputs": [{"name": "value", "type": "double"}],
}
POSTS = {
    "inputs": [{"name": "text", "type": "string", "nullable": False}],
    "outputs": [
        {"name": "label", "type": "string"},
        {"name": "score", "type": "double"},
        {"name": "scores.false", "type": "double"},
        {"name": "scores.true", "type": "double"},
    ],
    "classes": ["false", "true"],
}
HOLDOUT = {"value": 10.0, "low": 9.5, "high": 10.5, "n": 400}
IMPORTANCE = [{"name": "lead_time", "value": 6.0}, {"name": "segment", "value": 4.0}, {"name": "guests", "value": 0.0}]


def rates_rows(size: int, seed: int = 1, *, lead_time: float = 30.0, segment: str = "") -> list[dict[str, Any]]:
    """Rows of `rates` with their truth `y`: the same distribution unless told otherwise."""
    draw = np.random.default_rng(seed)
    segments = draw.choice(["web", "group", "direct"], size, p=[0.6, 0.3, 0.1])
    return [
        {
            "lead_time": float(draw.gamma(4.0, lead_time / 4.0)),
            "guests": int(draw.integers(1, 5)),
            "segment": segment or str(segments[number]),
            "country": str(draw.choice(["PRT", "GBR", "FRA"])),
            "y": float(draw.normal(100.0, 12.5)),
        }
        for number in range(size)
    ]


def posts_rows(size: int, seed: int = 2, *, positive: float = 0.4) -> list[dict[str, Any]]:
    """Rows of `posts` with their truth `y`."""
    draw = np.random.default_rng(seed)
    return [{"text": " ".join(draw.choice(WORDS, 14)), "y": bool(draw.random() < positive)} for _ in range(size)]


@dataclass
class Traffic:
    """Writes what servers of one model log, as the servers do."""

    deck: Deck
    model: str
    personal: tuple[str, ...] = ()
    key: LogKey | None = None
    numbers: Iterable[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def recorder(self, version: int = 1, deployment: str = "d1", host: str = "local") -> Recorder:
        manifest = {
            "model": self.model,
            "version": version,
            "log": {"personal": "token" if self.personal else "keep"},
            "personal": list(self.personal),
            "time_column": "arrival",
            "time_zone": "UTC",
        }
        return Recorder(manifest, deployment, host, self.key, self.model)

    def lines(
        self,
        rows: Sequence[dict[str, Any]],
        outputs: Sequence[dict[str, Any]],
        *,
        at: int,
        every_s: float = 1.0,
        version: int = 1,
        deployment: str = "d1",
        kind: str = "live",
        host: str = "local",
        took_s: float = 0.0,
    ) -> tuple[bytes, list[str]]:
        """Return log lines of one-row requests from time `at` on, and their prediction ids."""
        recorder, lines, ids = self.recorder(version, deployment, host), [], []
        for number, (row, output) in enumerate(zip(rows, outputs, strict=True)):
            moment = at + round(number * every_s * 1_000_000)
            begun = time.monotonic_ns() - round(took_s * 1e9) if took_s else 0
            arrival = Arrival(request_id(moment), None, kind, moment, begun)
            asked = {name: value for name, value in row.items() if name != "y"}
            lines.append(recorder.rows(arrival, [asked], [output]))
            ids.append(f"{arrival.request_id}-0")
        return b"".join(lines), ids

    def write(self, lines: bytes, *, folder: str = "r1", closed: bool = True) -> Path:
        """Write lines as one segment of a replica's folder; returns its path."""
        place = self.deck.workspace.segments / folder
        place.mkdir(parents=True, exist_ok=True)
        number = next(iter(self.numbers))
        path = place / f"{number:016d}-77-1.{'jsonl' if closed else 'open'}"
        path.write_bytes(lines)
        return path

    def send(self, rows: Sequence[dict[str, Any]], *, error: float = 12.5, **told: Any) -> list[str]:
        """Log answers whose mean absolute error is about `error`, in one closed segment; returns prediction ids."""
        draw = np.random.default_rng(9)
        outputs = [{"value": row["y"] + float(draw.choice([-1, 1]) * draw.normal(error, 1.0))} for row in rows]
        lines, ids = self.lines(rows, outputs, **told)
        self.write(lines)
        return ids

    def refuse(self, count: int, *, at: int, status: int, version: int = 1, host: str = "local") -> None:
        """Log failed or refused requests."""
        recorder = self.recorder(version, host=host)
        arrivals = [Arrival(request_id(at + number), None, "live", at + number, 0) for number in range(count)]
        self.write(b"".join(recorder.refusal(one, status, "no") for one in arrivals))


def request_id(at_us: int) -> str:
    """Return a request id minted at a time."""
    return new_id(FrozenClock(at_us))


def open_log(folder: Path) -> tuple[SegmentLog, int]:
    """Return the log a live server writes into `folder`, and the lock it holds."""
    handle = hold(folder)
    return SegmentLog(folder), handle


def register(deck: Deck, model: str, table: pa.Table, signature: dict[str, Any], **changed: Any) -> Version:
    """Register a version trained on the rows of `table` before the cut-off."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    snapshot_id = deck.artifacts.put_bytes(sink.getvalue().to_pybytes())
    with deck.database.write() as tx:
        snapshots.add_snapshot(
            tx, Snapshot(snapshot_id, model, len(table), (), "arrival", 0, 1, "rows.csv", 9, tx.at), ANNA
        )
        run = runs.start_run(tx, model=model, actor=ANNA, settings_revision=1, snapshot_id=snapshot_id)
        made: dict[str, Any] = {
            "model": model,
            "run_id": run.id,
            "snapshot_id": snapshot_id,
            "settings_revision": 1,
            "bundle_hash": "",
            "environment_hash": hash_bytes(b"environment"),
            "artifact_hash": hash_bytes(run.id.encode()),
            "artifact_bytes": 1,
            "golden_hash": hash_bytes(b"golden"),
            "signature": signature,
            "decision": {},
            "evaluation": {"metric": "mae", "holdout": {"mae": HOLDOUT}, "importance": IMPORTANCE},
            "estimator": "sklearn.linear_model.Ridge",
            "actor": ANNA,
            "cutoff_at": CUTOFF,
        }
        return versions.register(tx, **{**made, **changed})


def snapshot_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as a snapshot whose times end a fifth after the cut-off."""
    size = len(rows)
    times = CUTOFF - (int(size * 0.8) - np.arange(size)) * 3_600_000_000
    return pa.Table.from_pylist(rows).append_column("arrival", pa.array(times, pa.timestamp("us")))


@pytest.fixture
def serving(deck: Deck) -> Callable[..., ModelSettings]:
    """Return a function that applies both models and registers their version 1; gives the settings of `rates`."""

    def make(
        model: str = "rates", *, personal: tuple[str, ...] = (), slices: tuple[str, ...] = (), **monitor: Any
    ) -> ModelSettings:
        data = DataSettings(source="rows.csv", target="y", time_column="arrival", personal=personal)
        watch = MonitorSettings(**{"window_s": DAY, "min_rows": 50, **monitor})
        gates = GateSettings(slices=slices)
        made = {
            "rates": ModelSettings("rates", "regression", data, monitor=watch, gates=gates),
            "posts": ModelSettings("posts", "classification", data, monitor=watch),
        }
        body = DeckSettings("test", "UTC", (HostSettings("local"),), made).to_body()
        with deck.database.write() as tx:
            settings.apply(tx, body, ANNA, "a test")
        if model == "rates":
            register(deck, "rates", snapshot_of(rates_rows(3000)), RATES)
        else:
            evaluation = {
                "metric": "log_loss",
                "holdout": {"log_loss": {"value": 0.45, "low": 0.40, "high": 0.50, "n": 400}},
                "importance": [{"name": "text", "value": 1.0}],
            }
            register(deck, "posts", snapshot_of(posts_rows(2000)), POSTS, evaluation=evaluation)
        return made[model]

    return make


@pytest.fixture
def traffic(deck: Deck) -> Traffic:
    """Traffic of `rates`."""
    return Traffic(deck, "rates")


@pytest.fixture
def champion(deck: Deck) -> Callable[[int], None]:
    """Return a function that gives `rates` an endpoint with this champion."""

    def crown(version: int) -> None:
        from store import deployments

        with deck.database.write() as tx:
            deployments.ensure_endpoint(tx, "rates")
            models.set_alias(tx, "rates", "champion", version, actor=ANNA, reason="a test")

    return crown


@pytest.fixture
def made() -> SimpleNamespace:
    """The makers of this file by name."""
    return SimpleNamespace(
        rates_rows=rates_rows,
        posts_rows=posts_rows,
        rates=RATES,
        evaluation={"metric": "mae", "holdout": {"mae": HOLDOUT}, "importance": IMPORTANCE},
        snapshot_of=snapshot_of,
        register=register,
        open_log=open_log,
        request_id=request_id,
        Traffic=Traffic,
    )
