"""A deck whose stays name their guests: trained on, asked about, told outcomes of, some rows in quarantine."""

from __future__ import annotations

import csv
import datetime as dt
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.deck import Deck
from engine.model_io.log_key import log_key
from engine.model_io.persons import key_of, parsed, tokens_of
from engine.monitoring import outcomes
from engine.monitoring.attributions import keep
from engine.monitoring.collect import collect
from engine.serving.record import Arrival, Recorder
from engine.settings.checks import CheckSettings, ColumnCheck
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings, TrainSettings
from engine.training.train import train
from engine.workspace import Workspace
from store import erasures, models, settings
from store.artifacts import Artifacts
from store.clock import FrozenClock
from store.database import open_database
from store.erasures import Standing
from store.ids import new_id
from store.rows import Version, microseconds

ANNA = "user:anna"
NOW = microseconds("2026-04-01T12:00:00Z")
GUESTS = ("Zoltan", "Mireille", "Oda", "Jens", "Priya")


def stays(count: int = 300) -> list[dict[str, Any]]:
    """Stays, six hours apart, of five guests in turn; one in fifty says no nights, which a check rejects."""
    dice = random.Random(3)
    begun = dt.datetime(2026, 1, 1)
    rows = []
    for number in range(count):
        nights = dice.randint(1, 7)
        price = round(40.0 + 9 * nights + dice.gauss(0, 3), 2)
        rows.append(
            {
                "at": (begun + dt.timedelta(hours=6 * number)).isoformat(),
                "guest": GUESTS[number % len(GUESTS)],
                "card": 7_300_411_000 + number % len(GUESTS),
                "nights": -1 if number % 50 == 0 else nights,
                "price": price,
            }
        )
    return rows


@dataclass
class Stays:
    """The deck, and what a test does with it."""

    deck: Deck
    personal: tuple[str, ...] = ()
    versions: list[Version] = field(default_factory=list)

    @property
    def settings(self) -> ModelSettings:
        """Settings of the one model `rates`."""
        checks = CheckSettings(tolerate=0.5, columns={"nights": ColumnCheck(min=0)})
        return ModelSettings(
            "rates",
            "regression",
            DataSettings(source="rows.csv", target="price", time_column="at", personal=self.personal),
            checks=checks,
            train=TrainSettings(estimator="sklearn.linear_model.Ridge", time_budget_s=60.0, folds=2),
        )

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Write the source."""
        with (self.deck.workspace.root / "rows.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def apply(self) -> int:
        """Apply the settings."""
        stated = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": self.settings})
        with self.deck.database.write() as tx:
            return settings.apply(tx, stated.to_body(), ANNA, "a test")[0].revision

    def train(self, **more: Any) -> Version:
        """Train a version."""
        self.versions.append(train(self.deck, self.settings, self.apply(), actor=ANNA, **more))
        return self.versions[-1]

    def ask(self, rows: list[dict[str, Any]], *, at: int = NOW - 60_000_000) -> list[str]:
        """Log answers as a server does, collect them, and keep an outcome and an attribution of each; returns ids."""
        ids = self.log(rows, at=at)
        collect(self.deck)
        told = [{"prediction_id": one, "value": 70.0} for one in ids]
        outcomes.record(self.deck, "rates", told, "a test", ANNA)
        kept = [
            {
                **dict.fromkeys(("explains", "scale", "method"), ""),
                **dict.fromkeys(("background", "received_at", "computed_at"), at),
                "prediction_id": one,
                "base": 1.0,
                "predicted": 2.0,
                "prediction": "{}",
                "contribution.nights": 1.0,
            }
            for one in ids
        ]
        keep(self.deck, "rates", 1, kept)
        return ids

    def log(self, rows: list[dict[str, Any]], *, at: int, name: str = "one.jsonl", at_once: int = 1) -> list[str]:
        """Log answers in one segment, of requests of so many rows."""
        manifest = {
            "model": "rates",
            "version": 1,
            "log": {"personal": "token" if self.personal else "keep"},
            "personal": list(self.personal),
            "time_column": "at",
            "time_zone": "UTC",
        }
        recorder = Recorder(manifest, "d1", "local", key_of(self.deck), "rates")
        lines, ids = [], []
        for number in range(0, len(rows), at_once):
            arrival = Arrival(new_id(FrozenClock(at + number)), None, "live", at + number, 0)
            asked = [
                {name: value for name, value in row.items() if name != "price"}
                for row in rows[number : number + at_once]
            ]
            lines.append(recorder.rows(arrival, asked, [{"value": 1.0}] * len(asked)))
            ids += [f"{arrival.request_id}-{place}" for place in range(len(asked))]
        place = self.deck.workspace.segments / "r1"
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"".join(lines))
        return ids

    def sought(self, *terms: str) -> Standing:
        """Return a person as an erasure of all models has it, which nobody asked for yet."""
        key = key_of(self.deck)
        names = tuple(models.names(self.deck.database))
        return Standing("", tokens_of(key, parsed(terms)), key.id, names, None)

    def begin(self, *terms: str) -> str:
        """Ask for an erasure; returns its id."""
        wanted = self.sought(*terms)
        with self.deck.database.write() as tx:
            return erasures.begin(
                tx,
                sought=wanted.sought,
                key_id=wanted.key_id,
                models=wanted.models,
                reason="a test",
                actor=ANNA,
            ).id

    def bytes_with(self, *texts: str) -> list[str]:
        """Return the files of the deck's state, but the registry's, in whose plain or unpacked bytes a text occurs."""
        import pyarrow.parquet as pq

        found = []
        for path in sorted(self.deck.workspace.state.rglob("*")):
            if not path.is_file() or path.name.startswith("registry.db"):
                continue
            content = path.read_bytes()
            if content[:4] == b"PAR1":
                content += str(pq.ParquetFile(path).read().to_pylist()).encode()
            if any(text.encode() in content for text in texts):
                found.append(path.relative_to(self.deck.workspace.state).as_posix())
        return found


@pytest.fixture
def make_stays(tmp_path: Path, empty_registry: Path) -> Iterator[Callable[..., Stays]]:
    """Return a maker of decks: `make_stays(personal=("guest",))`, in which a version was trained."""
    made: list[Deck] = []

    def make(personal: tuple[str, ...] = (), *, trained: bool = True) -> Stays:
        workspace = Workspace((tmp_path / f"deck{len(made)}").resolve())
        workspace.state.mkdir(parents=True, mode=0o700)
        (workspace.root / "deck.toml").write_text('name = "test"\ntime_zone = "UTC"\n')
        shutil.copyfile(empty_registry, workspace.registry)
        clock = FrozenClock(NOW)
        deck = Deck(workspace, open_database(workspace.registry, clock), Artifacts(workspace.artifacts), clock)
        made.append(deck)
        log_key(workspace.keys)
        stays_deck = Stays(deck, personal)
        stays_deck.write(stays())
        if trained:
            stays_deck.train()
        return stays_deck

    yield make
    for deck in made:
        deck.database.close()
