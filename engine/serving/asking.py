"""Requests for predictions, in each of the two forms they come in: read, put on the log, answered, or refused."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from engine.serving import v2
from engine.serving.batch import Late, Outputs, Overloaded
from engine.serving.contract import MAX_ROWS, InputError
from engine.serving.http import BYTES, RETRY, Answer, Client, Request, read_json
from engine.serving.log import LogFull
from engine.serving.record import Arrival

if TYPE_CHECKING:
    from engine.serving.metrics import ServerMetrics
    from engine.serving.predict import Predictor
    from engine.serving.record import Recorder

_NOT_READY = b"x-modeldeck-not-ready: 1\r\n"  # a router asks another server


class Asked(Protocol):
    """What a request asks of the server that it came to."""

    model: str
    version: int
    predictor: Predictor
    recorder: Recorder
    metrics: ServerMetrics

    def refuse(self, error: Exception, arrival: Arrival, client: Client, form: Rows) -> None:
        """Say no, on the log too."""

    def head(self, arrival: Arrival) -> bytes:
        """Return the lines of an answer's head that say who answered."""


class NotReady(Exception):
    """The model is not proven."""


class Asking:
    """One request that waits for its predictions; see `batch.Waiting`."""

    __slots__ = (
        "_app", "_arrival", "_client", "_form", "_rows", "_written", "coded", "count", "infer", "patience_s", "until",
    )  # fmt: skip

    def __init__(
        self,
        app: Asked,
        form: Rows,
        arrival: Arrival,
        rows: list[Any],
        client: Client,
        *,
        written: bytes = b"",
        infer: v2.Infer | None = None,
    ) -> None:
        self.coded = app.predictor.rows.code(rows)
        self.count = len(rows)
        self.until = inf
        self.patience_s = inf if infer is None else infer.timeout_s
        self.infer = infer
        self._app = app
        self._form = form
        self._arrival = arrival
        self._rows = rows
        self._written = written  # the JSON that the rows were parsed from, where it holds nothing else
        self._client = client

    @property
    def request_id(self) -> str:
        """The id its predictions are kept under."""
        return self._arrival.request_id

    def is_gone(self) -> bool:
        """Say whether its client has gone: then the model is not asked, and nothing is on the log."""
        return self._client.is_gone()

    def lines(self, outputs: Outputs) -> bytes:
        """Return its log line."""
        return self._app.recorder.rows(self._arrival, self._rows, outputs, self._written)

    def settle(self, found: Outputs | Exception) -> None:
        """Answer it."""
        app, arrival = self._app, self._arrival
        if isinstance(found, Exception):
            app.refuse(found, arrival, self._client, self._form)
            return
        answer = self._form.answer(self, found)
        answer.head += app.head(arrival)
        if arrival.kind != "golden":
            app.metrics.predictions += self.count
        app.metrics.count(200, (time.monotonic_ns() - arrival.begun_ns) / 1e9)
        self._client.reply(answer)


class Rows:
    """The form of a request and its answer: a list of rows, or `{"rows": [...]}`; answered with one record for each."""

    is_v2 = False

    def __init__(self, app: Asked) -> None:
        self._app = app

    def read(self, _request: Request, body: bytes, arrival: Arrival, client: Client) -> Asking:
        """Return the request."""
        told = read_json(body)
        rows = told.get("rows") if isinstance(told, dict) else told
        if not isinstance(rows, list):
            raise InputError('the body must be a list of rows, or {"rows": […]}', status=400)
        if not rows:
            raise InputError("the request holds no rows", status=400)
        if len(rows) > MAX_ROWS:
            raise InputError(f"{len(rows)} rows in one request, at most {MAX_ROWS} are taken", status=413)
        return Asking(self._app, self, arrival, rows, client, written=body if rows is told else b"")

    def answer(self, one: Asking, outputs: Outputs) -> Answer:
        """Return the records, each with its id."""
        request_id = one.request_id
        told = {
            "model": self._app.model,
            "version": self._app.version,
            "request_id": request_id,
            "predictions": [
                {"prediction_id": f"{request_id}-{number}", **record} for number, record in enumerate(outputs)
            ],
        }
        return Answer(200, orjson.dumps(told))

    def error(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an error."""
        return {"error": told}


class Infers(Rows):
    """An infer request of the V2 protocol, JSON or binary."""

    is_v2 = True

    def read(self, request: Request, body: bytes, arrival: Arrival, client: Client) -> Asking:
        """Return the request."""
        infer = v2.read(body, request.headers.get(v2.LENGTH), self._app.predictor.signature)
        return Asking(self._app, self, arrival, infer.rows, client, infer=infer)

    def answer(self, one: Asking, outputs: Outputs) -> Answer:
        """Return the tensors asked for."""
        assert one.infer is not None
        body, length = v2.answer(self._app.model, self._app.version, one.request_id, one.infer, outputs)
        if length is None:
            return Answer(200, body)
        return Answer(200, body, BYTES, b"%b: %d\r\n" % (v2.LENGTH, length))

    def error(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return the body of an error: the protocol's own, with what is known more beside it."""
        return {"error": told["message"], **{name: value for name, value in told.items() if name != "message"}}


def told_of(error: Exception) -> tuple[int, dict[str, Any], bytes]:
    """Return status, error object and header lines of a failure."""
    if isinstance(error, InputError):
        return error.status, error.body(), b""
    if isinstance(error, LogFull):
        return 503, _error("log_full", f"{error}; nothing is predicted unrecorded"), RETRY % 1
    if isinstance(error, Overloaded):
        # not 503, upon which a proxy asks another server, or this one again: more of what there is too much of
        return 429, _error("overloaded", str(error)), RETRY % error.retry_s
    if isinstance(error, Late):
        return 504, _error("deadline_exceeded", str(error)), b""
    if isinstance(error, NotReady):
        return 503, _error("not_ready", str(error)), RETRY % 1 + _NOT_READY
    return 500, _error("model_failed", str(error)), b""


def _error(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}
