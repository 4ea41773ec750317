"""Attributions of logged predictions, computed after collection and kept beside the log: `[log] attributions`.

A share of the predictions is explained, the same ones each time: those whose id hashes below the share. None of it
happens where traffic is answered.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.monitoring import attributions as kept
from engine.monitoring.predictions import read_versions
from engine.serving.contract import InputError
from engine.serving.predict import PredictError
from engine.training.differences import frame_of
from engine.training.explanation import attributions
from engine.training.subject import Subject, subject_of
from engine.training.trial import one_quiet_thread
from engine.training.unread import read_by_value
from store import versions
from store.errors import ModeldeckError

if TYPE_CHECKING:
    from engine.deck import Deck
    from engine.settings.model import ModelSettings

MOST = 500  # predictions of a version that one job explains, the newest first
SECONDS = 60.0  # of one job
TOGETHER = 25  # rows explained at once, between two looks at the clock
COLUMNS = ("prediction_id", "received_at", "status", "key_id")


def explain_logged(
    deck: Deck,
    settings: ModelSettings,
    from_us: int,
    to_us: int,
    progress: Callable[[float, str], None] = lambda _share, _text: None,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Explain the chosen predictions received in the span, and keep what comes of it.

    Returns `{"kept", "left", "tokens", "notes"}`: how many were kept, how many of the chosen there was no time for or
    were too many, how many could not be explained as the log holds tokens of theirs, and per version what went wrong.
    """
    until = time.monotonic() + seconds
    told: dict[str, Any] = {"kept": 0, "left": 0, "tokens": 0, "notes": []}
    for number, table in sorted(read_versions(deck, settings.name, from_us, to_us, columns=COLUMNS).items()):
        answered = table.filter(pc.equal(table["status"], 200))
        known = set(kept.read(deck, settings.name, number, from_us, to_us)["prediction_id"].to_pylist())
        mine = [one not in known and is_chosen(one, settings.log.attributions) for one in _ids(answered)]
        chosen = answered.filter(pa.array(mine, pa.bool_()))
        if not len(chosen):
            continue
        newest, done = chosen, 0
        try:
            with one_quiet_thread():
                subject = subject_of(deck, versions.version(deck.database, settings.name, number))
                plain = _plain(chosen, subject)
                told["tokens"] += len(chosen) - len(plain)
                newest = plain.slice(max(0, len(plain) - MOST))
                told["left"] += len(plain) - len(newest)
                progress(0.1, f"explaining {len(newest)} predictions of version {number}")
                done = _explain(deck, subject, newest, until) if len(newest) else 0
        except (ModeldeckError, PredictError, InputError) as error:
            told["notes"].append(f"version {number}: {' '.join(str(error).split())}")
        told["kept"] += done
        told["left"] += len(newest) - done
    return told


def _plain(chosen: pa.Table, subject: Subject) -> pa.Table:
    """Return the rows that say all the version reads: a token does not, of a column that it reads by value."""
    if not read_by_value(subject.predictor, subject.settings.data.personal):
        return chosen
    return chosen.filter(pc.is_null(chosen["key_id"]))


def is_chosen(prediction_id: str, share: float) -> bool:
    """Tell whether a prediction is of the share that is explained: by its id, so that it is always the same."""
    return zlib.crc32(prediction_id.encode()) < share * 2**32


def _ids(table: pa.Table) -> list[str]:
    return table["prediction_id"].to_pylist()  # type: ignore[no-any-return]


def _explain(deck: Deck, subject: Subject, chosen: pa.Table, until: float) -> int:
    """Explain the newest first, some at a time, until the time is up; returns how many were kept."""
    model, number = subject.version.model, subject.version.number
    times = chosen["received_at"].to_pylist()
    logged = read_versions(deck, model, times[0], times[-1] + 1)[number]
    rows = logged.filter(pc.is_in(logged["prediction_id"], chosen["prediction_id"]))
    done = 0
    while done < len(rows) and time.monotonic() < until:
        size = min(TOGETHER, len(rows) - done)
        done += kept.keep(deck, model, number, explained(deck, subject, rows.slice(len(rows) - done - size, size)))
    return done


def explained(deck: Deck, subject: Subject, rows: pa.Table) -> list[dict[str, Any]]:
    """Return logged rows with their attributions, as `monitoring.attributions` keeps them, in order.

    Raises:
        InputError: they do not fit the version. PredictError: the model raised.
    """
    frame = frame_of(rows, subject.predictor)
    answers = subject.predictor.predict_frame(frame)
    told: list[dict[str, Any]] = [{} for _ in answers]
    now = deck.clock.now()
    for places, found in attributions(subject, frame):
        for at, place in enumerate(places.tolist()):
            told[place] = {
                "prediction_id": rows["prediction_id"][place].as_py(),
                "received_at": rows["received_at"][place].as_py(),
                "computed_at": now,
                "explains": subject.explains,
                "scale": found.scale,
                "method": found.method,
                "background": len(subject.background),
                "base": found.base,
                "predicted": float(found.predictions[at]),
                "prediction": json.dumps(answers[place]),
                **_by_column(kept.CONTRIBUTION, found.columns, found.contributions[at]),
                **_by_column(kept.ERROR, found.columns, None if found.errors is None else found.errors[at]),
            }
    return told


def _by_column(start: str, columns: Sequence[str], values: Any) -> dict[str, float | None]:
    return {f"{start}{name}": None if values is None else float(values[at]) for at, name in enumerate(columns)}
