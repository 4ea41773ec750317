"""A version's pipeline fitted again from what the version pins, and its predictions compared bit for bit.

The search is not repeated: family, parameters, rows, seed and thread count are those on record. Says what differs:
environment, data or code.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.data.bundle import extract_bundle
from engine.model_io.code import bundle_modules
from engine.model_io.load import load_version, predictor_of, stated_types
from engine.model_io.rows import read_snapshot, zone_of
from engine.serving.artifact import ArtifactError, dump
from engine.serving.environment import differences, lock
from engine.serving.predict import Predictor
from engine.training.dataset import Dataset, prepare
from engine.training.families import families
from engine.training.fitting import refit
from engine.training.folds import split_holdout
from engine.training.forecasts import remember
from engine.training.selection import left_out
from engine.training.trial import one_quiet_thread
from engine.training.warm import Base
from store import blobs, runs
from store import settings as applied
from store.errors import CorruptArtifact, Refused, WorkFailed

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings
    from store.rows import Version

LEAST_S = 600.0  # the refit may take so long, or ten times its training's budget
SHOWN = 3  # differences of the environment that are named


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of it. `rows` predictions were compared, `different` of them differ, the largest by `largest`."""

    rows: int
    different: int
    largest: float | None  # of numbers; None where none differs or a label does
    artifact_same: bool
    reasons: tuple[str, ...]  # what differs in environment, data or code

    @property
    def is_same(self) -> bool:
        """Tell whether every prediction is the same to the last bit."""
        return not self.different


def reproduce(deck: Deck, version: Version, progress: Callable[[float, str], None]) -> Reproduction:
    """Fit a version's pipeline again and compare it with the stored model on the holdout and the golden requests.

    Raises:
        WorkFailed: what it was made from is not there any more, or cannot be fitted.
        Refused: rows were erased from it.
    """
    named = f"{version.model}@{version.number}"
    progress(0.05, "reading snapshot, code and environment")
    if blobs.current(deck.database, version.snapshot_id) != version.snapshot_id:
        raise Refused(
            f"{named} cannot be reproduced: rows of a person were erased from what it was trained on, "
            f"snapshot {version.snapshot_id.removeprefix('sha256:')[:12]}",
            "its seal, artifact and golden requests still hold: modeldeck erasures tells why and when",
        )
    reasons = [f"environment: {told}" for told in _environment(deck, version)]
    settings = settings_of(deck, version)
    try:
        table = read_snapshot(deck, version.snapshot_id)
        code = extract_bundle(deck, version.bundle_hash)
        stored = load_version(deck, version)
    except CorruptArtifact as error:
        raise WorkFailed(f"{named} cannot be reproduced: {error.message}", error.hint) from error
    dataset = prepare(table, settings, zone_of(deck.database, version.settings_revision))
    dataset = dataset.without(left_out(version.evaluation))
    if dataset.signature.to_json() != version.signature:
        reasons.append("data: this modeldeck reads other columns or types from the snapshot")
    winner = version.evaluation["candidates"][0]
    field = families(dataset, settings.train.estimator, version.evaluation["metric"], settings.train.seed, code)
    family = next((one for one in field if one.name == winner["name"]), None)
    if family is None:
        raise WorkFailed(f"{named} cannot be reproduced: code: there is no candidate {winner['name']!r} any more")
    split = split_holdout(dataset, settings.train.holdout, settings.train.seed)
    rows = split.train[-int(version.evaluation["rows"]["train"]) :]
    progress(0.2, f"fitting {family.name} on {len(rows)} rows with its pinned parameters")
    until = time.monotonic() + max(LEAST_S, 10 * settings.train.time_budget_s)
    model = refit(dataset, rows, family, winner["params"], until, _base(deck, version, stored))
    if dataset.forecast is not None:
        remember(model, dataset)
    progress(0.8, "comparing predictions")
    with one_quiet_thread():
        again = Predictor.from_parts(model, dataset.signature, dataset.task, version.decision)
        pairs = _answers(deck, version, dataset.take(split.holdout), stored, again)
        same = deck.artifacts.put_bytes(dump(model)) == version.artifact_hash
    different = [_distance(*pair) for pair in pairs if pair[0] != pair[1]]
    largest = max(different, default=None, key=lambda one: math.inf if one is None else one)
    if different and not reasons:
        reasons.append("neither environment nor data nor code differ: the estimator itself is not deterministic")
    return Reproduction(len(pairs), len(different), largest, same, tuple(reasons))


def _base(deck: Deck, version: Version, stored: Predictor) -> Base | None:
    """Return what the version's fit began from, by the artifact's hash that it pins.

    Raises:
        WorkFailed: that is not there any more.
    """
    pinned = version.evaluation.get("warm_start") or {}
    if "artifact" not in pinned:
        return None
    modules = bundle_modules(deck.artifacts.read(version.bundle_hash))
    try:
        begun = predictor_of(
            deck, pinned["artifact"], version.signature, version.decision, modules, stated_types(deck, version)
        )
    except (CorruptArtifact, ArtifactError) as error:
        named = f"{version.model}@{version.number}"
        told = f"the artifact of v{pinned['from']}, which its fit began from: {error.message}"
        raise WorkFailed(f"{named} cannot be reproduced: {told}", "restore a backup") from error
    return Base(pinned["from"], pinned["artifact"], begun.model, classes=tuple(stored.signature.classes))


def _environment(deck: Deck, version: Version) -> list[str]:
    pinned = json.loads(deck.artifacts.read(version.environment_hash))
    return differences(pinned, json.loads(json.dumps(lock())))


def settings_of(deck: Deck, version: Version) -> ModelSettings:
    """Return the settings of a version, with the estimator its training was told instead of theirs."""
    from engine.settings.model import DeckSettings

    body = applied.get(deck.database, version.settings_revision).body
    settings = DeckSettings.from_body(body).models[version.model]
    estimator = runs.run(deck.database, version.run_id).params.get("estimator", settings.train.estimator)
    return replace(settings, train=replace(settings.train, estimator=estimator))


def _answers(
    deck: Deck, version: Version, holdout: Dataset, stored: Predictor, again: Predictor
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    recorded = json.loads(deck.artifacts.read(version.golden_hash))["requests"]
    first, second = ([*one.predict_frame(holdout.frame), *one.predict(recorded)] for one in (stored, again))
    return list(zip(first, second, strict=True))


def _distance(first: dict[str, Any], second: dict[str, Any]) -> float | None:
    """Return by how much two prediction records differ at most; None where other than numbers do."""
    most = 0.0
    for name, value in first.items():
        other = second.get(name)
        if value == other:
            continue
        if not isinstance(value, float | int) or not isinstance(other, float | int):
            return None
        most = max(most, abs(value - other))
    return most


def told(version: str, found: Reproduction) -> str:
    """Say in one line what came of it."""
    if found.is_same:
        artifact = "the artifact too" if found.artifact_same else "the artifact's bytes differ"
        noted = f"; {_short(found.reasons)}" if found.reasons else ""
        return f"{version} reproduced: {found.rows} of {found.rows} predictions equal bit for bit, {artifact}{noted}"
    by = "" if found.largest is None else f", by {found.largest:.3g} at most"
    return (
        f"{version} not reproduced: {found.different} of {found.rows} predictions differ{by}; {_short(found.reasons)}"
    )


def _short(reasons: tuple[str, ...]) -> str:
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "; ".join(reasons[:SHOWN]) + more
