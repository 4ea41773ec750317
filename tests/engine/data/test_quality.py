"""From checks to quarantine and back: bad rows stay out of a snapshot, block training, and come in once they pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.data.looking import rejected_rows
from engine.data.quality import require_good
from engine.data.replay import replay
from engine.data.snapshot import ingest
from engine.model_io.rows import read_snapshot
from engine.settings.checks import CheckSettings, ColumnCheck, RowRule
from engine.settings.model import DataSettings, DeckSettings, HostSettings, ModelSettings
from store import events, quality, snapshots
from store import settings as applied
from store.errors import Refused, WorkFailed
from store.needs import needs

HEAD = "at,guest,nights,y\n"
GOOD = [f"2026-01-{day:02d},guest {day},{day % 5 + 1},{day}" for day in range(1, 20)]
BAD = ["2026-02-01,guest 90,90,1", "2026-02-02,guest 91,91,2"]
NIGHTS = CheckSettings(columns={"nights": ColumnCheck("long", min=1, max=60)})


@pytest.fixture
def stays(deck, write):
    """Write rows, apply checks, and do one thing under them."""

    class Stays:
        def rows(self, *lines):
            write("rows.csv", HEAD + "\n".join(lines) + "\n")

        def apply(self, checks, **data):
            told = {"time_column": "at", "personal": ("guest",), **data}
            self.settings = ModelSettings("rates", "regression", DataSettings("rows.csv", "y", **told), checks=checks)
            stated = DeckSettings("test", "UTC", (HostSettings("local"),), {"rates": self.settings})
            with deck.database.write() as tx:
                self.revision = applied.apply(tx, stated.to_body(), "user:anna", "")[0].revision

        def ingest(self):
            return ingest(deck, self.settings, self.revision, actor="user:anna")

        def replay(self):
            return replay(deck, self.settings, self.revision, actor="user:ben")

        def open(self):
            return quality.batches(deck.database, "rates", open_only=True)

        def check(self, snapshot):
            return require_good(deck.database, self.settings, snapshot.id, self.revision)

    return Stays()


def test_bad_rows_stay_out_and_block_training(stays, deck, says):
    stays.rows(*GOOD, *BAD)
    stays.apply(NIGHTS)
    taken = stays.ingest()
    assert taken.rows == len(GOOD)
    assert max(read_snapshot(deck, taken.id).column("nights").to_pylist()) == 5
    (batch,) = stays.open()
    assert (batch.rows, batch.rules, batch.state) == (2, {"nights.range": 2}, "open")
    assert [event.action for event in events.events(deck.database)][:3] == [
        "data.quarantined",
        "data.checked",
        "snapshot.taken",
    ]
    told = "the data of rates fail their checks: nights.range: 2 of 21 rows: .*data quarantine rates"
    with pytest.raises(WorkFailed, check=says(told)):
        stays.check(taken)
    assert batch.blob_hash in needs(deck.database, 0)


def test_rejected_rows_are_shown_with_their_rule_and_without_personal_values(stays, deck):
    stays.rows(*GOOD, *BAD)
    stays.apply(NIGHTS)
    stays.ingest()
    rows = rejected_rows(deck, "rates", 10)
    assert [(row["rule"], row["row"]["nights"], row["row"]["guest"]) for row in rows] == [
        ("nights.range", 90, "***"),
        ("nights.range", 91, "***"),
    ]
    assert rows[0]["row"]["at"] == "2026-02-01T00:00:00"
    assert len(rejected_rows(deck, "rates", 1)) == 1


def test_what_is_tolerated_or_only_warns_lets_training_go_on(stays):
    stays.rows(*GOOD, *BAD)
    stays.apply(replace(NIGHTS, tolerate=0.1))
    assert stays.check(stays.ingest()).verdict == "warning"
    stays.apply(CheckSettings(columns={"nights": ColumnCheck(max=60, warn=("range",))}))
    taken = stays.ingest()
    assert taken.rows == len(GOOD) + 2
    assert [one["rule"] for one in stays.check(taken).findings] == ["nights.range"]
    assert stays.open() == []  # what the source gives is taken whole now: nothing of it waits any more


def test_rows_come_back_once_the_rule_is_mended(stays, deck):
    stays.rows(*GOOD, *BAD)
    stays.apply(NIGHTS)
    first = stays.ingest()
    with pytest.raises(WorkFailed, match="none of 2 rows passes"):
        stays.replay()
    stays.apply(CheckSettings(columns={"nights": ColumnCheck("long", min=1, max=90)}))
    taken = stays.replay()
    assert taken.rows == first.rows + 1
    (left,) = stays.open()
    assert (left.rows, left.rules) == (1, {"nights.range": 1})
    stays.apply(CheckSettings(columns={"nights": ColumnCheck("long", min=1, max=365)}))
    assert stays.replay().id == stays.ingest().id  # what came back by replay is what the source gives whole
    assert [batch.state for batch in quality.batches(deck.database, "rates")] == ["replayed", "replayed"]
    with pytest.raises(Refused, match="no rows of rates are in quarantine"):
        stays.replay()


def test_rows_are_repaired_by_the_function_that_the_settings_name(stays, write):
    write("mending.py", "def mend(rows):\n    frame = rows.to_pandas()\n    frame['nights'] %= 60\n    return frame\n")
    stays.rows(*GOOD, *BAD)
    stays.apply(replace(NIGHTS, repair="python:mending:mend"))
    stays.ingest()
    assert stays.replay().rows == len(GOOD) + 2
    assert stays.open() == []


def test_corrected_source_takes_the_place_of_what_it_gave(stays, deck):
    stays.rows(*GOOD, *BAD)
    stays.apply(NIGHTS)
    stays.ingest()
    stays.ingest()  # the same rows again are the batch that is there
    assert len(stays.open()) == 1
    stays.rows(*GOOD)
    stays.check(stays.ingest())
    assert [batch.state for batch in quality.batches(deck.database, "rates")] == ["superseded"]


def test_incremental_ingest_leaves_what_waits(stays, deck):
    stays.apply(NIGHTS, incremental=True)
    stays.rows(*GOOD[:10], BAD[0])
    stays.ingest()
    stays.rows(*GOOD[10:], BAD[1])
    stays.ingest()
    assert sorted(batch.rows for batch in stays.open()) == [1, 1]


def test_no_row_left_is_on_record_and_no_snapshot(stays, deck, says):
    stays.rows(*BAD)
    stays.apply(NIGHTS)
    with pytest.raises(WorkFailed, check=says("nights.range: 2 of 2 rows")):
        stays.ingest()
    assert snapshots.snapshots(deck.database, "rates") == []
    assert (quality.checks(deck.database, "rates")[0].verdict, len(stays.open())) == ("failed", 1)


def test_rule_over_columns_rejects_by_its_name(stays):
    stays.rows(*GOOD)
    stays.apply(CheckSettings(rules={"short": RowRule("nights < 5 OR y > 10")}, tolerate=0.5))
    assert stays.check(stays.ingest()).rejected == sum(day % 5 == 4 and day <= 10 for day in range(1, 20))
