"""Where a rollback leads."""

from __future__ import annotations

from engine.release.history import former_champion, made_champion, newest_revertible


def test_rollback_of_the_second_version_leads_to_the_first(past):
    releases = [past("promote", 1, 2), past("promote", None, 1)]
    assert newest_revertible(releases) == releases[0]
    assert former_champion(releases, champion=2, abandoned=()) == 1


def test_second_rollback_goes_one_further_back_and_never_to_the_abandoned_version(past):
    releases = [
        past("rollback", 3, 2),
        past("promote", 2, 3, reverted_by="rollback-3-2"),
        past("promote", 1, 2),
        past("promote", None, 1),
    ]
    assert newest_revertible(releases).to_version == 2
    assert former_champion(releases, champion=2, abandoned={3}) == 1


def test_after_going_back_to_the_first_version_nothing_is_left(past):
    releases = [past("rollback", 2, 1), past("promote", 1, 2, reverted_by="x"), past("promote", None, 1)]
    assert former_champion(releases, champion=1, abandoned={2}) is None


def test_aborted_and_failed_releases_are_no_way_back(past):
    releases = [past("promote", 1, 3, state="aborted"), past("promote", 1, 2, state="failed"), past("promote", None, 1)]
    assert newest_revertible(releases).to_version == 1
    assert former_champion(releases, champion=1, abandoned=()) is None


def test_a_version_promoted_again_after_its_rollback_goes_back_to_where_it_came_from(past):
    releases = [
        past("promote", 1, 2, id="again"),
        past("rollback", 2, 1),
        past("promote", 1, 2, reverted_by="rollback-2-1"),
        past("promote", None, 1),
    ]
    assert newest_revertible(releases).id == "again"
    assert former_champion(releases, champion=2, abandoned=()) == 1
    assert made_champion(releases, 2).id == "again"
