"""Handler of the operation that explains."""

from __future__ import annotations

from typing import Any

from engine.operations.explain import ExplainRequest, Explanation
from engine.service import apart
from engine.service.context import ServiceContext
from store.errors import Refused


def explain(context: ServiceContext, request: ExplainRequest) -> Explanation:
    """Explain a version of the model, which is loaded in a process of its own."""
    from store import versions

    reader = context.deck.database
    versions.version(reader, request.model, request.version)
    if request.against is not None:
        versions.version(reader, request.model, request.against)
    if request.rows and request.prediction:
        raise Refused("both rows and a prediction are given", "explain one or the other")
    told: dict[str, Any] = {
        "model": request.model,
        "version": request.version,
        "against": request.against,
        "rows": list(request.rows),
        "prediction": request.prediction,
    }
    found = apart.explain(context.deck.workspace, told)
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return Explanation(**fields)
