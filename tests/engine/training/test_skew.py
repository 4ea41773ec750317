"""What a model is trained on is what it serves: rows as a client sends them are answered as training's own frame is."""

from __future__ import annotations

import json

import pytest

from engine.model_io.load import load_version
from engine.model_io.rows import read_snapshot
from engine.training.dataset import prepare
from engine.training.tabular import boosted_features, linear_features


def as_sent(table, signature):
    """Return rows as JSON would carry them: times as text, missing as null."""
    rows = table.select([column.name for column in signature.inputs]).to_pylist()
    return json.loads(json.dumps(rows, default=lambda value: value.isoformat()))


@pytest.mark.parametrize("which", ["regression", "classification"])
def test_rows_as_sent_are_answered_as_training_answers_them(request, which):
    trained = request.getfixturevalue(which)
    table = read_snapshot(trained.deck, trained.version.snapshot_id)
    dataset = prepare(table, trained.settings, "UTC")
    served = load_version(trained.deck, trained.version)
    sent = as_sent(table, dataset.signature)
    assert any(value is None for row in sent for value in row.values())
    assert served.predict(sent) == served.predict_frame(dataset.frame)
    for place in range(20):  # alone, as most requests come; a sum over many rows may differ in its last bit
        assert served.predict([sent[place]]) == served.predict_frame(dataset.frame.iloc[[place]])


@pytest.mark.parametrize("features", [linear_features, boosted_features])
def test_features_of_rows_as_sent_are_those_of_training(bookings, rates, features):
    from engine.serving.contract import code_rows
    from engine.serving.frames import FrameCoder

    table = bookings()
    dataset = prepare(table, rates(), "UTC")
    assert all((dataset.kinds.numbers, dataset.kinds.categories, dataset.kinds.texts, dataset.kinds.times))
    fitted = features(dataset.kinds).fit(dataset.frame, dataset.truth)
    coded = code_rows(as_sent(table, dataset.signature), dataset.signature)
    mine, theirs = fitted.transform(dataset.frame), fitted.transform(FrameCoder(dataset.signature).frame(coded))
    difference = mine != theirs
    if hasattr(mine, "nnz"):
        assert difference.nnz == 0
    else:
        both_missing = (mine != mine) & (theirs != theirs)
        assert not (difference & ~both_missing).any()
