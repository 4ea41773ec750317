"""Two stored versions on the rows of a snapshot that neither was trained on."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.release.comparison import compare, unseen_rows
from engine.release.gates import evaluate
from engine.serving import artifact
from engine.settings.model import DataSettings, GateSettings, Limit, TrainSettings
from engine.training.dataset import prepare
from store import snapshots
from store.rows import Snapshot

START = pd.Timestamp("2025-01-01")
DAY_US = 86_400_000_000


def table_of(days, segment_noise=5.0):
    source = np.random.default_rng(1)
    x = source.normal(0, 1, days)
    segment = np.where(np.arange(days) % 2 == 0, "online", "groups")
    noise = source.normal(0, 1, days) * np.where(segment == "online", 1.0, segment_noise)
    at = START + pd.to_timedelta(np.arange(days), unit="D")
    return pa.table({"at": pa.array(at, pa.timestamp("us")), "x": x, "segment": segment, "y": 3.0 * x + noise})


def day(number):
    return int(START.value // 1000 + number * DAY_US)


class Slope:
    """Makes linear models `y = slope * x` as they are stored."""

    @staticmethod
    def content(slope):
        from sklearn.linear_model import LinearRegression

        model = LinearRegression().fit(pd.DataFrame({"x": [0.0, 1.0]}), [0.0, slope])
        return artifact.dump(model)


@pytest.fixture(name="trained")
def trained_version(deck, stage, add_version, model_settings):
    """Register a version whose model is `y = slope * x`, trained on the days before `cutoff` of `days` days."""

    def make(slope, days, cutoff, time_column="at"):
        table = table_of(days)
        out = io.BytesIO()
        pq.write_table(table, out)
        rows = deck.artifacts.put_bytes(out.getvalue())
        settings = model_settings(data=DataSettings("rows.csv", "y", time_column, features=("x",)))
        signature = prepare(table, settings, "UTC").signature.to_json()
        stored = deck.artifacts.put_bytes(Slope.content(slope))
        shown = Snapshot(
            rows, stage.model, days, (), time_column, day(0), day(days - 1), "rows.csv", 1, deck.clock.now()
        )
        with deck.database.write() as tx:
            snapshots.add_snapshot(tx, shown, "user:anna")
        return add_version(
            snapshot_id=rows,
            artifact_hash=stored,
            signature=signature,
            bundle_hash="",
            cutoff_at=None if cutoff is None else day(cutoff),
        )

    return make


@pytest.fixture(name="gated")
def gated_settings(model_settings):
    """Settings with a ratio and a sliced column."""
    return model_settings(
        data=DataSettings("rows.csv", "y", "at", features=("x",)),
        gates=GateSettings(limits={"mae": Limit(max=10.0, vs_champion=1.02)}, slices=("segment",)),
    )


def test_rows_compared_are_later_than_both_cutoffs_and_of_the_newer_snapshot(deck, trained, gated):
    champion, new = trained(2.9, 400, 300), trained(3.0, 600, 450)
    rows = unseen_rows(deck, gated, new, champion)
    assert rows.num_rows == 600 - 451
    assert rows.column("at")[0].as_py() == (START + pd.Timedelta(days=451)).to_pydatetime()


def test_better_version_passes_every_gate(deck, trained, gated):
    champion, new = trained(1.0, 400, 300), trained(3.0, 600, 400)
    checks = evaluate(deck, gated, new, champion)
    assert [(check.name, check.verdict) for check in checks] == [
        ("mae", "passed"),
        ("mae vs champion", "passed"),
        ("mae by segment", "passed"),
    ]


def test_worse_version_fails_against_the_champion_and_in_its_slices(deck, trained, gated):
    champion, new = trained(3.0, 400, 300), trained(0.0, 600, 400)
    verdicts = {check.name: check.verdict for check in evaluate(deck, gated, new, champion)}
    assert verdicts == {"mae": "passed", "mae vs champion": "failed", "mae by segment": "failed"}


def test_no_row_later_than_both_trainings_is_no_data(deck, trained, gated):
    champion, new = trained(3.0, 600, 599), trained(3.0, 400, 300)
    verdicts = {check.name: check.verdict for check in evaluate(deck, gated, new, champion)}
    assert verdicts == {"mae": "passed", "mae vs champion": "no data", "mae by segment": "no data"}


def test_going_to_an_older_version_is_compared_on_the_newer_snapshot_too(deck, trained, gated):
    older, newer = trained(3.0, 400, 300), trained(3.0, 600, 500)
    assert unseen_rows(deck, gated, older, newer).num_rows == 600 - 501


def test_without_times_only_a_holdout_that_both_kept_is_unseen(deck, stage, trained, gated, apply_settings):
    settings = dataclasses.replace(gated, data=dataclasses.replace(gated.data, time_column=None))
    apply_settings(data=settings.data, train=TrainSettings(holdout=0.25))
    champion, new = trained(2.9, 400, None, None), trained(3.0, 400, None, None)
    assert compare(deck, settings, new, champion) is not None
    assert len(compare(deck, settings, new, champion)) == 100
    other = trained(3.0, 500, None, None)
    assert unseen_rows(deck, settings, other, champion) is None
