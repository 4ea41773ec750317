"""Attributions kept beside the prediction log: which predictions, the same as on demand, nothing personal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.monitoring import attributions as kept
from engine.serving.record import Arrival, Recorder
from engine.serving.tokens import LogKey
from engine.settings.model import LogSettings
from engine.training import kept_attributions
from engine.training.explanation import explain_rows
from engine.training.kept_attributions import explain_logged, is_chosen
from store.ids import new_id

HOUR_US = 3_600_000_000


def logged(deck, count, *, key=None):
    """Log answers of version 1 as its server does, one request a second; return ids and rows."""
    manifest = {
        "model": "rates", "version": 1, "log": {"personal": "keep" if key is None else "token"},
        "personal": ["country"], "time_column": "at", "time_zone": "UTC",
    }  # fmt: skip
    recorder, lines, ids, rows = Recorder(manifest, "d1", "local", key, "rates"), [], [], []
    for number in range(count):
        deck.clock.advance(1)
        row = {"nights": 1 + number % 7, "segment": ["online", "groups"][number % 2], "country": "ES"}
        arrival = Arrival(new_id(deck.clock), None, "live", deck.clock.now(), 0)
        lines.append(recorder.rows(arrival, [row], [{"value": 80.0}]))
        ids.append(f"{arrival.request_id}-0")
        rows.append(row)
    place = deck.workspace.segments / "r1"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{deck.clock.now():016d}-77-1.jsonl").write_bytes(b"".join(lines))
    return ids, rows


@pytest.fixture(name="served")
def version_with_a_log(bench, rates):
    """A version that reads a personal column, its settings, and 40 predictions on the log."""
    log = LogSettings(personal="keep", attributions=1.0)
    settings = rates(features=("nights", "segment", "country"), personal=("country",), log=log)
    version = bench.train(settings)
    ids, rows = logged(bench.deck, 40)
    return bench.deck, settings, version, ids, rows


def span(deck):
    return deck.clock.now() - HOUR_US, deck.clock.now() + 1


def test_what_is_kept_is_what_would_be_computed_on_demand(served):
    deck, settings, version, ids, rows = served
    assert explain_logged(deck, settings, *span(deck)) == {"kept": 40, "left": 0, "tokens": 0, "notes": []}
    table = kept.read(deck, "rates", 1, *span(deck))
    assert table["prediction_id"].to_pylist() == ids
    now = explain_rows(deck, version, [rows[3]])
    found = explain_rows(deck, version, prediction=ids[3])
    assert found["kept_at"] == deck.clock.now()
    [told], [there] = found["explained"], now["explained"]
    assert told["prediction_id"] == ids[3]
    assert told["prediction"]["value"] == pytest.approx(there["prediction"]["value"])
    assert [one["column"] for one in told["contributions"]] == [one["column"] for one in there["contributions"]]
    for mine, theirs in zip(told["contributions"], there["contributions"], strict=True):
        assert mine["contribution"] == pytest.approx(theirs["contribution"])
        assert mine["value"] == theirs["value"]
    assert {name: found[name] for name in ("explains", "scale", "method", "background")} == {
        name: now[name] for name in ("explains", "scale", "method", "background")
    }


def test_a_kept_explanation_needs_the_model_no_more_and_hides_what_is_personal(served):
    deck, settings, version, ids, _ = served
    explain_logged(deck, settings, *span(deck))
    deck.artifacts.place(version.artifact_hash).unlink()
    found = explain_rows(deck, version, prediction=ids[0])
    country = next(one for one in found["explained"][0]["contributions"] if one["column"] == "country")
    assert (country["value"], country["personal"]) == (None, True)
    assert '"ES"' not in json.dumps(found)
    names = set(kept.read(deck, "rates", 1).column_names) - set(kept.FIXED.names)
    assert names == {
        f"{part}.{name}" for part in ("contribution", "error") for name in ("nights", "segment", "country")
    }


def test_the_same_share_is_explained_each_time_and_nothing_twice(served, monkeypatch):
    deck, settings, _, ids, _ = served
    some = replace(settings, log=LogSettings("keep", attributions=0.5))
    chosen = [one for one in ids if is_chosen(one, 0.5)]
    assert 8 <= len(chosen) <= 32
    monkeypatch.setattr(kept_attributions, "MOST", 5)
    assert explain_logged(deck, some, *span(deck))["kept"] == 5
    assert kept.read(deck, "rates", 1)["prediction_id"].to_pylist() == chosen[-5:]
    monkeypatch.setattr(kept_attributions, "MOST", 500)
    assert explain_logged(deck, some, *span(deck))["kept"] == len(chosen) - 5
    assert explain_logged(deck, some, *span(deck))["kept"] == 0
    assert kept.read(deck, "rates", 1)["prediction_id"].to_pylist() == chosen
    assert kept.find(deck, "rates", 1, next(one for one in ids if one not in chosen)) is None


def test_tokens_are_counted_and_what_there_is_no_time_for_is_left(served):
    deck, settings, _, _, _ = served
    assert explain_logged(deck, settings, *span(deck), seconds=-1)["left"] == 40
    deck.workspace.keys.mkdir(parents=True, exist_ok=True)
    (deck.workspace.keys / "log").write_text(json.dumps({"id": "k1", "key": "5e" * 32}))
    ids, _ = logged(deck, 3, key=LogKey.read(deck.workspace.keys / "log"))
    found = explain_logged(deck, settings, *span(deck))
    assert (found["kept"], found["tokens"]) == (40, 3)
    assert kept.find(deck, "rates", 1, ids[0]) is None


def test_a_version_that_cannot_be_loaded_is_told_and_keeps_nothing(served):
    deck, settings, version, _, _ = served
    deck.artifacts.place(version.artifact_hash).unlink()
    found = explain_logged(deck, settings, *span(deck))
    assert (found["kept"], found["left"]) == (0, 40)
    assert "version 1: " in found["notes"][0]
