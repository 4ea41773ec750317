"""A page of versions for a table: the same versions as the whole page, in short, with the same filters and cursors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.access import Caller, Role
from engine.deck import Deck
from engine.operations.models import VersionsListed
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.service.wire import answer_bytes
from store import comments, models, runs, snapshots, subjects, versions
from store.errors import Refused
from store.rows import Snapshot
from store.rows.headlines import headline_of
from store.summaries import summary_of

HASH = "sha256:" + "a" * 64
ANNA = "user:anna"


@pytest.fixture
def ask(deck: Deck, apply_settings_body: Callable[..., Any]) -> Callable[..., Any]:
    """Ask in a deck with six versions, each with an evaluation of its own."""
    apply_settings_body("rates")
    with deck.database.write() as tx:
        snapshots.add_snapshot(tx, Snapshot(HASH, "rates", 10, (), None, None, None, "rows.csv", 1, tx.at), ANNA)
        run = runs.start_run(tx, actor=ANNA, model="rates", settings_revision=1)
        for number in range(1, 7):
            versions.register(
                tx,
                model="rates",
                run_id=run.id,
                snapshot_id=HASH,
                settings_revision=1,
                bundle_hash=HASH,
                environment_hash=HASH,
                artifact_hash=HASH,
                artifact_bytes=number,
                golden_hash=HASH,
                signature={"inputs": [{"name": "x", "type": "double"}], "outputs": []},
                decision={},
                evaluation={"metric": "mae", "holdout": {"mae": {"value": number / 2}}, "slices": ["s"] * 100},
                estimator="sklearn.linear_model.Ridge",
                actor=ANNA,
                tags={"team": "pricing" if number % 2 else "fraud"},
            )
        models.set_alias(tx, "rates", "champion", 3, actor=ANNA)
        comments.add(tx, subjects.find(tx, "version", "rates@5"), "looks odd", actor=ANNA)

    def asked(operation: str, **body: Any) -> Any:
        return call(ServiceContext(deck, Caller(ANNA, Role.VIEWER)), operation, {"model": "rates", **body})

    return asked


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": "tags.team=pricing", "limit": 2},
        {"filter": "artifact_bytes>2", "limit": 3},
        {"filter": "evaluation.holdout.mae.value<2"},
        {"filter": "champion"},
        {"order": "number", "limit": 4},
        {"filter": "nowhere"},
    ],
)
def test_it_is_the_same_page_in_short(ask: Callable[..., Any], body: dict[str, Any]) -> None:
    whole, listed = ask("versions.page", **body), ask("versions.listed", **body)
    assert isinstance(listed, VersionsListed)
    assert listed.rows == tuple(summary_of(version) for version in whole.rows)
    assert listed.next == whole.next
    if whole.next:
        onward = {**body, "after": whole.next}
        assert ask("versions.listed", **onward).rows == tuple(map(summary_of, ask("versions.page", **onward).rows))


def test_its_rows_say_comments_and_the_primary_metric(ask: Callable[..., Any]) -> None:
    rows = {row.number: row for row in ask("versions.listed").rows}
    assert {number: row.comments for number, row in rows.items()} == {1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 6: 0}
    assert [headline_of(rows[number]).holdout for number in (1, 6)] == [0.5, 3.0]
    assert headline_of(ask("versions.page").rows[0]) == headline_of(rows[6])


def test_no_document_is_on_its_way(ask: Callable[..., Any]) -> None:
    assert b"slices" in answer_bytes(ask("versions.page"))
    sent = answer_bytes(ask("versions.listed"))
    assert b"slices" not in sent
    assert b"signature" not in sent


def test_a_limit_of_nothing_is_refused(ask: Callable[..., Any]) -> None:
    with pytest.raises(Refused, match="lists nothing"):
        ask("versions.listed", limit=0)
