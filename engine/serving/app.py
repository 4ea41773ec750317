"""What a model server answers: /predict with rows as records, the V2 protocol, health, metrics and its description."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from engine.serving import golden, v2
from engine.serving.asking import Infers, NotReady, Rows, told_of
from engine.serving.batch import Batcher, Overloaded
from engine.serving.contract import Coded, InputError
from engine.serving.deadline import patience_s
from engine.serving.description import example_of, openapi
from engine.serving.http import HTML, TEXT, Answer, Client, Request, failure, plain_body
from engine.serving.log import LogFull, SegmentLog
from engine.serving.metrics import ServerMetrics
from engine.serving.page import POLICY, page
from engine.serving.predict import PredictError, Predictor
from engine.serving.record import Arrival, Recorder, arrival_of
from engine.serving.usage import Usage


class ServerApp:
    """Answers for one version. `batcher` is set once the loop runs; without a proven model everything is 503.

    `product` gives the version of this product, when somebody asks for it.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        predictor: Predictor,
        recorder: Recorder,
        log: SegmentLog,
        metrics: ServerMetrics,
        product: Callable[[], str],
    ) -> None:
        self.model: str = manifest["model"]
        self.version: int = manifest["version"]
        self.predictor = predictor
        self.metrics = metrics
        self.recorder = recorder
        self.usage = Usage()
        self.batcher: Batcher | None = None
        self.proof = "golden requests not asked yet"
        self.examples: list[dict[str, Any]] = []  # rows of the kind it answers, to show one of
        self._personal: list[str] = manifest["personal"]
        self._product = product
        self._log = log
        self._tolerance = float(manifest["tolerance"])
        self.version_head = b"x-modeldeck-version: %b@%d\r\n" % (self.model.encode(), self.version)
        base = f"/v2/models/{self.model}"
        self._bases = (f"{base}/versions/{self.version}", base)
        infers = Infers(self)
        self._forms: dict[str, Rows] = {"/predict": Rows(self), **{f"{one}/infer": infers for one in self._bases}}

    async def prove(self, recorded: Mapping[str, Any]) -> bool:
        """Ask the golden requests over the path of every request, and be ready or not accordingly."""
        assert self.batcher is not None
        rows = recorded["requests"]
        try:
            own = _Own(self.predictor.rows.code(rows), len(rows))
            self.batcher.submit(own)
            outputs = await own.future
            ok, self.proof = golden.compare(outputs, recorded["answers"], self._tolerance)
        except (InputError, PredictError) as error:
            ok, self.proof = False, f"golden requests failed: {error}"
        except Overloaded:
            return self.metrics.ready  # too busy to look: what was proven stands
        self.metrics.ready = ok
        return ok

    def handle(self, request: Request, client: Client) -> None:
        """Answer one request."""
        form = self._forms.get(request.path)
        if form is None:
            client.reply(self._look(request))
        elif request.method == b"POST":
            self._infer(request, client, form)
        else:
            told = f"{request.path} takes POST"
            client.reply(_refusal(405, "method_not_allowed", told, is_v2=form.is_v2, head=b"allow: POST\r\n"))

    def _look(self, request: Request) -> Answer:
        path = request.path
        is_v2 = path == "/v2" or path.startswith("/v2/")
        if request.method not in (b"GET", b"HEAD"):
            message = f"nothing at {request.method.decode('latin-1')} {path[:200]}"
            return _refusal(404, "not_found", message, is_v2=is_v2)
        ready = self.metrics.ready
        status = 200 if ready else 503
        if path in ("/health/live", "/v2/health/live"):
            return Answer(200, b'{"live":true}')
        if path == "/v2/health/ready":
            return Answer(status, orjson.dumps({"ready": ready}))
        if path == "/health/ready":
            way = "compiled" if self.predictor.is_compiled else "pipeline"
            told: dict[str, Any] = {
                "ready": ready,
                "model": self.model,
                "version": self.version,
                "served": way,
                "golden": self.proof,
            }
            requests = sum(self.metrics.requests.values())
            told["used"] = {"requests": requests, "predictions": self.metrics.predictions, **self.usage.told()}
            if self._log.trouble:
                told["log"] = self._log.trouble
            return Answer(status, orjson.dumps(told))
        if path in ("/docs", "/docs/", "/openapi.json"):
            return self._described(path)
        if path == "/metrics":
            return Answer(200, self.metrics.text(self.usage.byte_seconds).encode(), TEXT)
        if path in ("/v2", "/v2/"):
            product = self._product()
            return Answer(200, orjson.dumps({"name": "modeldeck", "version": product, "extensions": v2.EXTENSIONS}))
        if path in self._bases:
            signature = self.predictor.signature
            described = v2.metadata(self.model, self.version, signature, is_compiled=self.predictor.is_compiled)
            return Answer(200, orjson.dumps(described))
        if path.endswith("/ready") and path[:-6] in self._bases:
            return Answer(status, orjson.dumps({"name": self.model, "ready": ready}))
        message = f"nothing at {path[:200]}: this serves {self.model}@{self.version}"
        return _refusal(404, "not_found", message, is_v2=is_v2)

    def _described(self, path: str) -> Answer:
        signature, also = self.predictor.signature, self.predictor.also
        told = (self.model, self.version, signature, example_of(signature, self.examples, self._personal), also)
        if path == "/openapi.json":
            return Answer(200, orjson.dumps(openapi(*told, self._product())))
        return Answer(200, page(*told), HTML, POLICY)

    def _infer(self, request: Request, client: Client, form: Rows) -> None:
        arrival = arrival_of(request.headers)
        try:
            patience = patience_s(request.headers)
            if self.batcher is None or not (self.metrics.ready or arrival.kind == "golden"):
                raise NotReady(f"{self.model}@{self.version} is not ready: {self.proof}")
            until = arrival.begun_ns / 1e9 + patience
            self.batcher.admit(until)
            one = form.read(request, plain_body(request), arrival, client)
            one.until = min(until, arrival.begun_ns / 1e9 + one.patience_s)
            self.batcher.submit(one)
        except (InputError, NotReady, Overloaded) as refused:
            self.refuse(refused, arrival, client, form)

    def refuse(self, error: Exception, arrival: Arrival, client: Client, form: Rows) -> None:
        """Answer a request that gets no prediction, and have that on the log."""
        status, told, extra = told_of(error)
        try:
            self._log.write(self.recorder.refusal(arrival, status, told["message"]))
        except LogFull:
            self.metrics.log_failures += 1
        self.metrics.count(status, (time.monotonic_ns() - arrival.begun_ns) / 1e9)
        client.reply(Answer(status, orjson.dumps(form.error(told)), head=self.head(arrival) + extra))

    def head(self, arrival: Arrival) -> bytes:
        """Return the header lines of every answer to a request for predictions."""
        return b"%bx-modeldeck-request-id: %b\r\n" % (self.version_head, arrival.request_id.encode())


class _Own:
    """Rows the server asks itself; they are on no log."""

    def __init__(self, coded: Coded, count: int) -> None:
        self.coded = coded
        self.count = count
        self.until = math.inf
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def is_gone(self) -> bool:
        """Say whether nobody waits any more."""
        return self.future.done()

    def lines(self, _outputs: Sequence[Any]) -> bytes:
        """Return no line."""
        return b""

    def settle(self, found: Any) -> None:
        """Hand over what was found."""
        if self.future.done():
            return
        if isinstance(found, Exception):
            self.future.set_exception(found)
        else:
            self.future.set_result(found)


def _refusal(status: int, code: str, message: str, *, is_v2: bool, head: bytes = b"") -> Answer:
    if not is_v2:
        return failure(status, code, message, head)
    return Answer(status, orjson.dumps({"error": message, "code": code}), head=head)
