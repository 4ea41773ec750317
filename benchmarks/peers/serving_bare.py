"""The limit: an ASGI app that parses rows, asks a model and answers, and does nothing else. No validation, no log.

MODEL names model.onnx (asked through onnxruntime) or model.joblib (asked in batches: what arrives while the model runs
goes together next, without a timer).
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import numpy as np
import orjson

PATH = os.environ["MODEL"]
HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}

if PATH.endswith(".onnx"):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(PATH, options, providers=["CPUExecutionProvider"])
    name, label = session.get_inputs()[0].name, [session.get_outputs()[0].name]

    def predict(rows: Any) -> Any:
        """Return labels."""
        return session.run(label, {name: np.array(rows, dtype=np.float32)})[0]
else:
    import joblib

    model = joblib.load(PATH)

    def predict(rows: Any) -> Any:
        """Return labels."""
        return model.predict(np.array(rows, dtype=np.float64))


waiting: list[tuple[list[Any], asyncio.Future[Any]]] = []


def _flush() -> None:
    batch, waiting[:] = waiting[:256], waiting[256:]
    found = predict([row for rows, _ in batch for row in rows])
    start = 0
    for rows, future in batch:
        future.set_result(found[start : start + len(rows)])
        start += len(rows)
    if waiting:
        asyncio.get_running_loop().call_soon(_flush)


async def _together(rows: list[Any]) -> Any:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    waiting.append((rows, future))
    if len(waiting) == 1:
        loop.call_soon(_flush)
    return await future


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """Answer one request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    rows = orjson.loads(body)["rows"]
    found = predict(rows) if PATH.endswith(".onnx") else await _together(rows)
    await send(HEAD)
    answer = orjson.dumps({"predictions": found}, option=orjson.OPT_SERIALIZE_NUMPY)
    await send({"type": "http.response.body", "body": answer})
