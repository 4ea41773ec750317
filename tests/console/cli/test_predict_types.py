"""What cells of a file are is said by the version that serves; only that one is read, of however many there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.commands.predict import _signature
from engine.client import Client
from engine.deck import Deck
from store import models, runs, snapshots, versions
from store.errors import UnknownName
from store.rows import Snapshot

HASH = "sha256:" + "a" * 64
ANNA = "user:anna"
PINNED: dict[str, Any] = {
    **dict.fromkeys(("bundle_hash", "environment_hash", "artifact_hash", "golden_hash", "snapshot_id"), HASH),
    "artifact_bytes": 9,
    "decision": {},
    "evaluation": {},
    "estimator": "ridge",
    "actor": ANNA,
    "settings_revision": 1,
}


class Counting(Client):
    """Keeps how many versions were answered."""

    read = 0

    def call(self, operation_id: str, request: Any = None, **options: Any) -> Any:
        answer = super().call(operation_id, request, **options)
        self.read += len(answer) if operation_id == "versions.list" else 0
        return answer


@pytest.mark.parametrize(("champion", "said"), [(2, "x2"), (None, "x5")])
def test_types_are_those_of_the_version_that_serves_else_of_the_newest(
    deck: Deck,
    apply_settings_body: Callable[..., Any],
    champion: int | None,
    said: str,
) -> None:
    apply_settings_body("rates", "other")
    with deck.database.write() as tx:
        for model in ("rates", "other"):
            snapshots.add_snapshot(tx, Snapshot(HASH, model, 10, (), None, None, None, "rows.csv", 1, tx.at), ANNA)
            run = runs.start_run(tx, actor=ANNA, model=model, settings_revision=1)
            for number in range(1, 6):
                signature = {"inputs": [{"name": f"x{number}", "type": "double"}]}
                versions.register(tx, model=model, run_id=run.id, signature=signature, **PINNED)
        models.set_alias(tx, "other", "champion", 4, actor=ANNA)
        if champion is not None:
            models.set_alias(tx, "rates", "champion", champion, actor=ANNA)
    with Counting(deck.workspace) as client:
        assert [each["name"] for each in _signature(client, "rates")["inputs"]] == [said]
        assert client.read == 1
        with pytest.raises(UnknownName):
            _signature(client, "rate")
