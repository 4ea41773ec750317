"""Small tables to train on, and versions trained of them with small budgets."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engine.deck import Deck
from engine.settings.model import (
    DataSettings,
    DeckSettings,
    GateSettings,
    HostSettings,
    ModelSettings,
    TrainSettings,
)
from engine.training.train import train
from engine.workspace import Workspace
from store import settings as applied
from store.artifacts import Artifacts
from store.clock import FrozenClock
from store.database import open_database
from store.errors import ModeldeckError
from store.rows import Version, microseconds

START = microseconds("2026-01-01T00:00:00Z")
HOUR = 3_600_000_000
NOTES = (
    "a room with a view of the sea, please",
    "late arrival, after ten in the evening",
    "we travel with a small dog",
)


def booking_rows(count: int = 300, seed: int = 1) -> pa.Table:
    """Bookings, six hours apart: a price that follows nights and segment, and whether they were kept."""
    draw = np.random.default_rng(seed)
    nights = draw.integers(1, 8, count)
    online = draw.random(count) < 0.6
    noise = draw.normal(0, 3, count)
    return pa.table(
        {
            "at": pa.array((START + 6 * HOUR * np.arange(count)).astype("datetime64[us]")),
            "nights": nights,
            "discount": [None if place % 11 == 0 else float(place % 5) for place in range(count)],
            "segment": np.where(online, "online", "groups").tolist(),
            "country": np.array(["ES", "FR", "PT"])[np.arange(count) % 3].tolist(),
            "note": [f"{NOTES[place % 3]} {place}" for place in range(count)],
            "price": 40.0 + 9.0 * nights + 25.0 * online + noise,
            "kept": (nights + 3 * online + noise > 5.5).tolist(),
        }
    )


def model_settings(**changed: Any) -> ModelSettings:
    """Settings of the regression model `rates`; fields of data and train may be given by their names."""
    data = {name: changed.pop(name) for name in list(changed) if name in DataSettings.__dataclass_fields__}
    told = {name: changed.pop(name) for name in list(changed) if name in TrainSettings.__dataclass_fields__}
    made = ModelSettings(
        "rates",
        "regression",
        DataSettings(**{"source": "rows.csv", "target": "price", "time_column": "at", **data}),
        train=TrainSettings(**{"estimator": "sklearn.linear_model.Ridge", "time_budget_s": 60.0, "folds": 2, **told}),
    )
    return replace(made, **changed)


def open_deck_in(root: Path, registry: Path) -> Deck:
    """Open an empty deck whose source `rows.csv` holds the bookings."""
    workspace = Workspace(root.resolve())
    workspace.state.mkdir(parents=True, mode=0o700)
    (root / "deck.toml").write_text('name = "test"\ntime_zone = "UTC"\n')
    pyarrow.csv.write_csv(booking_rows(), root / "rows.csv")
    shutil.copyfile(registry, workspace.registry)
    clock = FrozenClock(microseconds("2026-04-01T12:00:00Z"))
    return Deck(workspace, open_database(workspace.registry, clock), Artifacts(workspace.artifacts), clock)


@dataclass(frozen=True)
class Bench:
    """A deck with the bookings in it, whose settings are applied before each training."""

    deck: Deck

    def apply(self, settings: ModelSettings) -> int:
        """Apply settings of the one model and return their revision."""
        stated = DeckSettings("test", "UTC", (HostSettings("local"),), {settings.name: settings})
        with self.deck.database.write() as tx:
            return applied.apply(tx, stated.to_body(), "user:anna", "a test")[0].revision

    def train(self, settings: ModelSettings | None = None, **more: Any) -> Version:
        """Train a version, of Ridge on two folds unless told otherwise."""
        settings = settings or model_settings()
        return train(self.deck, settings, self.apply(settings), **{"actor": "user:anna", **more})

    def put(self, name: str, content: str) -> None:
        """Put a file into the workspace."""
        (self.deck.workspace.root / name).write_text(content)


@pytest.fixture(scope="session")
def bookings() -> Callable[..., pa.Table]:
    """Return the maker of booking rows: `bookings(count=300, seed=1)`."""
    return booking_rows


@pytest.fixture(scope="session")
def rates() -> Callable[..., ModelSettings]:
    """Return the maker of settings: `rates(task="classification", target="kept", folds=3)`."""
    return model_settings


@pytest.fixture
def bench(tmp_path: Path, empty_registry: Path) -> Iterator[Bench]:
    """A deck of its own to train in."""
    deck = open_deck_in(tmp_path / "deck", empty_registry)
    yield Bench(deck)
    deck.database.close()


@dataclass(frozen=True)
class Trained(Bench):
    """A deck in which one version was trained, the settings it was trained under, and the progress that was told."""

    version: Version
    settings: ModelSettings
    told: list[tuple[float, str]]


def train_in(root: Path, registry: Path, settings: ModelSettings, **more: Any) -> Trained:
    """Train one version in a deck of its own."""
    deck = open_deck_in(root, registry)
    (root / "pricing.py").write_text("FACTOR = 2\n")
    told: list[tuple[float, str]] = []
    version = Bench(deck).train(settings, progress=lambda share, text: told.append((share, text)), **more)
    return Trained(deck, version, settings, told)


@pytest.fixture(scope="session")
def regression(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Iterator[Trained]:
    """A regression version that every family competed for; tests only look at it."""
    settings = model_settings(
        estimator="auto",
        time_budget_s=90.0,
        trials=2,
        personal=("country",),
        gates=GateSettings(slices=("segment", "nights", "country")),
    )
    made = train_in(tmp_path_factory.mktemp("regression"), empty_registry, settings, reason="first of the year")
    yield made
    made.deck.database.close()


@pytest.fixture(scope="session")
def classification(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Iterator[Trained]:
    """A classification version of a logistic regression; tests only look at it."""
    yield from _logistic(tmp_path_factory, empty_registry)


@pytest.fixture(scope="module")
def classification_of_its_own(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Iterator[Trained]:
    """The same in a deck that the module's tests may write to."""
    yield from _logistic(tmp_path_factory, empty_registry)


def _logistic(factory: pytest.TempPathFactory, empty_registry: Path) -> Iterator[Trained]:
    settings = model_settings(
        task="classification", target="kept", estimator="sklearn.linear_model.LogisticRegression", id_column="note"
    )
    made = train_in(factory.mktemp("classification"), empty_registry, settings)
    yield made
    made.deck.database.close()


@pytest.fixture(scope="session")
def says() -> Callable[[str], Callable[[ModeldeckError], bool]]:
    """Return a check of a pattern against the one line a person is shown: `pytest.raises(Refused, check=says("…"))`."""

    def check_for(told: str) -> Callable[[ModeldeckError], bool]:
        def check(error: ModeldeckError) -> bool:
            assert re.search(told, error.line()), error.line()
            return "\n" not in error.line()

        return check

    return check_for
