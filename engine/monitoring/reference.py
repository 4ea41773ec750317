"""What a version was trained on, as drift profiles: the snapshot's rows up to its cut-off, in time order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures import drift
from engine.measures.estimate import Calibration
from engine.measures.expected_loss import LossModel
from engine.measures.joint import Joint
from engine.measures.quality import Norm, norm_of
from engine.measures.slicing import Slicing, slicing_of
from engine.monitoring import asked
from engine.monitoring.importance import importance_of
from engine.monitoring.layout import write_durably
from engine.monitoring.losses import ANSWER, loss_of
from engine.monitoring.together import sample_reference
from engine.monitoring.watched import PREDICTION
from engine.serving.contract import class_text
from store.errors import ModeldeckError

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.serving.tokens import LogKey
    from engine.settings.model import ModelSettings
    from store.rows import Version

MOVES = "left out: times always move"
IDENTIFIER = "left out: nearly every value is a new one"
FORM = 8  # of what is kept; another form is made anew
FITTED = "the data has no times, by which rows the version was not fitted on could be told"
FEWEST_OF_SLICE = 50  # answers of a group below which its drift is not told
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
    calibration: Calibration | None = None  # of a classification's scores
    calibration_note: str = ""
    loss: LossModel | None = None  # of a regression's primary metric
    loss_note: str = ""
    norms: dict[str, Norm] = field(default_factory=dict)  # what is usual of an input's faults
    slicings: dict[str, Slicing] = field(default_factory=dict)  # of the columns whose slices are watched
    slice_answers: dict[str, dict[str, drift.Profile]] = field(default_factory=dict)  # column -> group -> its answers
    joint: Joint | None = None  # of the inputs that can be compared
    is_whole: bool = True  # False: something could not be read that may be there another time

    def to_state(self) -> dict[str, Any]:
        """Return it as plain data, of which `from_state` makes it again."""
        return {
            "rows": self.rows,
            "profiles": {name: drift.to_state(one) for name, one in self.profiles.items()},
            "left_out": {name: list(why) for name, why in self.left_out.items()},
            "tokens_of": sorted(self.tokens_of),
            "key_id": self.key_id,
            "classes": self.classes,
            "prediction": drift.to_state(self.prediction) if self.prediction else None,
            "prediction_note": self.prediction_note,
            "calibration": self.calibration.to_state() if self.calibration else None,
            "calibration_note": self.calibration_note,
            "loss": self.loss.to_state() if self.loss else None,
            "loss_note": self.loss_note,
            "norms": {name: one.to_state() for name, one in self.norms.items()},
            "slicings": [one.to_state() for one in self.slicings.values()],
            "slice_answers": {
                name: {group: drift.to_state(one) for group, one in groups.items()}
                for name, groups in self.slice_answers.items()
            },
            "joint": self.joint.to_state() if self.joint else None,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Reference:
        """Return the reference that `to_state` told of."""
        return cls(
            state["rows"],
            {name: drift.from_state(one) for name, one in state["profiles"].items()},
            {name: (kind, note) for name, (kind, note) in state["left_out"].items()},
            frozenset(state["tokens_of"]),
            state["key_id"],
            state["classes"],
            drift.from_state(state["prediction"]) if state["prediction"] else None,
            state["prediction_note"],
            Calibration.from_state(state["calibration"]) if state["calibration"] else None,
            state["calibration_note"],
            LossModel.from_state(state["loss"]) if state["loss"] else None,
            state["loss_note"],
            {name: Norm.from_state(one) for name, one in state["norms"].items()},
            {one["name"]: Slicing.from_state(one) for one in state["slicings"]},
            {
                name: {group: drift.from_state(one) for group, one in groups.items()}
                for name, groups in state["slice_answers"].items()
            },
            Joint.from_state(state["joint"]) if state["joint"] else None,
        )


def reference_of(deck: Deck, settings: ModelSettings, version: Version) -> Reference:
    """Return the profiles of a version, made once and then kept beside the predictions.

    Column names come from the version's signature. `settings` says what is personal and what the target is called.
    Where the snapshot cannot be read every column says so, and the next call tries again.
    """
    key = _key(deck, settings)
    kept = _place(deck, version, f"{_terms(settings, version, key)}.json")
    found = _kept(kept)
    if found is None:
        found = _made(deck, settings, version, key)
        if found.is_whole:
            write_durably(orjson.dumps(found.to_state()), kept)
    return found


def _place(deck: Deck, version: Version, name: str) -> Path:
    content = version.artifact_hash.removeprefix("sha256:")[:12]
    return deck.workspace.predictions / "reference" / f"{version.model}@{version.number}-{content}-{name}"


def _terms(settings: ModelSettings, version: Version, key: LogKey | None) -> str:
    """Return a hash of all that decides what a version's reference is."""
    data = settings.data
    told = [FORM, version.snapshot_id, version.cutoff_at, version.signature, version.decision, settings.task]
    told += [data.target, data.time_column, sorted(data.personal), settings.log.personal, key.id if key else None]
    told.append(_sliced(settings))
    told.append((version.evaluation.get("rows") or {}).get("train"))
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _kept(place: Path) -> Reference | None:
    try:
        return Reference.from_state(orjson.loads(place.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not made yet, or cut short: it is made again


def _made(deck: Deck, settings: ModelSettings, version: Version, key: LogKey | None) -> Reference:
    from engine.model_io.rows import read_snapshot

    inputs = version.signature.get("inputs", ())
    try:
        table = read_snapshot(deck, version.snapshot_id)
        fitted, later = _split(deck, settings, version, table)
    except ModeldeckError as error:
        note = f"unavailable: {error.message}"
        left_out = {one["name"]: (one["type"], note) for one in inputs}
        return Reference(left_out=left_out, prediction_note=note, is_whole=False)
    found = Reference(rows=len(fitted))
    tokenised = set(settings.data.personal) if settings.log.personal == "token" else set()
    for column in inputs:
        _add_column(found, fitted, column, settings, tokenised, key)
    found.key_id = key.id if key else None
    found.joint = sample_reference(
        found.profiles, lambda name, rows: _logged(found, rows, name, key), fitted, importance_of(version)
    )
    for name in _sliced(settings):
        if name in found.profiles or name in found.left_out:  # others are not in the log
            _add_slicing(found, fitted, name, settings, tokenised, key)
    if settings.task == "classification" and settings.data.target in fitted.column_names:
        counts = pc.value_counts(fitted[settings.data.target].drop_null()).to_pylist()
        total = sum(one["counts"] for one in counts)
        found.classes = {class_text(one["values"]): one["counts"] / total for one in counts}
    _add_prediction(found, deck, settings, version, later, key)
    return found


def _sliced(settings: ModelSettings) -> tuple[str, ...]:
    """Return the columns whose groups are watched: those of slices and those of fairness."""
    return tuple(dict.fromkeys((*settings.gates.slices, *settings.fairness.columns)))


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
            found.norms[name] = norm_of(found.profiles[name], fitted[name])


def _add_slicing(
    found: Reference, fitted: pa.Table, name: str, settings: ModelSettings, tokenised: set[str], key: LogKey | None
) -> None:
    if name not in fitted.column_names or not len(fitted) or (name in tokenised and key is None):
        return
    values = _tokens(fitted[name], name, key) if name in tokenised and key is not None else fitted[name]
    found.slicings[name] = slicing_of(name, values, named=name not in settings.data.personal)


def _add_tokenised(found: Reference, values: pa.ChunkedArray, name: str, key: LogKey | None) -> None:
    kind = drift.kind_of(values)
    if kind != "categorical":
        found.left_out[name] = (kind, f"unavailable: {kind} values are logged as tokens")
    elif key is None:
        found.left_out[name] = (kind, "unavailable: the deck's log key is not there to make tokens of the reference")
    else:
        tokens = _tokens(values, name, key)
        found.profiles[name] = drift.profile(name, tokens, "categorical", named=False)
        found.norms[name] = norm_of(found.profiles[name], tokens)
        found.tokens_of |= {name}


def _tokens(values: pa.ChunkedArray, name: str, key: LogKey) -> pa.Array:
    encoded = values.combine_chunks().dictionary_encode()
    tokens = pa.array([key.token(name, one) for one in encoded.dictionary.to_pylist()], pa.string())
    return tokens.take(encoded.indices)


def _add_prediction(
    found: Reference, deck: Deck, settings: ModelSettings, version: Version, later: pa.Table, key: LogKey | None
) -> None:
    """Add the profile of what the version answers on rows it was not fitted on."""
    if not len(later):
        found.prediction_note = "unavailable: the snapshot holds no row after the cut-off"
        return
    if len(later) > MOST_SCORED:
        later = later.take(pa.array(range(0, len(later), -(-len(later) // MOST_SCORED))))
    try:
        told = asked.answers(
            deck, version, later, settings.data.target, _place(deck, version, f"{FORM}-answers.parquet")
        )
    except ModeldeckError as error:  # drift of inputs is still worth having
        found.prediction_note, found.is_whole = f"unavailable: {error.message}", False
        return
    kind: drift.Kind = "categorical" if pa.types.is_string(told.values.type) else "numeric"
    found.prediction = drift.profile(PREDICTION, told.values, kind)
    _add_slice_answers(found, later, told.values, kind, key)
    if version.cutoff_at is None or settings.data.time_column is None:
        found.calibration_note = found.loss_note = FITTED
        return
    found.calibration, found.calibration_note = told.calibration, told.note
    if settings.task in ("regression", "forecasting"):
        profiles = {**found.profiles, **({ANSWER: found.prediction} if found.prediction else {})}
        columns = {name: _logged(found, later, name, key) for name in found.profiles if name in later.column_names}
        truth = later[settings.data.target] if settings.data.target in later.column_names else None
        model = loss_of(settings, version, profiles, {**columns, ANSWER: told.values}, truth)
        found.loss, found.loss_note = (model, "") if isinstance(model, LossModel) else (None, model)


def _add_slice_answers(
    found: Reference, later: pa.Table, answers: pa.ChunkedArray, kind: drift.Kind, key: LogKey | None
) -> None:
    """Add the profile of the answers of each group that has enough of them; lists may be fewer than rows: then none."""
    if len(answers) != len(later):
        return
    for name, slicing in found.slicings.items():
        if name not in later.column_names:
            continue
        codes = slicing.codes(_logged(found, later, name, key))
        groups: dict[str, drift.Profile] = {}
        for code, label in enumerate(slicing.groups):
            mine = answers.filter(pa.array(codes == code))
            if len(mine) >= FEWEST_OF_SLICE:
                groups[label] = drift.profile(PREDICTION, mine, kind)
        found.slice_answers[name] = groups


def _logged(found: Reference, rows: pa.Table, name: str, key: LogKey | None) -> pa.Array | pa.ChunkedArray:
    """Return a column of the snapshot as the log holds it."""
    return _tokens(rows[name], name, key) if key is not None and name in found.tokens_of else rows[name]
