"""What a version was trained on, as drift profiles: the snapshot's rows up to its cut-off, in time order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.measures import drift
from engine.monitoring.layout import write_parquet
from engine.serving.contract import class_text
from store.errors import ModeldeckError

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.serving.tokens import LogKey
    from engine.settings.model import ModelSettings
    from store.rows import Version

MOVES = "left out: times always move"
IDENTIFIER = "left out: nearly every value is a new one"
PREDICTION = "prediction"
MOST_SCORED = 5000  # rows after the cut-off that the version is asked about, evenly spread


@dataclass(slots=True)
class Reference:
    """Profiles of a version's inputs and of its answers; `left_out` says why a column has none."""

    rows: int = 0
    profiles: dict[str, drift.Profile] = field(default_factory=dict)
    left_out: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> (kind, note)
    tokens_of: frozenset[str] = frozenset()  # columns profiled over tokens
    key_id: str | None = None
    classes: dict[str, float] = field(default_factory=dict)  # share of each class of the target
    prediction: drift.Profile | None = None
    prediction_note: str = ""


def reference_of(deck: Deck, settings: ModelSettings, version: Version) -> Reference:
    """Return the profiles of a version; where its snapshot cannot be read every column says so.

    Column names come from the version's signature. `settings` says what is personal and what the target is called.
    """
    from engine.model_io.rows import read_snapshot

    inputs = version.signature.get("inputs", ())
    try:
        table = read_snapshot(deck, version.snapshot_id)
        fitted, later = _split(deck, settings, version, table)
    except ModeldeckError as error:
        note = f"unavailable: {error.message}"
        return Reference(left_out={one["name"]: (one["type"], note) for one in inputs}, prediction_note=note)
    found = Reference(rows=len(fitted))
    key = _key(deck, settings)
    tokenised = set(settings.data.personal) if settings.log.personal == "token" else set()
    for column in inputs:
        _add_column(found, fitted, column, settings, tokenised, key)
    found.key_id = key.id if key else None
    if settings.task == "classification" and settings.data.target in fitted.column_names:
        counts = pc.value_counts(fitted[settings.data.target].drop_null()).to_pylist()
        total = sum(one["counts"] for one in counts)
        found.classes = {class_text(one["values"]): one["counts"] / total for one in counts}
    found.prediction, found.prediction_note = _prediction_profile(deck, version, later)
    return found


def positive_class(version: Version) -> str | None:
    """Return the class whose score is watched: the decision's, else the second of two, else None."""
    classes = version.signature.get("classes") or []
    return version.decision.get("positive") or (classes[1] if len(classes) == 2 else None)


def ranks(version: Version) -> bool:
    """Say whether a version answers ranked lists."""
    return any(one["name"] == "items" for one in version.signature.get("outputs", ()))


