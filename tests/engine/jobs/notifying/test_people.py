"""A target that people read is told of comments that call them and of what they watch, and of nothing else."""

from __future__ import annotations

import pytest

from engine.settings.apply import current_settings
from engine.settings.notify import DEFAULT_ON, EVENTS, is_watched
from store import comments, subjects, watches
from store.errors import BrokenSettings

ANNA = "user:anna"


def said(post, text, actor=ANNA):
    with post.deck.database.write() as tx:
        return comments.add(tx, subjects.find(tx, "model", "rates"), text, actor=actor)


def watched(post, actor="user:ben"):
    with post.deck.database.write() as tx:
        watches.watch(tx, subjects.find(tx, "model", "rates"), actor=actor)


def test_who_is_called_is_told_with_the_words_and_nobody_else(post, hook):
    post.settings(hook("bens", people=["ben"], on=None) + hook("carlas", people=["carla"], on=None))
    made = said(post, "@ben is this the spike of 3 am?")
    post.read_on()
    told = post.log()
    assert [(one.target, one.event, one.subject_id) for one in told] == [("bens", "comment.added", made.id)]
    assert told[0].title == "rates: anna commented on model rates: @ben is this the spike of 3 am?"


def test_who_watches_a_model_is_told_of_its_alerts_whatever_the_target_asks_for(post, hook):
    post.settings(hook("bens", people=["ben"], on=["backup.created"], severity="critical"))
    post.alert("before")
    watched(post)
    post.alert("during")
    post.read_on()
    assert [one.title for one in post.log()] == ["rates: during drifted"]


def test_nobody_is_told_of_their_own_deeds(post, hook):
    post.settings(hook("annas", people=["anna"], on=None))
    watched(post, ANNA)
    said(post, "@anna a note to myself")
    post.read_on()
    assert post.log() == []


def test_a_target_of_people_is_told_of_nothing_else_unless_it_asks(post, hook):
    post.settings(hook("bens", people=["ben"], on=None) + hook("ops", on=None))
    post.alert("a")
    post.read_on()
    assert [one.target for one in post.log()] == ["ops"]
    targets = current_settings(post.deck)[0].notify
    assert (targets["bens"].on, targets["ops"].on) == ((), DEFAULT_ON)


def test_a_withdrawn_comment_is_not_told_where_its_text_is_gone(post, hook):
    post.settings(hook("bens", people=["ben"], on=None))
    made = said(post, "@ben the key is abc")
    with post.deck.database.write() as tx:
        comments.withdraw(tx, made.id, actor=ANNA)
    post.read_on()
    assert [one.title for one in post.log()] == ["rates: anna commented on model rates"]


def test_what_is_watched_leaves_the_noise_out():
    assert {name for name in EVENTS if not is_watched(name)} >= {"job.succeeded", "schedule.skipped", "snapshot.taken"}
    assert all(map(is_watched, ("alert.opened", "release.rolled_back", "job.failed", "comment.added", "alias.moved")))


def test_who_is_no_user_is_refused(post, hook):
    with pytest.raises(BrokenSettings, match="is no user name"):
        post.settings(hook("bens", people=["b en"], on=None))
