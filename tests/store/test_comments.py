"""Comments and watches in the registry: threads, edits, withdrawals, whom an event concerns; each with its event."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from store import comments, deployments, events, notifying, subjects, watches
from store.database import Database
from store.errors import NotAllowed, Refused, UnknownName
from store.rows import Comment, Release, Version
from store.subjects import Subject

ANNA, BEN = "user:anna", "user:ben"


@pytest.fixture(autouse=True)
def version(database: Database, register: Callable[..., Version]) -> None:
    """The version that is spoken of."""
    with database.write() as tx:
        register(tx)
        deployments.ensure_endpoint(tx, "rates")


def said(
    database: Database, text: str = "looks good", of: str = "version", id: str = "rates@1", **told: Any
) -> Comment:
    with database.write() as tx:
        return comments.add(tx, subjects.find(tx, of, id), text, **{"actor": ANNA, **told})


def newest_event(database: Database) -> Any:
    return events.events(database, limit=1)[0]


def test_a_comment_is_on_record_by_its_hash_and_not_by_its_text(database: Database) -> None:
    made = said(database, "  the slices of @ben, and @carla\n")
    assert (made.text, made.mentions, made.kind, made.subject, made.model) == (
        "the slices of @ben, and @carla",
        ("ben", "carla"),
        "version",
        "rates@1",
        "rates",
    )
    event = newest_event(database)
    assert (event.action, event.subject_id, event.actor) == ("comment.added", made.id, ANNA)
    assert event.body["text_hash"] == f"sha256:{hashlib.sha256(made.text.encode()).hexdigest()}"
    assert "slices" not in str(event.body)


def test_a_thread_sets_replies_below_what_they_answer_oldest_first(database: Database) -> None:
    first = said(database, "one")
    second = said(database, "two")
    answer = said(database, "to one", reply_to=first.id[:20])
    deeper = said(database, "to that", reply_to=answer.id)
    said(database, "of the model", of="model", id="rates")
    told = comments.thread(database, Subject("version", "rates@1", "rates"))
    assert [(one.id, one.depth) for one in told] == [(first.id, 0), (answer.id, 1), (deeper.id, 2), (second.id, 0)]


def test_replies_go_only_so_deep_and_stay_on_one_thing(database: Database) -> None:
    last = said(database)
    for _ in range(comments.DEEPEST + 3):
        last = said(database, "and", reply_to=last.id)
    assert last.depth == comments.DEEPEST
    with pytest.raises(Refused, match=r"is on version rates@1"):
        said(database, of="model", id="rates", reply_to=last.id)


def test_an_edit_keeps_what_was_said_before_and_calls_only_who_was_not_called(database: Database) -> None:
    made = said(database, "@ben look")
    with database.write() as tx:
        after, changed = comments.edit(tx, made.id, "@ben @carla look", actor=ANNA)
        assert changed
        assert comments.edit(tx, made.id, " @ben @carla look ", actor=ANNA) == (after, False)
    assert (after.revision, after.text, after.edited_at) == (2, "@ben @carla look", after.edited_at)
    assert [(one.revision, one.text) for one in comments.texts(database, made.id)] == [
        (1, "@ben look"),
        (2, "@ben @carla look"),
    ]
    event = newest_event(database)
    assert (event.action, event.body["mentions"]) == ("comment.edited", ["carla"])


def test_only_its_author_edits_and_only_the_author_or_an_admin_withdraws(database: Database) -> None:
    made = said(database)
    with database.write() as tx, pytest.raises(NotAllowed, match="user:anna wrote comment"):
        comments.edit(tx, made.id, "no", actor=BEN)
    with database.write() as tx, pytest.raises(NotAllowed, match="alone withdraws"):
        comments.withdraw(tx, made.id, actor=BEN)
    with database.write() as tx:
        assert comments.withdraw(tx, made.id, actor=BEN, is_admin=True)[0].withdrawn_by == BEN


def test_withdrawing_takes_every_text_and_leaves_who_when_and_hash(database: Database) -> None:
    made = said(database, "the password is hunter2")
    with database.write() as tx:
        comments.edit(tx, made.id, "forget it", actor=ANNA)
        event = next(one for one in events.events(tx) if one.action == "comment.added")
        notifying.put(tx, event, notifying.Telling("ops", "webhook", event.action, "info", "anna: … hunter2"))
        gone, changed = comments.withdraw(tx, made.id, actor=ANNA, reason="a secret")
        assert changed
        assert comments.withdraw(tx, made.id, actor=ANNA) == (gone, False)
    assert (gone.text, gone.mentions, gone.withdrawn_by) == ("", (), ANNA)
    assert [one.text for one in comments.texts(database, made.id)] == ["", ""]
    assert notifying.notifications(database)[0].title == "a comment, withdrawn"
    assert (newest_event(database).action, newest_event(database).reason) == ("comment.withdrawn", "a secret")
    database.close()
    assert b"hunter2" not in b"".join(path.read_bytes() for path in database.path.parent.glob("registry.db*"))
    assert comments.counts(database, "version") == {}
    with database.write() as tx, pytest.raises(Refused, match="is withdrawn"):
        comments.edit(tx, made.id, "again", actor=ANNA)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n\t ", "is empty"),
        ("x" * 1_000_000, r"has 1,000,000 characters"),
        ("a\x1b[31mred", r"U\+001B, at character 2"),
        ("a\x00b", r"U\+0000"),
        ("a\u202eb", r"U\+202E"),
        ("a\u0085b", r"U\+0085"),
        (" ".join(f"@u{number}" for number in range(21)), "calls 21 people"),
    ],
)
def test_what_is_not_to_be_shown_is_refused_by_one_line_and_nothing_is_written(
    database: Database, text: str, why: str
) -> None:
    before = events.head(database)
    with pytest.raises(Refused, match=why) as caught:
        said(database, text)
    assert "\n" not in caught.value.line()
    assert events.head(database) == before


def test_lines_and_tabs_are_kept(database: Database) -> None:
    assert said(database, "one\n\ttwo").text == "one\n\ttwo"


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("@ben", ("ben",)),
        ("(@ben, @carla.) @ben", ("ben", "carla")),
        ("mail a@example.com or x/@y", ()),
        ("@dr.house-1 @_svc", ("dr.house-1", "_svc")),
        ("@Ben @ ben @", ()),
    ],
)
def test_names_are_called_by_an_at_sign_and_addresses_are_none(text: str, called: tuple[str, ...]) -> None:
    assert comments.mentions(text) == called


@pytest.mark.parametrize(
    ("kind", "id", "error"),
    [
        ("model", "rate", UnknownName),
        ("version", "rates@9", UnknownName),
        ("version", "rates@champion", UnknownName),
        ("version", "rates", Refused),
        ("run", "ffff", UnknownName),
        ("release", "ffff", UnknownName),
        ("alert", "", UnknownName),
        ("data", "", UnknownName),
        ("vershun", "rates@1", Refused),
    ],
)
def test_what_the_deck_does_not_know_is_spoken_of_by_nobody(
    database: Database, kind: str, id: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        said(database, of=kind, id=id)


def test_everything_is_found_by_the_words_of_the_command_line(
    database: Database, release_of: Callable[..., Release]
) -> None:
    with database.write() as tx:
        release = release_of(tx, 1)
        run = tx.tuples("SELECT id FROM run")[0][0]
        data = tx.tuples("SELECT id FROM snapshot")[0][0]
        found = [
            subjects.find(tx, kind, id)
            for kind, id in (
                ("model", "rates"),
                ("version", "rates@1"),
                ("run", run[:30]),
                ("release", release.id[:30]),
                ("data", data[7:20]),
            )
        ]
    assert [one.kind for one in found] == ["model", "version", "run", "release", "snapshot"]
    assert {one.model for one in found} == {"rates"}


def test_counts_leave_out_what_is_withdrawn(database: Database) -> None:
    made = said(database)
    said(database)
    with database.write() as tx:
        comments.withdraw(tx, made.id, actor=ANNA)
    assert comments.counts(database, "version") == {"rates@1": 1}
    assert comments.counts(database, "run") == {}


def test_the_newest_of_the_deck_and_those_that_call_me(database: Database) -> None:
    said(database, "@ben one")
    said(database, "@benny two")
    last = said(database, "@ben three", of="model", id="rates")
    assert [one.text for one in comments.newest(database, mentioned="ben")] == ["@ben three", "@ben one"]
    assert [one.id for one in comments.newest(database, limit=1)] == [last.id]


def watched(database: Database, kind: str, id: str, actor: str = BEN) -> bool:
    with database.write() as tx:
        return watches.watch(tx, subjects.find(tx, kind, id), actor=actor)


def test_watching_twice_is_once_and_ending_it_is_on_record(database: Database) -> None:
    assert watched(database, "model", "rates")
    assert not watched(database, "model", "rates")
    assert [(one.actor, one.kind, one.subject) for one in watches.watches(database)] == [(BEN, "model", "rates")]
    assert watches.watches(database, actor=ANNA) == []
    with database.write() as tx:
        subject = subjects.find(tx, "model", "rates")
        assert watches.unwatch(tx, subject, actor=BEN)
        assert not watches.unwatch(tx, subject, actor=BEN)
    told = [one.action for one in events.events(database, limit=2)]
    assert told == ["watch.ended", "watch.begun"]
    with pytest.raises(Refused, match="a run is not watched"):
        watched(database, "run", database.tuples("SELECT id FROM run")[0][0])


def test_an_event_concerns_who_it_calls_and_who_watches_what_it_is_about(
    database: Database, register: Callable[..., Version], release_of: Callable[..., Release]
) -> None:
    with database.write() as tx:
        register(tx)
    watched(database, "version", "rates@2", "user:vera")
    watched(database, "model", "rates", "user:mo")
    said(database, "@ben and @anna")
    assert watches.concerned(database, newest_event(database)) == {"ben", "mo"}  # anna wrote it
    with database.write() as tx:
        release_of(tx, 2, since=1)
    assert watches.concerned(database, newest_event(database)) == {"vera", "mo"}
