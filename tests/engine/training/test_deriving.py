"""A version with another threshold: the same artifact, other labels, proven anew."""

from __future__ import annotations

import json

import pytest

from engine.model_io.load import load_version
from engine.serving import golden
from engine.training.deriving import derive
from engine.training.threshold import check_threshold
from store import versions
from store.errors import Refused


@pytest.fixture(scope="module")
def derived(classification_of_its_own):
    """A classification's version and two derived from it: at a threshold far lower and one far higher."""
    deck, version = classification_of_its_own.deck, classification_of_its_own.version
    low, high = (
        derive(deck, version, threshold, job=None, actor="user:bert", reason="the review budget")
        for threshold in (0.02, 0.98)
    )
    return deck, version, low, high


def test_everything_but_the_decision_is_the_same(derived):
    deck, version, low, _ = derived
    assert (low.number, low.derived_from, low.actor) == (version.number + 1, version.number, "user:bert")
    assert low.description == "the review budget"
    for name in ("artifact_hash", "snapshot_id", "bundle_hash", "environment_hash", "run_id", "signature", "cutoff_at"):
        assert getattr(low, name) == getattr(version, name)
    assert low.decision["threshold"] == 0.02
    assert low.decision["positive"] == version.decision["positive"]
    assert low.decision["chosen_by"] == "a person"
    assert versions.version(deck.database, low.model, low.number) == low


def test_what_a_threshold_changes_is_proven_anew(derived):
    _, version, low, high = derived
    seen = {one.number: one.evaluation for one in (version, low, high)}
    ranked = [seen[one.number]["holdout"]["roc_auc"]["value"] for one in (version, low, high)]
    assert len(set(ranked)) == 1
    said = [_answered(one.evaluation["confusion"], one.decision["positive"]) for one in (low, high)]
    assert said[0] > said[1]
    assert seen[low.number]["holdout"]["accuracy"] != seen[high.number]["holdout"]["accuracy"]
    assert seen[low.number]["rows"] == version.evaluation["rows"]
    assert seen[low.number]["baseline"] == version.evaluation["baseline"]


def test_golden_answers_are_its_own(derived):
    deck, version, low, _ = derived
    mine, theirs = (json.loads(deck.artifacts.read(one.golden_hash)) for one in (low, version))
    assert mine["requests"] == theirs["requests"]
    assert golden.check(load_version(deck, low).predict, mine)[0]
    assert not golden.check(load_version(deck, low).predict, theirs)[0]


@pytest.mark.parametrize(
    ("threshold", "line"),
    [
        (0.0, "a threshold lies between 0 and 1, 0 does not"),
        (1.5, "a threshold lies between 0 and 1, 1.5 does not"),
        (float("nan"), "a threshold lies between 0 and 1, nan does not"),
        (1e-9, "a threshold has 4 places, 1e-09 would be 0"),
    ],
)
def test_what_is_no_threshold_is_refused(classification, says, threshold, line):
    with pytest.raises(Refused, check=says(line)):
        check_threshold(classification.version, threshold)


def test_its_own_threshold_and_a_model_without_one_are_refused(classification, regression, says):
    own = classification.version.decision["threshold"]
    with pytest.raises(Refused, check=says(f"rates@1 decides at {own:g} already|.*decides at {own:g} already")):
        check_threshold(classification.version, own)
    with pytest.raises(Refused, check=says(".*decides by no threshold")):
        check_threshold(regression.version, 0.5)


def _answered(confusion, positive):
    place = confusion["labels"].index(positive)
    return sum(row[place] for row in confusion["counts"])
