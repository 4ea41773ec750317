"""Later real rows as live traffic, over HTTP in time order, a bounded batch at a time; their outcomes told late."""

from __future__ import annotations

import http.client
import json
from collections import deque
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.operations.common import ModelRequest
from engine.operations.watching import OutcomesRequest
from store.errors import Unavailable, WorkFailed

if TYPE_CHECKING:
    from console.demo.files import Recipe
    from engine.client import Client
    from engine.settings.model import ModelSettings
    from engine.workspace import Workspace

DELIVERY_ROWS = 500  # outcomes told at once
TRIES = 3
ANSWER_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class LaterRow:
    """One row that the models were not trained on: when it happened, what was known, what came of it."""

    at: datetime
    record: dict[str, Any]
    outcome: Any


@dataclass(frozen=True, slots=True)
class Awaited:
    """A prediction whose outcome is not told yet."""

    prediction_id: str
    row: LaterRow


def later_rows(workspace: Workspace, settings: ModelSettings, recipe: Recipe, inputs: set[str]) -> list[LaterRow]:
    """Return the rows of the replay span in time order, each with the version's inputs only.

    Raises:
        WorkFailed: the source cannot be read.
    """
    from engine.data.gathering import gather

    time_column = settings.data.time_column
    if time_column is None:
        raise WorkFailed(f"{settings.name} has no time column, so its rows have no order to be replayed in")
    table = gather(replace(settings.data, features=()), workspace.root, workspace, "UTC")
    start, end = datetime.fromisoformat(recipe.replay_from), datetime.fromisoformat(recipe.replay_to)
    rows: list[LaterRow] = []
    for row in table.to_pylist():
        at = _naive(row[time_column])
        if start <= at < end:
            # the time may come along although the model does not look at it: windows by event time are made of it
            record = {name: _plain(value) for name, value in row.items() if name in inputs or name == time_column}
            rows.append(LaterRow(at, record, _plain(row[settings.data.target])))
    rows.sort(key=lambda row: row.at)
    return rows


class Replay:
    """Sends rows and tells their outcomes; `told` rows were sent and labelled by an earlier, unfinished demo."""

    def __init__(self, client: Client, recipe: Recipe, rows: list[LaterRow], told: int) -> None:
        self._client = client
        self._recipe = recipe
        self._rows = rows
        self._next = min(told, len(rows))
        self._delay = timedelta(days=recipe.label_delay_days)
        self._awaited: deque[Awaited] = deque()
        self._address = _Address(client, recipe.model)
        self.sent = 0
        self.told = 0

    @property
    def fraction(self) -> float:
        """How much of the replay has been sent."""
        return self._next / len(self._rows) if self._rows else 1.0

    @property
    def is_over(self) -> bool:
        """True once every row was sent."""
        return self._next >= len(self._rows)

    @property
    def awaits_nothing(self) -> bool:
        """True while every row sent has had its outcome told."""
        return not self._awaited

    @property
    def now(self) -> datetime:
        """The replay's own time: when the newest row sent happened."""
        return self._rows[max(0, self._next - 1)].at

    def send(self) -> None:
        """Send the next rows as one request, and tell the outcomes that are due.

        Raises:
            Unavailable: nobody answers.
            WorkFailed: the endpoint refused the rows.
        """
        piece = self._rows[self._next : self._next + self._recipe.rows_per_request]
        answer = self._address.ask([row.record for row in piece])
        predictions = answer["predictions"]
        self._awaited.extend(Awaited(each["prediction_id"], row) for each, row in zip(predictions, piece, strict=True))
        self._next += len(piece)
        self.sent += len(piece)
        self.tell_due()

    def tell_due(self) -> None:
        """Tell the outcomes that are old enough, once there are enough of them for a delivery."""
        due = 0
        for awaited in self._awaited:
            if awaited.row.at + self._delay > self.now:
                break
            due += 1
        if due >= DELIVERY_ROWS:
            self._tell(due)

    def tell_rest(self) -> None:
        """Tell every outcome still awaited: time went on after the last row."""
        while self._awaited:
            self._tell(min(DELIVERY_ROWS, len(self._awaited)))

    def close(self) -> None:
        """Close the connection."""
        self._address.close()

    def _tell(self, count: int) -> None:
        due = [self._awaited.popleft() for _ in range(count)]
        rows = tuple(
            {
                "prediction_id": each.prediction_id,
                "value": each.row.outcome,
                "observed_at": f"{(each.row.at + self._delay).isoformat()}Z",
            }
            for each in due
        )
        self._client.call("outcomes.record", OutcomesRequest(self._recipe.model, "demo replay", rows))
        self.told += count


class _Address:
    """A kept connection to an endpoint's router."""

    def __init__(self, client: Client, model: str) -> None:
        self._client = client
        self._model = model
        self._connection: http.client.HTTPConnection | None = None
        self._path = ""

    def ask(self, records: list[dict[str, Any]]) -> dict[str, Any]:
        payload = json.dumps({"rows": records}).encode()
        for attempt in range(TRIES):
            try:
                status, body = self._post(payload)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt == TRIES - 1:
                    raise Unavailable(f"{self._model} does not answer ({error})", "modeldeck deployments") from error
                continue
            if status != http.client.OK:
                raise WorkFailed(f"{self._model} answered {status}: {body.get('error', body)}", "modeldeck deployments")
            return body
        raise Unavailable(f"{self._model} does not answer", "modeldeck deployments")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, payload: bytes) -> tuple[int, dict[str, Any]]:
        if self._connection is None:
            url = self._url()
            parts = urlsplit(url)
            self._path = f"{parts.path.rstrip('/')}/predict"
            self._connection = http.client.HTTPConnection(
                parts.hostname or "127.0.0.1", parts.port, timeout=ANSWER_WITHIN_S
            )
        self._connection.request("POST", self._path, payload, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        body = answer.read()
        try:
            return answer.status, json.loads(body)
        except ValueError:
            return answer.status, {"error": body[:200].decode(errors="replace")}

    def _url(self) -> str:
        endpoint = self._client.call("endpoints.for_model", ModelRequest(self._model))
        if not endpoint.addresses:
            raise Unavailable(f"{self._model} has no address yet", "modeldeck endpoints")
        return str(endpoint.addresses.get("local") or next(iter(endpoint.addresses.values())))


def _naive(value: Any) -> datetime:
    """Return a row's time as UTC without a zone, to compare with the recipe's dates."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    raise WorkFailed(f"{value!r} is no time")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    return None if value != value else value  # noqa: PLR0124  only a NaN differs from itself