def best_items(listed: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the first item of each list, which is watched in place of the whole list."""
    return pc.list_element(listed.filter(pc.greater(pc.list_value_length(listed), 0)), 0)


def prediction_column(version: Version) -> str:
    """Return the output column whose distribution is watched: value, score of the positive class, or listed items."""
    if ranks(version):
        return "outputs.items"
    if not version.signature.get("classes"):
        return "outputs.value"
    positive = positive_class(version)
    return f"outputs.scores.{positive}" if positive else "outputs.label"


def _split(deck: Deck, settings: ModelSettings, version: Version, table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows the version was fitted on, and the later ones; without a time both are all rows."""
    from engine.model_io.rows import times_us, zone_of

    name = settings.data.time_column
    if version.cutoff_at is None or name is None or name not in table.column_names:
        return table, table
    times = times_us(table[name], zone_of(deck.database, version.settings_revision))
    old = pa.array(times <= version.cutoff_at)
    fitted = table.filter(old)
    used = (version.evaluation.get("rows") or {}).get("train") or len(fitted)  # a tight budget fits the newest only
    return fitted.slice(max(0, len(fitted) - used)), table.filter(pc.invert(old))


def _key(deck: Deck, settings: ModelSettings) -> LogKey | None:
    from engine.serving.tokens import LogKey

    if not settings.data.personal or settings.log.personal != "token":
        return None
    try:
        return LogKey.read(deck.workspace.keys / "log")
    except (OSError, ValueError):
        return None


def _add_column(
    found: Reference,
    fitted: pa.Table,
    column: dict[str, Any],
    settings: ModelSettings,
    tokenised: set[str],
    key: LogKey | None,
) -> None:
    name, kind = column["name"], column["type"]
    if kind == "datetime" or name == settings.data.time_column:
        found.left_out[name] = ("datetime", MOVES)
    elif name not in fitted.column_names or not len(fitted):
        found.left_out[name] = (kind, "unavailable: the training snapshot does not hold it")
    elif name in tokenised:
        _add_tokenised(found, fitted[name], name, key)
    else:
        seen = drift.kind_of(fitted[name])
        if seen in ("datetime", "identifier"):
            found.left_out[name] = (seen, MOVES if seen == "datetime" else IDENTIFIER)
        else:
            found.profiles[name] = drift.profile(name, fitted[name], seen)


def _add_tokenised(found: Reference, values: pa.ChunkedArray, name: str, key: LogKey | None) -> None:
    kind = drift.kind_of(values)
    if kind != "categorical":
        found.left_out[name] = (kind, f"unavailable: {kind} values are logged as tokens")
    elif key is None:
        found.left_out[name] = (kind, "unavailable: the deck's log key is not there to make tokens of the reference")
    else:
        encoded = values.combine_chunks().dictionary_encode()
        tokens = pa.array([key.token(name, one) for one in encoded.dictionary.to_pylist()], pa.string())
        found.profiles[name] = drift.profile(name, tokens.take(encoded.indices), "categorical", named=False)
        found.tokens_of |= {name}


def _prediction_profile(deck: Deck, version: Version, later: pa.Table) -> tuple[drift.Profile | None, str]:
    """Return the profile of what the version answers on rows it was not fitted on."""
    if not len(later):
        return None, "unavailable: the snapshot holds no row after the cut-off"
    try:
        answers = _answers(deck, version, later)
    except ModeldeckError as error:
        return None, f"unavailable: {error.message}"
    except Exception as error:  # the model is user code, which raises anything; drift of inputs is still worth having
        return None, f"unavailable: the version cannot be asked ({type(error).__name__}: {error})"
    kind: drift.Kind = "categorical" if pa.types.is_string(answers.type) else "numeric"
    return drift.profile(PREDICTION, answers, kind), ""


def _answers(deck: Deck, version: Version, later: pa.Table) -> pa.ChunkedArray:
    """Return the watched output for evenly spread later rows; asked once, then kept beside the predictions."""
    import pyarrow.parquet as pq

    from engine.model_io.load import score_version

    content = version.artifact_hash.removeprefix("sha256:")[:12]
    kept = deck.workspace.predictions / "reference" / f"{version.model}@{version.number}-{content}.parquet"
    if kept.is_file():
        return pq.ParquetFile(kept).read()[PREDICTION]
    if len(later) > MOST_SCORED:
        later = later.take(pa.array(range(0, len(later), -(-len(later) // MOST_SCORED))))
    guess = score_version(deck, version, later)
    positive = positive_class(version)
    if guess.items is not None:
        answers = pa.array([listed[0] for listed in guess.items if listed], pa.string())
    elif guess.values is not None:
        answers = pa.array(guess.values)
    elif positive is None:
        answers = pa.array(guess.labels.tolist(), pa.string())
    else:
        answers = pa.array(guess.scores[:, list(guess.classes).index(positive)])
    table = pa.table({PREDICTION: answers})
    write_parquet(table, kept)
    return table[PREDICTION]
