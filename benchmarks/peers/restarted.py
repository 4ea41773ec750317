"""A model behind uvicorn as people write it: `restarted.py PORT VERSION [WORKERS]`; a new version is a restart."""

from __future__ import annotations

import os
import sys

import uvicorn


async def app(scope, receive, send):
    """Answer one prediction."""
    if scope["type"] != "http":
        return
    import pandas as pd

    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    import json

    rows = pd.DataFrame(json.loads(body))
    said = model().predict(rows[["rooms"]]).tolist()
    content = json.dumps({"version": int(os.environ["VERSION"]), "pid": os.getpid(), "predictions": said}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def model():
    """Return the fitted model, fitted when first asked for as others load theirs."""
    if "model" not in _KEPT:
        import pandas as pd
        from sklearn.linear_model import Ridge

        _KEPT["model"] = Ridge().fit(pd.DataFrame({"rooms": [1.0, 2.0, 3.0]}), [40.0, 80.0, 120.0])
    return _KEPT["model"]


_KEPT = {}

if __name__ == "__main__":
    os.environ["VERSION"] = sys.argv[2]
    workers = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if workers == 1:
        model()
    sys.path.insert(0, os.path.dirname(__file__))
    uvicorn.run(
        "restarted:app", port=int(sys.argv[1]), workers=workers, log_level="critical", app_dir=os.path.dirname(__file__)
    )
