"""Whether a version is served compiled: made, proven to answer the same, and what the version says of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.training.compiling.program import program_of
from engine.training.compiling.proof import prove
from engine.training.compiling.refusal import NotCompilable

if TYPE_CHECKING:
    import pandas as pd

    from engine.serving.predict import Predictor


def compiled(
    predictor: Predictor, frame: pd.DataFrame, golden: Sequence[Mapping[str, Any]], until: float
) -> tuple[bytes, dict[str, Any]]:
    """Return a version's compiled form, empty where it has none, and what is kept of it: hash and proof, or why not.

    `frame` holds the holdout's inputs, `golden` the golden requests; `until` is of `time.monotonic()`, and proving
    stops there: what is not proven is not served.
    """
    try:
        if time.monotonic() > until:
            raise NotCompilable("no time was left to prove it")
        program = program_of(predictor.model, predictor.signature)
        found = prove(program, predictor, frame, golden, until)
    except NotCompilable as why:
        return b"", {"why": str(why)}
    except Exception as error:  # a library's surprise is a reason to serve the pipeline, never one to lose a training
        return b"", {"why": f"it could not be compiled: {type(error).__name__}: {' '.join(str(error).split())}"[:300]}
    digest = hashlib.sha256(program.content).hexdigest()
    kept = {"hash": f"sha256:{digest}", "bytes": len(program.content), "needs": list(program.needs)}
    return program.content, {**kept, **found.to_json()}
