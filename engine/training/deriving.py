"""A version with another threshold: the same fitted model, proven again at the threshold it then decides by.

Nothing is fitted but the Dummy it is compared with. Artifact, snapshot, code, environment and run are those of the
version it is derived from; golden answers and evaluation are its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.data.bundle import extract_bundle
from engine.measures.metrics import find
from engine.model_io import sealing
from engine.model_io.load import load_version
from engine.model_io.rows import read_snapshot, zone_of
from engine.serving.predict import Predictor
from engine.training.champion import against_champion
from engine.training.dataset import prepare
from engine.training.evaluation import on_holdout
from engine.training.families import families
from engine.training.folds import split_holdout
from engine.training.making import asked_of, baseline
from engine.training.proof import Proof
from engine.training.proving import prove
from engine.training.reproducing import settings_of
from engine.training.threshold import check_threshold
from engine.training.trial import one_quiet_thread
from store import blobs, versions
from store.errors import WorkFailed

if TYPE_CHECKING:
    from engine.deck import Deck
    from store.database import Fence
    from store.rows import Version

PROOF_S = 20.0  # for everything that is found out on the holdout


def derive(
    deck: Deck,
    version: Version,
    threshold: float,
    *,
    job: Fence | None,
    actor: str,
    reason: str = "",
    progress: Callable[[float, str], None] = lambda _fraction, _text: None,
) -> Version:
    """Register the model's next version, which differs from `version` in its threshold alone.

    Raises:
        Refused: see `check_threshold`. CorruptArtifact: what the version pins is missing or damaged.
    """
    threshold = check_threshold(version, threshold)
    progress(0.1, "loading model and snapshot")
    stored = load_version(deck, version)
    decided = {**version.decision, "threshold": threshold, "chosen_by": "a person"}
    decided.setdefault("positive", version.signature["classes"][1])
    predictor = Predictor.from_parts(stored.model, stored.signature, stored.task, decided)
    progress(0.3, f"proving it at a threshold of {threshold:g}")
    evaluation = _evaluate(deck, version, predictor)
    progress(0.9, "registering the version")
    recorded = json.loads(deck.artifacts.read(version.golden_hash))
    with one_quiet_thread():
        recorded["answers"] = predictor.predict(recorded["requests"])
    golden = json.dumps(recorded, sort_keys=True, separators=(",", ":")).encode()
    golden_hash = deck.artifacts.put_bytes(golden)
    with deck.database.write(job) as tx:
        if versions.version(tx, version.model, version.number).golden_hash != version.golden_hash:
            raise WorkFailed("rows of a person were erased from it meanwhile", "derive it again")
        blobs.record_blob(tx, golden_hash, len(golden), "golden")
        derived = versions.register(
            tx,
            model=version.model,
            run_id=version.run_id,
            snapshot_id=version.snapshot_id,
            settings_revision=version.settings_revision,
            bundle_hash=version.bundle_hash,
            environment_hash=version.environment_hash,
            artifact_hash=version.artifact_hash,
            artifact_bytes=version.artifact_bytes,
            golden_hash=golden_hash,
            signature=version.signature,
            decision=decided,
            evaluation=evaluation,
            estimator=version.estimator,
            actor=actor,
            git_commit=version.git_commit,
            git_dirty=version.git_dirty,
            cutoff_at=version.cutoff_at,
            derived_from=version.number,
            description=reason,
        )
        sealing.seal(deck, tx, derived)
    return derived


def _evaluate(deck: Deck, version: Version, predictor: Predictor) -> dict[str, Any]:
    """Return the version's evaluation with everything that a threshold may change made anew on the same holdout."""
    settings = settings_of(deck, version)
    table = read_snapshot(deck, version.snapshot_id)
    dataset = prepare(table, settings, zone_of(deck.database, version.settings_revision))
    seed = settings.train.seed
    split = split_holdout(dataset, settings.train.holdout, seed)
    holdout = dataset.take(split.holdout)
    metric = find(version.evaluation["metric"], dataset.task)
    code = extract_bundle(deck, version.bundle_hash)
    dummy = families(dataset, settings.train.estimator, metric.name, seed, code)[0]
    rows = split.train[-int(version.evaluation["rows"]["train"]) :]
    worth, plain = baseline(dataset, rows, split.holdout, dummy, seed, asked_of(settings))
    with one_quiet_thread():
        figures, guess = on_holdout(predictor, holdout, seed, asked_of(settings))
        proof = Proof(holdout, predictor, guess, plain, metric, settings, time.monotonic() + PROOF_S)
        against = against_champion(deck, version.model, holdout, guess, metric, seed)
        found = {**version.evaluation, "holdout": figures, "baseline": worth, **prove(proof)}
    if against is not None:
        found["against_champion"] = against
    return found
