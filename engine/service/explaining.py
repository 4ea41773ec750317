"""One request to explain, answered in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.errors import Refused, WorkFailed

if TYPE_CHECKING:
    from engine.deck import Deck


def answer_of(deck: Deck, told: dict[str, Any]) -> dict[str, Any]:
    """Return what an ExplainRequest asks for, as the fields of an Explanation.

    Raises:
        WorkFailed: the version's own code raised.
        ModeldeckError: as `engine.training.explanation` says.
    """
    from engine.serving.predict import PredictError
    from engine.training import explanation
    from engine.training.attribution_drift import drift
    from engine.training.trial import one_quiet_thread
    from store import versions

    version = versions.version(deck.database, told["model"], told["version"])
    kind = "version"
    try:
        with one_quiet_thread():
            if told["against"] is not None:
                if told["rows"] or told["prediction"]:
                    raise Refused("two versions are compared over many rows", "leave --row and --prediction out")
                kind = "drift"
                found = drift(deck, version, versions.version(deck.database, told["model"], told["against"]))
            elif told["rows"] or told["prediction"]:
                kind = "rows"
                found = explanation.explain_rows(deck, version, told["rows"], told["prediction"])
            else:
                found = explanation.explain(deck, version)
    except PredictError as error:
        raise WorkFailed(
            f"{version.model}@{version.number} cannot answer: {error}", "it is the model's own code"
        ) from error
    return {"model": version.model, "version": version.number, "against": told["against"], "kind": kind, **found}
