"""The model server as raw ASGI: /predict with rows as records, the V2 protocol, health and metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson

from engine.serving import golden, v2
from engine.serving.batch import Batcher, Overloaded
from engine.serving.contract import MAX_ROWS, InputError
from engine.serving.http import TEXT, Gone, Receive, Scope, Send, answer, read_body, read_json
from engine.serving.log import LogFull, SegmentLog
from engine.serving.metrics import ServerMetrics
from engine.serving.predict import PredictError, Predictor
from engine.serving.record import Arrival, Recorder
from engine.serving.request_ids import CLIENT_HEADER, HEADER, KIND_HEADER, KINDS, is_request_id, new_request_id

_ID, _CLIENT, _KIND = HEADER.encode(), CLIENT_HEADER.encode(), KIND_HEADER.encode()
_RETRY = (b"retry-after", b"1")


class ServerApp:
    """Answers for one version. `batcher` is set once the loop runs; without a proven model everything is 503."""

    def __init__(
        self,
        manifest: Mapping[str, Any],
        predictor: Predictor,
        recorder: Recorder,
        log: SegmentLog,
        metrics: ServerMetrics,
        product: str,
    ) -> None:
        self.model: str = manifest["model"]
        self.version: int = manifest["version"]
        self.predictor = predictor
        self.metrics = metrics
        self.batcher: Batcher | None = None
        self.proof = "golden requests not asked yet"
        self._recorder = recorder
        self._log = log
        self._tolerance = float(manifest["tolerance"])
        self._server = {"name": "modeldeck", "version": product, "extensions": []}
        self._version_header = (b"x-modeldeck-version", f"{self.model}@{self.version}".encode())
        base = f"/v2/models/{self.model}"
        self._bases = (f"{base}/versions/{self.version}", base)

    async def prove(self, recorded: Mapping[str, Any]) -> bool:
        """Ask the golden requests over the path of every request, and be ready or not accordingly."""
        assert self.batcher is not None
        rows = recorded["requests"]
        try:
            coded = self.predictor.rows.code(rows)
            outputs = await self.batcher.submit(coded, len(rows))
            ok, self.proof = golden.compare(outputs, recorded["answers"], self._tolerance)
        except (InputError, PredictError) as error:
            ok, self.proof = False, f"golden requests failed: {error}"
        except Overloaded:
            return self.metrics.ready  # too busy to look: what was proven stands
        self.metrics.ready = ok
        return ok

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        post = scope["method"] == "POST"
        if path == "/predict" and post:
            await self._infer(scope, receive, send, as_v2=False)
        elif path.endswith("/infer") and path[:-6] in self._bases and post:
            await self._infer(scope, receive, send, as_v2=True)
        elif path == "/predict" or (path.endswith("/infer") and path[:-6] in self._bases):
            await _refuse(send, 405, f"{path} takes POST", v2_form=path != "/predict", headers=((b"allow", b"POST"),))
        elif scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, 404, f"nothing at {scope['method']} {path}", v2_form=path.startswith("/v2"))
        else:
            await self._look(path, send)

    async def _look(self, path: str, send: Send) -> None:
        ready = self.metrics.ready
        status = 200 if ready else 503
        if path in ("/health/live", "/v2/health/live"):
            await answer(send, 200, b'{"live":true}')
        elif path == "/v2/health/ready":
            await answer(send, status, orjson.dumps({"ready": ready}))
        elif path == "/health/ready":
            way = "compiled" if self.predictor.is_compiled else "pipeline"
            told = {"ready": ready, "model": self.model, "version": self.version, "served": way, "golden": self.proof}
            if self._log.trouble:
                told["log"] = self._log.trouble
            await answer(send, status, orjson.dumps(told))
        elif path == "/metrics":
            await answer(send, 200, self.metrics.text().encode(), TEXT)
        elif path in ("/v2", "/v2/"):
            await answer(send, 200, orjson.dumps(self._server))
        elif path in self._bases:
            told = v2.metadata(
                self.model, self.version, self.predictor.signature, is_compiled=self.predictor.is_compiled
            )
            await answer(send, 200, orjson.dumps(told))
        elif path.endswith("/ready") and path[:-6] in self._bases:
            await answer(send, status, orjson.dumps({"name": self.model, "ready": ready}))
        else:
            await _refuse(
                send, 404, f"nothing at {path}: this serves {self.model}@{self.version}", v2_form="/v2" in path
            )

    async def _infer(self, scope: Scope, receive: Receive, send: Send, *, as_v2: bool) -> None:
        arrival = _arrival(scope)
        status = 200
        error: dict[str, Any] = {}
        extra: tuple[tuple[bytes, bytes], ...] = (self._version_header, (_ID, arrival.request_id.encode()))
        body = b""
        try:
            body = await self._predicted(receive, arrival, as_v2=as_v2)
        except Gone:
            return
        except InputError as refused:
            status, error = refused.status, refused.body()
        except PredictError as failed:
            status, error = 500, {"code": "model_failed", "message": str(failed)}
        except LogFull as full:
            status, error = 503, {"code": "log_full", "message": f"{full}; nothing is predicted unrecorded"}
        except Overloaded as busy:
            status, error = 503, {"code": "overloaded", "message": str(busy)}
        except _NotReady as unready:
            status, error = 503, {"code": "not_ready", "message": str(unready)}
            extra = (*extra, (b"x-modeldeck-not-ready", b"1"))  # a router asks another server
        if error:
            self._note_refusal(arrival, status, error["message"])
            body = orjson.dumps({"error": error["message"] if as_v2 else error})
            extra = (*extra, _RETRY) if status == 503 else extra
        self.metrics.count(status, (time.monotonic_ns() - arrival.begun_ns) / 1e9)
        await answer(send, status, body, headers=extra)

    async def _predicted(self, receive: Receive, arrival: Arrival, *, as_v2: bool) -> bytes:
        request = read_json(await read_body(receive))
        if self.batcher is None or not (self.metrics.ready or arrival.kind == "golden"):
            raise _NotReady(f"{self.model}@{self.version} is not ready: {self.proof}")
        signature = self.predictor.signature
        rows = v2.read_rows(request, signature) if as_v2 else _rows(request)
        columns = v2.read_outputs(request, signature) if as_v2 else ()
        coded = self.predictor.rows.code(rows)
        recorder = self._recorder
        outputs = await self.batcher.submit(coded, len(rows), lambda found: recorder.rows(arrival, rows, found))
        if as_v2:
            return orjson.dumps(v2.answer(self.model, self.version, arrival.request_id, request, columns, outputs))
        return orjson.dumps(
            {
                "model": self.model,
                "version": self.version,
                "request_id": arrival.request_id,
                "predictions": [
                    {"prediction_id": f"{arrival.request_id}-{number}", **record}
                    for number, record in enumerate(outputs)
                ],
            }
        )

    def _note_refusal(self, arrival: Arrival, status: int, message: str) -> None:
        try:
            self._log.write(self._recorder.refusal(arrival, status, message))
        except LogFull:
            self.metrics.log_failures += 1


class _NotReady(Exception):
    pass


def _arrival(scope: Scope) -> Arrival:
    request_id = ""
    client: str | None = None
    kind = "direct"
    for name, value in scope["headers"]:
        if name == _ID:
            request_id = value.decode("latin-1")
        elif name == _CLIENT:
            client = value.decode("latin-1")[:200]
        elif name == _KIND:
            kind = value.decode("latin-1")
    if not is_request_id(request_id):
        request_id = new_request_id()
    return Arrival(request_id, client, kind if kind in KINDS else "direct", time.time_ns() // 1000, time.monotonic_ns())


def _rows(request: Any) -> list[Any]:
    rows = request.get("rows") if isinstance(request, dict) else request
    if not isinstance(rows, list):
        raise InputError('the body must be a list of rows, or {"rows": […]}', status=400)
    if not rows:
        raise InputError("the request holds no rows", status=400)
    if len(rows) > MAX_ROWS:
        raise InputError(f"{len(rows)} rows in one request, at most {MAX_ROWS} are taken", status=413)
    return rows


async def _refuse(
    send: Send, status: int, message: str, *, v2_form: bool, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    code = "method_not_allowed" if status == 405 else "not_found"
    error: Any = message if v2_form else {"code": code, "message": message}
    await answer(send, status, orjson.dumps({"error": error}), headers=headers)
