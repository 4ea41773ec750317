"""Versions as predictors: the stored model, checked by hash, with the code it was trained with."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from engine.model_io import code
from store import settings
from store.errors import CorruptArtifact, Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from engine.measures.metrics import Predicted
    from engine.serving.predict import Predictor
    from store.rows import Version


def load_version(deck: Deck, version: Version) -> Predictor:
    """Return a version as the predictor that serves it.

    Raises:
        CorruptArtifact: the seal does not hold, or artifact or bundle is missing, damaged, or holds types that nobody
            trusted.
    """
    from engine.model_io import sealing
    from engine.serving.artifact import ArtifactError

    sealing.checked(deck, version)
    modules: list[str] = []
    if version.bundle_hash:
        code.use(code.extract(deck.artifacts, deck.workspace, version.bundle_hash))
        modules = code.bundle_modules(deck.artifacts.read(version.bundle_hash))
    try:
        stated = stated_types(deck, version)
        return predictor_of(deck, version.artifact_hash, version.signature, version.decision, modules, stated)
    except ArtifactError as error:
        raise CorruptArtifact(
            f"{version.model}@{version.number} cannot be loaded: {error.message}", "train it again, or restore a backup"
        ) from error


def loader_of(deck: Deck, version: Version) -> Callable[[], Predictor]:
    """Return what loads a version as the predictor that serves it, in whichever process: it asks no registry.

    Raises:
        CorruptArtifact: the seal does not hold, or artifact or bundle is missing, damaged, or holds types that nobody
            trusted.
    """
    from engine.model_io import sealing
    from engine.serving.artifact import ArtifactError, load
    from engine.serving.contract import Signature, task_of
    from engine.serving.predict import Predictor

    sealing.checked(deck, version)
    modules: list[str] = []
    folder = None
    if version.bundle_hash:
        folder = code.extract(deck.artifacts, deck.workspace, version.bundle_hash)
        modules = code.bundle_modules(deck.artifacts.read(version.bundle_hash))
    path = deck.artifacts.path(version.artifact_hash)
    content, stated = deck.artifacts.read(version.artifact_hash), stated_types(deck, version)

    def loaded() -> Predictor:
        if folder is not None:
            code.use(folder)
        read = Signature.from_json(version.signature)
        try:
            model = load(path, version.artifact_hash, trusted_types(content, modules, stated))
        except ArtifactError as error:
            raise CorruptArtifact(f"{version.model}@{version.number} cannot be loaded: {error.message}", "") from error
        return Predictor.from_parts(model, read, task_of(read), version.decision)

    return loaded


def predictor_of(
    deck: Deck,
    artifact_hash: str,
    signature: dict[str, Any],
    decision: dict[str, Any],
    modules: Collection[str],
    stated: Collection[str],
) -> Predictor:
    """Return a stored artifact as a predictor; trusted are `modules` of the code bundle and `stated` types.

    Raises:
        ArtifactError: it is missing, damaged, or holds types that nobody trusted.
    """
    from engine.serving.artifact import load
    from engine.serving.contract import Signature, task_of
    from engine.serving.predict import Predictor

    content = deck.artifacts.read(artifact_hash)
    trusted = trusted_types(content, modules, stated)
    model = load(deck.artifacts.path(artifact_hash), artifact_hash, trusted)
    read = Signature.from_json(signature)
    return Predictor.from_parts(model, read, task_of(read), decision)


def stated_types(deck: Deck, version: Version) -> tuple[str, ...]:
    """Return the types that `[train] trusted` of the settings a version pins names."""
    body = settings.get(deck.database, version.settings_revision).body
    return tuple(body["models"].get(version.model, {}).get("train", {}).get("trusted", ()))


def trusted_types(content: bytes, modules: Collection[str], stated: Collection[str] = ()) -> list[str]:
    """Return the types of an artifact that are loaded beside plain Python's.

    `modules` are the bundle's own, `stated` the types that the model's settings trust.

    Raises:
        engine.serving.artifact.ArtifactError: there are others, or these are no skops bytes.
    """
    from engine.serving.artifact import ArtifactError, sort_types, untrusted_types

    trusted, refused = sort_types(untrusted_types(content), modules, stated)
    if refused:
        raise ArtifactError(f"the model holds types nobody trusted: {', '.join(refused)}", refused)
    return trusted


def ask_as_of(predictor: Predictor, as_of_us: int) -> None:
    """Let a loaded forecast know no value of a time or later (microseconds UTC), whatever it remembers."""
    from engine.serving.forecasting import histories

    for history in histories(predictor.model):
        history.forget(as_of_us)


def score_version(deck: Deck, version: Version, rows: pa.Table | Any, as_of_us: int | None = None) -> Predicted:
    """Let a version predict rows (an Arrow table or a frame) that hold its input columns; others are not looked at.

    With `as_of_us` (microseconds UTC) a forecast answers by what was known before then, though it may remember more.

    Raises:
        CorruptArtifact: the version cannot be loaded.
        Refused: a row does not fit the version's signature.
    """
    from engine.measures.metrics import predicted
    from engine.serving.contract import InputError
    from engine.serving.frames import conform

    predictor = load_version(deck, version)
    if as_of_us is not None:
        ask_as_of(predictor, as_of_us)
    frame = rows.to_pandas() if hasattr(rows, "to_pandas") else rows
    try:
        fitting = conform(frame, predictor.signature)
    except InputError as error:
        raise Refused(f"the rows do not fit {version.model}@{version.number}: {error.message}") from error
    return predicted(predictor.predict_frame(fitting), predictor.signature.classes)
