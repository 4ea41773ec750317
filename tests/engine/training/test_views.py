"""How a model errs: against the Dummy, by score, by class, by size, and the worst rows without what is personal."""

from __future__ import annotations

import dataclasses
import json
import time

import numpy as np
import pytest
import sklearn.metrics

from engine.measures.intervals import paired
from engine.measures.metrics import Predicted, find
from engine.serving.predict import Predictor
from engine.training import views
from engine.training.dataset import prepare
from engine.training.proof import Proof
from engine.training.proving import PARTS, prove

CLASSES = ("false", "true")


class ByNights:
    """A model that knows what a night costs and nothing else."""

    def predict(self, frame):
        return 55.0 + 9.0 * frame["nights"].to_numpy(dtype=float)


@pytest.fixture(name="proof_of")
def proof_over_bookings(bookings, rates):
    """Return a function that makes a proof of answers over bookings: `proof_of(guess, baseline, task=…)`."""

    def make(guess, baseline, metric, predictor=None, **changed):
        settings = rates(**changed)
        return Proof(
            holdout=prepare(bookings(), settings, "UTC"),
            predictor=predictor,
            guess=guess,
            baseline=baseline,
            metric=find(metric, settings.task),
            settings=settings,
            until=time.monotonic() + 5,
        )

    return make


@pytest.fixture(name="priced")
def proof_of_prices(proof_of, bookings, rates):
    dataset = prepare(bookings(), rates(), "UTC")
    model = ByNights()
    guess = Predicted(values=model.predict(dataset.frame))
    plain = Predicted(values=np.full(len(dataset), np.median(dataset.truth)))
    predictor = Predictor.from_parts(model, dataset.signature, "regression")
    return proof_of(guess, plain, "mae", predictor, personal=("country",), target="price")


def scores(positive):
    positive = np.asarray(positive, dtype=float)
    labels = np.array(CLASSES, dtype=object)[(positive >= 0.5).astype(int)]
    return Predicted(labels=labels, scores=np.column_stack([1 - positive, positive]), classes=CLASSES)


def test_every_part_is_plain_json(priced):
    found = prove(priced)
    assert set(found) >= {"against_baseline", "calibration", "residuals", "errors", "importance"}
    assert "confusion" not in found
    assert json.loads(json.dumps(found)) == found


def test_parts_have_names_of_their_own():
    names = [part.name for part in PARTS]
    assert len(set(names)) == len(names)


def test_better_model_is_better_by_an_interval_above_zero(priced):
    found = views.against_baseline(priced)
    assert 0 < found["low"] < found["value"] < found["high"]
    assert found["n"] == 300


def test_what_is_hard_for_both_cancels_out_of_a_paired_interval():
    draw = np.random.default_rng(1)
    truth = draw.normal(0, 100, 400)
    near, far = Predicted(values=np.full(400, 1.0)), Predicted(values=np.zeros(400))
    truth = np.abs(truth) + 5
    found = paired("mae", truth, near, far)
    assert found["value"] == pytest.approx(1.0)
    assert found["high"] - found["low"] < 1e-9


def test_more_is_better_counts_the_other_way():
    truth = np.array(["true", "false"] * 50, dtype=object)
    right, wrong = scores([0.9, 0.1] * 50), scores([0.9, 0.9] * 50)
    assert paired("accuracy", truth, right, wrong)["value"] == pytest.approx(0.5)
    assert paired("f1", truth, right, wrong)["low"] > 0


def test_paired_interval_says_why_there_is_none():
    truth = np.array(["true"] * 30, dtype=object)
    found = paired("roc_auc", truth, scores([0.9] * 30), scores([0.5] * 30))
    assert found["value"] is None
    assert "only one class" in found["note"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_roc_has_the_area_and_the_rates_that_scikit_learn_finds_ties_included(proof_of, seed):
    random = np.random.default_rng(seed)
    changed = {"task": "classification", "target": "kept"}
    truth = proof_of(scores([0.5]), scores([0.5]), "log_loss", **changed).holdout.truth
    positive = (truth == "true").astype(float)
    said = np.round(np.clip(0.3 * positive + random.random(len(truth)) * 0.7, 0, 1), 1)  # many are the same
    found = views.roc(proof_of(scores(said), scores(said), "log_loss", **changed))
    alarmed, caught, _ = sklearn.metrics.roc_curve(positive, said, drop_intermediate=False)
    assert found["area"] == pytest.approx(sklearn.metrics.roc_auc_score(positive, said))
    assert found["true_positive_rate"] == pytest.approx(np.interp(np.linspace(0, 1, 41), alarmed, caught))
    answered = found["answered"]["false_positive_rate"], found["answered"]["true_positive_rate"]
    assert answered == pytest.approx(((said >= 0.5)[positive == 0].mean(), (said >= 0.5)[positive == 1].mean()))
    json.dumps(found)


def test_roc_of_one_class_alone_says_nothing(proof_of, bookings):
    proof = proof_of(scores([0.5]), scores([0.5]), "log_loss", task="classification", target="kept")
    alone = np.full(len(proof.holdout.truth), "true", dtype=object)
    holdout = dataclasses.replace(proof.holdout, truth=alone)
    said = scores(np.linspace(0, 1, len(alone)))
    assert views.roc(dataclasses.replace(proof, holdout=holdout, guess=said)) is None


def test_calibration_shows_scores_that_promise_too_much(proof_of, bookings, rates):
    truth = prepare(bookings(), rates(task="classification", target="kept"), "UTC").truth
    share = float((truth == "true").mean())
    sure, plain = scores(np.full(300, 0.99)), scores(np.full(300, share))
    changed = {"task": "classification", "target": "kept"}
    found = views.calibration(proof_of(sure, plain, "log_loss", **changed))
    assert sum(one["n"] for one in found["bins"]) == 300
    assert found["error"] == pytest.approx(0.99 - share)
    assert views.calibration(proof_of(plain, plain, "log_loss", **changed))["error"] < 0.12


def test_confusion_counts_every_row_once(proof_of, bookings, rates):
    changed = {"task": "classification", "target": "kept"}
    truth = prepare(bookings(), rates(**changed), "UTC").truth
    proof = proof_of(scores(np.full(300, 0.9)), scores(np.full(300, 0.5)), "log_loss", **changed)
    found = views.confusion(proof)
    assert found["labels"] == ["false", "true"]
    assert found["counts"] == [[0, int((truth == "false").sum())], [0, int((truth == "true").sum())]]


def test_residuals_lie_beside_the_truth(priced):
    found = views.residuals(priced)
    off = priced.guess.values - priced.holdout.truth
    assert found["mean"] == pytest.approx(off.mean())
    assert found["quantiles"]["0.5"] == pytest.approx(np.median(off))
    assert sum(found["histogram"]["counts"]) == 300


def test_constant_residuals_have_one_bin(proof_of, bookings, rates):
    truth = prepare(bookings(), rates(), "UTC").truth
    proof = proof_of(Predicted(values=truth + 1), Predicted(values=truth), "mae")
    assert views.residuals(proof)["histogram"]["counts"] == [300]


def test_worst_rows_come_first_without_personal_columns(priced):
    found = views.errors(priced)
    losses = [one["loss"] for one in found]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(float(np.abs(priced.guess.values - priced.holdout.truth).max()))
    assert set(found[0]["inputs"]) == {"at", "nights", "discount", "segment", "note", "kept"}
    assert found[0]["at"].endswith("Z")
