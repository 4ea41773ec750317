"""`modeldeck predict` and `modeldeck outcomes`: rows of a file to an endpoint, and what really happened back to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from console.commands.records import batches, read_records
from console.commands.session import Session
from console.commands.values import said
from console.output import Column, Output
from engine.operations.models import VersionsRequest
from engine.operations.serving import Predictions, PredictRequest
from engine.operations.watching import OutcomesRequest, OutcomesTaken
from store.errors import Refused
from store.rows import Alias, Version

if TYPE_CHECKING:
    from engine.client import Client

BATCH_ROWS = 1000  # rows asked at once, well below what a server takes
OUTCOME_ROWS = 10_000  # rows delivered at once
NAMED = 5  # unknown prediction ids


def run(session: Session) -> int:
    """Predict every row of a file; with --json the list of prediction records in row order."""
    request, out = session.said.request, session.output
    with session.client() as client:
        types = {each["name"]: each["type"] for each in _signature(client, request.model).get("inputs", ())}
        rows = read_records(request.file, out.stdin, types)
        records: list[dict[str, Any]] = []
        version, ignored = 0, dict[str, None]()
        for start, batch in batches(rows, BATCH_ROWS):
            answer = _ask(client, request.model, batch, start)
            records += answer.records
            version = answer.version
            ignored |= dict.fromkeys(answer.ignored)
    note_ignored(tuple(ignored), out)
    if out.as_json:
        out.data(records)
    else:
        _table(records, out)
        out.note(f"{len(records)} predictions by {request.model}@{version}")
    return 0


def note_ignored(names: tuple[str, ...], out: Output) -> None:
    """Tell which columns of a person's rows were not looked at."""
    if names:
        is_one = len(names) == 1
        out.note(f"not looked at: column{'' if is_one else 's'} {', '.join(names)}, which no version reads")


def outcomes(session: Session) -> int:
    """Deliver outcomes of a file."""
    request, out = session.said.request, session.output
    with session.client() as client:
        rows = read_records(request.file, out.stdin, {"value": _outcome_type(_signature(client, request.model))})
        _need_keys(rows, request.file)
        origin = request.origin or f"file {request.file}"
        taken = [
            _deliver(client, OutcomesRequest(request.model, origin, tuple(batch)), start)
            for start, batch in batches(rows, OUTCOME_ROWS)
        ]
    if out.as_json:
        out.data(taken)
        return 0
    matched, revised, unknown = (sum(getattr(batch, name) for batch in taken) for name in _COUNTS)
    out.line(f"{len(rows)} outcomes of {request.model}: {matched} matched, {revised} revised, {unknown} unknown")
    if unknown:
        named = [one for batch in taken for one in batch.unknown_ids][:NAMED]
        beyond = f" and {unknown - len(named)} more" if unknown > len(named) else ""
        out.note(f"no log knows prediction {', '.join(named)}{beyond}; kept, and joined should the prediction arrive")
    return 0


_COUNTS = ("matched", "revised", "unknown")


def _signature(client: Client, model: str) -> dict[str, Any]:
    """Return the signature of the version that serves, else of the newest: it says what CSV cells are."""
    aliases: tuple[Alias, ...] = client.call("aliases.list")
    serving = next((one.version for one in aliases if (one.model, one.name) == (model, "champion")), None)
    one = VersionsRequest(model, f"number={serving}" if serving is not None else "", limit=1)
    found: tuple[Version, ...] = client.call("versions.list", one)
    return found[0].signature if found else {}


def _outcome_type(signature: dict[str, Any]) -> str:
    """Return what an outcome's value is: the type of the label, text that lists items, a number for a regression."""
    outputs = {each["name"]: each["type"] for each in signature.get("outputs", ())}
    if "items" in outputs:
        return "string"
    if set(signature.get("classes", ())) == {"false", "true"}:
        return "boolean"  # however a file writes them: True, yes, 1
    return str(outputs.get("label") or outputs.get("value") or "number")


_PLACE = re.compile(
    r"(^outcome row |^[\w-]+: row |^[\w-]+: the model's answer for row |; nor is row |['\"], row )(\d+)"
)


def _in_file(message: str, start: int) -> str:
    """Return what is told of rows of a piece with their numbers in the file, whose first row after the header is 1."""
    return _PLACE.sub(lambda found: f"{found[1]}{int(found[2]) + start}", message)


def _ask(client: Client, model: str, batch: list[dict[str, Any]], start: int) -> Predictions:
    try:
        answer: Predictions = client.call("serving.predict", PredictRequest(model, tuple(batch)))
    except Refused as error:
        raise Refused(_in_file(error.message, start), error.hint) from None
    return answer


def _deliver(client: Client, delivery: OutcomesRequest, start: int) -> OutcomesTaken:
    try:
        taken: OutcomesTaken = client.call("outcomes.record", delivery)
    except Refused as error:
        before = f" (the {start} rows before were taken, and may be delivered again)" if start else ""
        raise Refused(f"{_in_file(error.message, start)}{before}", error.hint) from None
    return taken


def _need_keys(rows: list[dict[str, Any]], name: str) -> None:
    for number, row in enumerate(rows, 1):
        for key in ("prediction_id", "value"):
            if row.get(key) is None:
                raise Refused(f"{name} row {number}: no {key}", "each row needs prediction_id and value")


def _table(records: list[dict[str, Any]], out: Output) -> None:
    names = list(dict.fromkeys(name for record in records for name in record))
    if "items" in names and out.fits:
        names.remove("scores")  # the list is the answer; its scores are in --json
    out.table([_column(name) for name in names], records)


def _column(name: str) -> Column:
    lists = name in ("items", "scores")
    return Column(
        name,
        lambda row, out: _cell(name, row.get(name), out),
        right=name != "prediction_id" and not lists,
        shrink=lists,
    )


def _cell(name: str, value: Any, out: Output) -> str:
    if name == "scores":
        return ", ".join(f"{score:.4g}" for score in value or ())
    return said(name, value, out)
