"""A list of versions says what the versions say, and is read without their documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store import deletion, models, notes, versions
from store.database import Database
from store.errors import UnknownName
from store.rows import Version
from store.rows.headlines import Headline, headline, read_headline
from store.summaries import summaries, summary_of
from store.things import version_thing

ANNA = "user:anna"
MEASURED = {
    "metric": "mae",
    "holdout": {"mae": {"value": 12.5, "low": 11.0, "high": 14.0}, "rmse": {"value": 20}},
    "baseline": {"mae": {"value": 30}},
    "candidates": [{"name": "ridge"}, {"name": "dummy"}],
}


@pytest.fixture
def listed(database: Database, register: Callable[..., Version]) -> Database:
    """A model with three versions: measured, tagged and named, and one that is deleted."""
    with database.write() as tx:
        register(tx, evaluation=MEASURED, tags={"team": "pricing", "a": "é"}, description="first", cutoff_at=7)
        register(tx, evaluation={})
        register(tx)
        for alias in ("blessed", "champion"):
            models.set_alias(tx, "rates", alias, 1, actor=ANNA)
        versions.mark_abandoned(tx, "rates", 2, ANNA)
        deletion.delete(tx, version_thing(tx, "rates", 3), actor=ANNA)
    return database


def same(database: Database) -> bool:
    """Say whether the list is what the versions say."""
    return list(summaries(database, "rates")) == [summary_of(one) for one in versions.versions(database, "rates")]


def test_a_list_says_what_the_versions_say(listed: Database) -> None:
    second, first = summaries(listed, "rates")
    assert same(listed)
    assert (first.number, first.aliases, first.tags) == (1, ("blessed", "champion"), {"a": "é", "team": "pricing"})
    assert (first.description, first.cutoff_at, second.abandoned_at is not None) == ("first", 7, True)
    assert read_headline(first.headline) == Headline("mae", 12.5, 11.0, 14.0, 30.0, guesses=False)
    assert read_headline(second.headline) == Headline(None, None, None, None, None, guesses=False)


def test_a_model_without_versions_has_an_empty_list(database: Database) -> None:
    assert list(summaries(database, "rates")) == []
    with pytest.raises(UnknownName, match="raets"):
        summaries(database, "raets")


def test_a_tag_set_changed_or_taken_away_is_so_in_lists_and_filters(listed: Database) -> None:
    for changes, left in (
        ({"stage": "prod", "team": "fraud"}, {"a": "é", "stage": "prod", "team": "fraud"}),
        ({"a": None, "stage": None}, {"team": "fraud"}),
        ({"team": None}, {}),
    ):
        with listed.write() as tx:
            assert notes.tag(tx, version_thing(tx, "rates", 1), changes, actor=ANNA)
        stands = listed.rows("SELECT key, value FROM version_tag WHERE model = 'rates' AND number = 1 ORDER BY key")
        assert versions.version(listed, "rates", 1).tags == left == {row["key"]: row["value"] for row in stands}
        assert same(listed)


def test_thousands_are_made_as_few_are(listed: Database, register: Callable[..., Version]) -> None:
    with listed.write() as tx:
        for number in range(1000):
            register(tx, tags={"n": str(number)})
    found = summaries(listed, "rates")
    assert list(found) == [found[place] for place in range(len(found))]
    assert same(listed)


@pytest.mark.parametrize(
    ("evaluation", "said"),
    [
        ({"metric": "mae", "holdout": {"mae": 3}}, ("mae", 3.0, None, None, None, False)),
        ({"metric": "mae", "holdout": {"rmse": 3}}, ("mae", None, None, None, None, False)),
        ({"metric": "mae", "holdout": [], "baseline": 1}, ("mae", None, None, None, None, False)),
        ({"metric": "mae", "holdout": {"mae": {"value": None, "note": "no rows"}}}, ("mae",) + (None,) * 4 + (False,)),
        ({"metric": "mae", "holdout": {"mae": True}}, ("mae", None, None, None, None, False)),
        ({"metric": 7, "holdout": {"7": 3}}, (None, None, None, None, None, False)),
        ({"candidates": [{"name": "dummy"}]}, (None, None, None, None, None, False)),
        ({"candidates": [{"name": "dummy"}, {"name": "ridge"}]}, (None, None, None, None, None, True)),
    ],
)
def test_a_headline_is_the_primary_metric_or_nothing(evaluation: dict[str, Any], said: tuple[Any, ...]) -> None:
    found = headline(evaluation)
    assert tuple(found) == said
    assert read_headline(found.text()) == found
