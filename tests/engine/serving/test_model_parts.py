"""Artifacts, frames, golden requests, tokens and log segments, without a process."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from engine.serving import artifact, golden
from engine.serving.contract import Column, InputError, Signature, code_rows
from engine.serving.frames import FrameCoder, conform, records
from engine.serving.log import FolderTaken, LogFull, SegmentLog, close_abandoned, close_leftovers, hold
from engine.serving.predict import PredictError, Predictor
from engine.serving.tokens import LogKey

WIDE = Signature(
    (
        Column("whole", "long"),
        Column("half", "double", nullable=True),
        Column("text", "string", nullable=True),
        Column("flag", "boolean", nullable=True),
        Column("at", "datetime", nullable=True),
    ),
    (Column("value", "double"),),
)


def wide_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": [1, 2, 3],
            "half": [0.5, None, 2.5],
            "text": ["a", None, "c"],
            "flag": [True, None, False],
            "at": ["2017-08-01", None, "2017-08-01T12:30:00"],
        }
    )


def test_training_and_serving_see_the_same_frame() -> None:
    fitted_on = conform(wide_frame(), WIDE)
    served = FrameCoder(WIDE).frame(code_rows(records(wide_frame(), WIDE), WIDE))
    pd.testing.assert_frame_equal(served, fitted_on)


def test_records_of_a_frame_are_plain_json() -> None:
    assert json.loads(json.dumps(records(wide_frame(), WIDE)))[1] == {
        **{"whole": 2, "half": None, "text": None, "flag": None, "at": None}
    }


def test_a_frame_without_an_input_is_refused_naming_the_column() -> None:
    with pytest.raises(InputError, match="'half' is absent"):
        conform(wide_frame().drop(columns="half"), WIDE)
    with pytest.raises(InputError, match="'whole' holds nulls"):
        conform(wide_frame().assign(whole=[1.0, None, 2.0]), WIDE)


def test_the_same_model_gives_the_same_bytes(classification: Any) -> None:
    copy = pickle.loads(pickle.dumps(classification.model))
    assert artifact.dump(classification.model) == artifact.dump(copy)


def test_a_stored_model_answers_as_before(tmp_path: Path, classification: Any) -> None:
    content = artifact.dump(classification.model)
    (tmp_path / "m").write_bytes(content)
    trusted, refused = artifact.sort_types(artifact.untrusted_types(content))
    loaded = artifact.load(tmp_path / "m", hashlib.sha256(content).hexdigest(), trusted)
    assert refused == []
    assert artifact.dump(loaded) == content
    np.testing.assert_array_equal(
        loaded.predict_proba(classification.frame), classification.model.predict_proba(classification.frame)
    )


def test_a_vocabulary_may_hold_the_words_of_the_format(tmp_path: Path) -> None:
    texts = ["the file of the author", "another file", "a file and its content", "the content"] * 3
    model = make_pipeline(TfidfVectorizer(min_df=2, max_features=6), Ridge()).fit(texts, range(12))
    content = artifact.dump(model)
    stored = tmp_path / "model.skops"
    stored.write_bytes(content)
    loaded = artifact.load(stored, hashlib.sha256(content).hexdigest(), artifact.untrusted_types(content))
    assert loaded.predict(texts).tolist() == model.predict(texts).tolist()


def test_a_corrupt_artifact_is_refused_before_it_is_read(tmp_path: Path, regression: Any) -> None:
    content = artifact.dump(regression.model)
    (tmp_path / "m").write_bytes(content[:-1] + b"x")
    with pytest.raises(artifact.ArtifactError, match="is corrupt: sha256 is"):
        artifact.load(tmp_path / "m", hashlib.sha256(content).hexdigest(), [])


def test_untrusted_types_are_refused_with_their_list(tmp_path: Path) -> None:
    content = artifact.dump(make_pipeline(FunctionTransformer(os.getcwd)))
    (tmp_path / "m").write_bytes(content)
    trusted, refused = artifact.sort_types(artifact.untrusted_types(content))
    assert refused == ["posix.getcwd"]
    with pytest.raises(artifact.ArtifactError, match=r"types nobody trusted: posix\.getcwd") as caught:
        artifact.load(tmp_path / "m", hashlib.sha256(content).hexdigest(), trusted)
    assert caught.value.types == ("posix.getcwd",)


def test_a_process_that_imports_skops_itself_lists_the_same_types(classification: Any) -> None:
    theirs = importlib.import_module("skops.io")
    content = artifact.dump(classification.model)
    listed = artifact.untrusted_types(content)
    assert {"sklearn.pipeline.Pipeline", "numpy.float64"} <= set(listed)
    assert set(theirs.get_untrusted_types(data=content)) < set(listed)
    assert sys.modules["skops.io"] is theirs


def test_functions_of_libraries_are_never_trusted_but_the_bundles_are() -> None:
    told = [
        "hotel.clean",
        "numpy.load",
        "engine.serving.features.DateParts",
        "numpy.log1p",
        "numpy.ndarray",
        "evil.Thing",
    ]
    trusted, refused = artifact.sort_types(told, {"hotel"})
    assert trusted == ["hotel.clean", "engine.serving.features.DateParts", "numpy.log1p", "numpy.ndarray"]
    assert refused == ["numpy.load", "evil.Thing"]


def test_bytes_that_are_no_artifact_give_one_line() -> None:
    with pytest.raises(artifact.ArtifactError, match="not a readable skops file"):
        artifact.untrusted_types(b"PK\x03\x04 nothing")


def test_golden_requests_are_answered_as_recorded(classification: Any) -> None:
    predictor = classification.predictor()
    recorded = json.loads(json.dumps(golden.make(predictor, classification.frame)))
    assert len(recorded["requests"]) == golden.COUNT
    assert golden.check(predictor.predict, recorded) == (
        True,
        "20 of 20 golden answers as recorded, worst difference 0",
    )


def test_a_different_answer_is_found_and_named(regression: Any) -> None:
    predictor = regression.predictor()
    recorded = golden.make(predictor, regression.frame)
    recorded["answers"][2]["value"] += 0.5
    ok, told = golden.check(predictor.predict, recorded)
    assert not ok
    assert told.startswith("1 of 20 golden answers differ: request 2 column 'value'")


def test_a_model_that_raises_or_answers_no_number_is_said_so(regression: Any) -> None:
    class Wild:
        def predict(self, frame: pd.DataFrame) -> Any:
            if len(frame) > 1:
                raise KeyError("gone")
            return np.array([np.nan])

    predictor = Predictor.from_parts(Wild(), regression.signature, "regression")
    rows = records(regression.frame.head(2), regression.signature)
    with pytest.raises(PredictError, match="raised KeyError"):
        predictor.predict(rows)
    with pytest.raises(PredictError, match="row 0 is not a finite number"):
        predictor.predict(rows[:1])


def test_a_token_depends_on_key_column_and_value() -> None:
    key = LogKey("k1", b"\x01" * 32)
    tokens = {
        key.token("country", "ES"),
        key.token("country", "FR"),
        key.token("city", "ES"),
        key.token("country", 3),
        key.token("country", "3"),
        LogKey("k2", b"\x02" * 32).token("country", "ES"),
    }
    assert len(tokens) == 6
    assert key.token("country", "ES") == key.token("country", "ES")
    assert key.token("country", 3) == key.token("country", 3.0)
    assert key.token("country", None) is None
    assert "01" not in repr(key)


def test_a_segment_is_closed_by_rename_when_it_is_large(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, max_bytes=10)
    log.write(b"12345\n")
    assert [path.suffix for path in tmp_path.iterdir()] == [".open"]
    log.write(b"67890\n")
    log.write(b"next\n")
    log.roll()
    assert sorted(path.read_bytes() for path in tmp_path.glob("*.jsonl")) == [b"12345\n67890\n", b"next\n"]
    assert not list(tmp_path.glob("*.open"))


def test_an_old_segment_is_due(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path, max_age_s=0.0)
    assert not log.is_due()
    log.write(b"x\n")
    assert log.is_due()
    log.roll()


def test_a_dead_servers_segment_is_closed_without_its_torn_line(tmp_path: Path) -> None:
    (tmp_path / "1-2-1.open").write_bytes(b'{"a":1}\n{"b":')
    (tmp_path / "2-2-2.open").write_bytes(b"")
    assert [path.read_bytes() for path in close_leftovers(tmp_path)] == [b'{"a":1}\n']
    assert not list(tmp_path.glob("*.open"))


def test_a_live_servers_segment_is_left_alone(tmp_path: Path) -> None:
    held = hold(tmp_path)
    (tmp_path / "1-2-1.open").write_bytes(b"{}\n")
    with pytest.raises(FolderTaken):
        hold(tmp_path)
    assert close_abandoned(tmp_path) == []
    os.close(held)
    assert len(close_abandoned(tmp_path)) == 1


def test_a_folder_that_is_gone_makes_the_log_full(tmp_path: Path) -> None:
    log = SegmentLog(tmp_path / "gone")
    with pytest.raises(LogFull, match="cannot be written: No such file"):
        log.write(b"x\n")


def test_the_short_way_through_a_pipeline_answers_exactly_the_same(classification: Any, regression: Any) -> None:
    for fitted in (classification, regression):
        rows = records(fitted.frame, fitted.signature)
        long, short = fitted.predictor(), fitted.predictor()
        assert short.shorten(rows[:5])
        assert short.predict(rows) == long.predict(rows)
        assert short.predict([{"nights": 3}]) == long.predict([{"nights": 3}])


def test_a_model_of_another_form_keeps_to_the_long_way(regression: Any) -> None:
    class Nights:
        def predict(self, frame: pd.DataFrame) -> Any:
            return frame["nights"].to_numpy(dtype=float)

    predictor = Predictor.from_parts(Nights(), regression.signature, "regression")
    assert not predictor.shorten([{"nights": 3}])
    assert predictor.predict([{"nights": 3}]) == [{"value": 3.0}]
