"""What training costs beyond fitting: a tracked fit, a search on record, and everything a version needs.

    python benchmarks/training.py [--quick] [--json FILE]

Each row is what is added to the bare work, in milliseconds, medians of turns taken one after another. Peers: MLflow's
autolog (its own environment: `make bench-peers`), Optuna with a SQLite and with a journal storage. Limits: the same
things written by hand with sqlite3 and one synced file; Optuna in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

from figures import HERE, Row, arguments, environment, median, peer, show
from training_fit import unit

warnings.simplefilter("ignore")
TRIALS = 100
SLOW = ("Optuna, SQLite",)  # a commit for each thing it is told: once is enough where a run is to be quick
ROWS = 20_000


def milliseconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


@contextmanager
def deck_in(folder: Path, name: str) -> Iterator[object]:
    """A deck of one model with its settings applied."""
    from engine.deck import Deck
    from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings, TrainSettings
    from engine.workspace import Workspace
    from store import settings as applied
    from store.artifacts import Artifacts
    from store.clock import SystemClock
    from store.opening import create_or_upgrade

    workspace = Workspace(folder.resolve() / name)
    workspace.state.mkdir(parents=True, mode=0o700)
    (workspace.root / "deck.toml").write_text('name = "bench"\n')
    clock = SystemClock()
    database = create_or_upgrade(workspace.registry, clock)
    deck = Deck(workspace, database, Artifacts(workspace.artifacts), clock)
    data = DataSettings("rows.csv", "price", time_column="at")
    estimator = "sklearn.ensemble.HistGradientBoostingRegressor"
    train = TrainSettings(estimator=estimator, time_budget_s=600.0)
    settings = ModelSettings("rates", "regression", data, train=train)
    with database.write() as tx:
        body = DeckSettings("bench", "UTC", (HostSettings("local"),), {"rates": settings}).to_body()
        applied.apply(tx, body, "user:bench", "")
    yield deck, settings
    database.close()


def tracked_fit(folder: Path, repeats: int) -> Row:
    """A fit in a run, its parameters and model stored, beside autolog and beside the same by hand."""
    from engine.serving.artifact import dump
    from store import blobs, runs

    fit = unit()
    with deck_in(folder, "fit") as (deck, _):  # type: ignore[misc]

        def ours() -> None:
            with deck.database.write() as tx:
                run = runs.start_run(tx, actor="user:bench", model="rates")
            model = fit()
            content = dump(model)
            kept = deck.artifacts.put_bytes(content)
            with deck.database.write() as tx:
                blobs.record_blob(tx, kept, len(content), "model")
                runs.log_params(tx, run.id, model.get_params(deep=True))
                runs.log_points(tx, run.id, [("accuracy", 0, 0, 0.98)])
                runs.finish_run(tx, run.id, "finished")

        by_hand = sqlite3.connect(folder / "hand.db", isolation_level=None)
        by_hand.execute("PRAGMA journal_mode = WAL")
        by_hand.execute("PRAGMA synchronous = FULL")
        by_hand.execute("CREATE TABLE param (run, name, value)")

        def hand() -> None:
            model = fit()
            content = pickle.dumps(model)
            place = folder / hashlib.sha256(content).hexdigest()
            with place.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            by_hand.execute("BEGIN")
            by_hand.executemany(
                "INSERT INTO param VALUES (1, ?, ?)", [(name, str(value)) for name, value in model.get_params().items()]
            )
            by_hand.execute("COMMIT")

        acts = {"bare": fit, "ours": ours, "hand": hand}
        taken: dict[str, list[float]] = {name: [] for name in acts}
        for turn in range(repeats + 1):
            for name, act in acts.items():
                spent = milliseconds(act)
                if turn:
                    taken[name].append(spent)
        by_hand.close()
    bare = median(taken["bare"]) or 0.0
    row = Row("a tracked fit with the model stored, added", "ms", "lower", (median(taken["ours"]) or 0.0) - bare)
    row.limit["sqlite3 and a file"] = (median(taken["hand"]) or 0.0) - bare
    row.repeats, row.note = repeats, "skops, hashed, synced and renamed; the event of start and end in the chain"
    python = peer("mlflow")
    if python is not None:
        command = [str(python), str(HERE / "peers" / "training_mlflow.py"), str(folder), str(max(2, repeats // 5))]
        said = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
        if said.returncode == 0:
            told = json.loads(said.stdout.splitlines()[-1])
            row.peers["MLflow autolog"] = (median(told["autolog"]) or 0.0) - (median(told["bare"]) or 0.0)
    return row


class Parabola:
    """An estimator that costs nothing: what is left is what searching costs."""

    def __init__(self, x: float, n: int) -> None:
        self.answer = x * x + n

    def fit(self, _table: object, _truth: object) -> Parabola:
        return self

    def predict(self, table: object) -> object:
        import numpy as np

        return np.full(len(table), self.answer)  # type: ignore[arg-type]


def space(trial: object) -> dict[str, object]:
    return {
        "x": trial.suggest_float("parabola.x", 0.0, 1.0),  # type: ignore[attr-defined]
        "n": trial.suggest_int("parabola.n", 1, 9),  # type: ignore[attr-defined]
    }


def search(folder: Path, repeats: int, *, quick: bool) -> Row:
    """A hundred trials of nothing, each with its folds, on record; beside Optuna with the same sampler."""
    import optuna
    import pyarrow as pa

    from engine.measures.metrics import find
    from engine.training.dataset import prepare
    from engine.training.family import Family, nothing
    from engine.training.folds import Fold
    from engine.training.recording import TrialRecorder
    from engine.training.search import Effort, compare
    from engine.training.trial import Bench
    from store import runs

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = pa.table({"at": pa.array(range(200), pa.timestamp("us")), "x": [1.0] * 200, "price": [2.0] * 200})
    families = [
        Family("dummy", nothing, lambda _params: Parabola(3.0, 9), {}),
        Family("parabola", nothing, lambda params: Parabola(**params), {"x": 0.5, "n": 5}, space),
    ]
    with deck_in(folder, "search") as (deck, settings):  # type: ignore[misc]
        dataset = prepare(table, settings, "UTC")
        rows = list(range(200))
        bench = Bench(dataset, [Fold(rows[:100], rows[100:])], families, find("mae"), {})

        def ours() -> None:
            with deck.database.write() as tx:
                run = runs.start_run(tx, actor="user:bench", model="rates")
            effort = Effort(time.monotonic() + 600, 7, trials=TRIALS - 2)
            with TrialRecorder(deck, run, "mae", None, lambda _text: None) as recorder:
                compare(bench, effort, recorder, lambda _share, _text: None)
                recorder.settle()
                with recorder.ending() as tx:
                    runs.finish_run(tx, run.id, "finished")

        def with_storage(storage: object) -> Callable[[], None]:
            def act() -> None:
                sampler = optuna.samplers.TPESampler(seed=7, n_startup_trials=6)
                study = optuna.create_study(sampler=sampler, storage=storage() if callable(storage) else None)

                def objective(trial: optuna.Trial) -> float:
                    trial.suggest_categorical("family", ["parabola"])
                    params = space(trial)
                    return float(Parabola(**params).answer)  # type: ignore[arg-type]

                study.optimize(objective, n_trials=TRIALS)

            return act

        def sqlite() -> str:
            return f"sqlite:///{tempfile.mkdtemp(dir=folder)}/study.db"

        def journal() -> object:
            from optuna.storages import JournalStorage
            from optuna.storages.journal import JournalFileBackend

            return JournalStorage(JournalFileBackend(f"{tempfile.mkdtemp(dir=folder)}/study.log"))

        acts = {"memory": with_storage(None), "ours": ours}
        acts |= {"Optuna, SQLite": with_storage(sqlite), "Optuna, journal": with_storage(journal)}
        taken: dict[str, list[float]] = {name: [] for name in acts}
        for turn in range(repeats + 1):
            for name, act in acts.items():
                if name in SLOW and turn == 0:
                    continue  # what it imports, the others have
                spent = milliseconds(act)
                if turn:
                    taken[name].append(spent)
                if name in SLOW and quick:
                    acts = {told: act for told, act in acts.items() if told != name}
    bare = median(taken["memory"]) or 0.0
    row = Row(f"a search of {TRIALS} trials on record, added", "ms", "lower", (median(taken["ours"]) or 0.0) - bare)
    row.peers = {name: (median(taken[name]) or 0.0) - bare for name in ("Optuna, SQLite", "Optuna, journal")}
    row.repeats = repeats
    row.note = f"to the {bare:.0f} ms of Optuna in memory, same sampler; ours with folds, in a process apart"
    return row


def version(folder: Path, repeats: int) -> Row:
    """Everything a version needs, beside its fits alone: three folds and the refit."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    from engine.model_io.rows import read_snapshot
    from engine.training.dataset import prepare
    from engine.training.families import families
    from engine.training.fitting import fit
    from engine.training.folds import expanding_folds, split_holdout
    from engine.training.train import train

    draw = np.random.default_rng(1)
    columns = {f"x{place}": draw.normal(size=ROWS) for place in range(10)}
    price = sum(columns.values()) + draw.normal(size=ROWS)
    at = pa.array((np.arange(ROWS) * 3_600_000_000).astype("datetime64[us]"))
    with deck_in(folder, "version") as (deck, settings):  # type: ignore[misc]
        pyarrow.csv.write_csv(pa.table({"at": at, **columns, "price": price}), deck.workspace.root / "rows.csv")
        made = train(deck, settings, 1, actor="user:bench")  # what is imported once is not counted
        dataset = prepare(read_snapshot(deck, made.snapshot_id), settings, "UTC")
        split = split_holdout(dataset, settings.train.holdout, settings.train.seed)
        folds = expanding_folds(dataset, split.train, settings.train.folds, settings.train.seed)
        field = families(dataset, settings.train.estimator, "mae", settings.train.seed, folder)

        def bare() -> None:
            for rows in (*(fold.train for fold in folds), split.train):
                fit(dataset, rows, field[1], {})

        acts = {"bare": bare, "ours": lambda: train(deck, settings, 1, actor="user:bench")}
        taken: dict[str, list[float]] = {name: [] for name in acts}
        for _ in range(repeats):
            for name, act in acts.items():
                taken[name].append(milliseconds(act))
    bare_ms = median(taken["bare"]) or 0.0
    row = Row("everything a version needs, added", "ms", "lower", (median(taken["ours"]) or 0.0) - bare_ms)
    row.limit["5 % and 0.5 s"] = 0.05 * bare_ms + 500.0
    row.repeats = repeats
    row.note = f"to {bare_ms:.0f} ms of fits on {ROWS:,} rows of 10 numbers: snapshot, proof, golden requests, registry"
    return row


def main() -> None:
    named = arguments(__doc__ or "")
    repeats = 3 if named.quick else 7
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        show(
            [tracked_fit(folder, 5 * repeats), search(folder, repeats, quick=named.quick), version(folder, repeats)],
            named,
        )


if __name__ == "__main__":
    main()
