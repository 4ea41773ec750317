"""What people say, from the console: marked in lists, read as a thread, written from a row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from on_a_loop import run
from sample_deck import SampleClient
from sample_releases import MODELS, NOW

from engine.operations.comments import AddComment, Commented, CommentsRequest
from engine.operations.handover import Change, Handover, IncidentDetail
from store.errors import Refused
from store.rows import Comment, Duty, Incident

MINUTE = 60_000_000
FIRST = Comment(
    id="0193c3b2a1d070008abc0000000000aa",
    kind="model",
    subject="nightly-rates",
    model="nightly-rates",
    reply_to=None,
    depth=0,
    actor="user:anna",
    via=None,
    text="weekends are off since the fair\nsee the slice",
    mentions=(),
    revision=1,
    written_at=NOW - 20 * MINUTE,
    edited_at=None,
    withdrawn_at=None,
    withdrawn_by=None,
)
ANSWER = replace(FIRST, id="0193c3b2a1d070008abc0000000000ab", reply_to=FIRST.id, depth=1, actor="user:ben", text="ok")
GONE = replace(FIRST, id="0193c3b2a1d070008abc0000000000ac", text="", withdrawn_at=NOW, withdrawn_by="user:anna")


@run
async def test_a_mark_tells_how_many_said_something_and_m_shows_what(console: Any, sample: SampleClient) -> None:
    sample.answers["models.list"] = (replace(MODELS[0], comments=2), *MODELS[1:])
    sample.answers["comments.list"] = (FIRST, ANSWER, GONE)
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("2")
        await screen.shows(f"{MODELS[0].name} ✎2")
        await screen.press("m")
        await screen.shows(
            "said of model", "weekends are off since the fair", "see the slice", "ok", "withdrawn by anna"
        )
        assert sample.called("comments.list") == [CommentsRequest("model", MODELS[0].name, limit=1000)]


@run
async def test_a_comment_is_written_from_a_row_and_its_command_can_be_copied(
    console: Any, sample: SampleClient
) -> None:
    sample.answers["comments.add"] = Commented(FIRST, False, ("ben-phone",), ())
    name = MODELS[0].name
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("2")
        await screen.shows(name)
        await screen.press("W")
        await screen.shows(f"Comment on model {name}", "e gives the text it needs")
        await screen.press("y")
        await screen.shows("a text is needed")
        await screen.press("e", *"off?", "enter")
        await screen.shows("text: off?")
        await screen.press("C")
        await screen.shows(f"modeldeck comments add model {name} 'off?'")
        await screen.press("y")
        await screen.until(lambda: sample.called("comments.add"))
        assert sample.called("comments.add") == [AddComment("model", name, "off?")]
        await screen.shows("written; told by ben-phone")


@run
async def test_a_refused_comment_says_why(console: Any, sample: SampleClient) -> None:
    sample.answers["comments.add"] = Refused("the comment has 12,000 characters", "at most 10,000")
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press("2")
        await screen.shows(MODELS[0].name)
        await screen.press("W")
        await screen.shows("Comment on model")
        await screen.press("e", *"x", "enter")
        await screen.press("y")
        await screen.shows("Not done", "12,000 characters")


@run
async def test_handover_and_incidents_are_screens_by_name(console: Any, sample: SampleClient) -> None:
    one = Incident(
        id="0193c3b2a1d070008abc0000000000ba",
        title="prices of the fair",
        models=("nightly-rates",),
        from_at=NOW - 40 * MINUTE,
        opened_by="user:anna",
        opened_at=NOW - 30 * MINUTE,
        via=None,
        closed_at=None,
        closed_by=None,
        resolution="",
    )
    change = Change(7, NOW - 20 * MINUTE, "user:ben", "nightly-rates", "rolled back v2 → v1", "the fair")
    sample.answers["incident.list"] = (one,)
    sample.answers["incident.show"] = IncidentDetail(one, "UTC", NOW, (change,), 0, (), (), "e" * 64)
    sample.answers["handover.show"] = Handover(
        "prod", "UTC", NOW, NOW - 60 * MINUTE, "your last watch ended",
        Duty("0193", "user:ben", "user:anna", "the fair starts", NOW - 60 * MINUTE, None, None),
        (), (one,), (), (), (), (), (FIRST,), (change,), 0,
    )  # fmt: skip
    async with console() as screen:
        await screen.shows("Way back")
        await screen.press(":", *"handover", "enter")
        await screen.shows("ben", "the fair starts", "prices of the fair", "rolled back v2", "weekends are off")
        await screen.press(":", *"incidents", "enter")
        await screen.shows("prices of the fair", "open")
        await screen.press("enter")
        await screen.shows("Timeline", "rolled back v2", "Changed in the day before")
