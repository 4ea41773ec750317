"""The one door: every operation has a handler, roles reach as far as they say, refusals are on record."""

from __future__ import annotations

import inspect
import typing

import pytest

from engine.access import Caller, Role
from engine.operations.catalog import OPERATIONS
from engine.operations.operation import Danger
from engine.service.call import call, operation_named, resolve
from engine.service.context import ServiceContext
from engine.service.refusals import RefusalLog
from store import events
from store.errors import NotAllowed, Refused, UnknownName

UNKNOWN_FIELD = {"no_such_field": 1}  # refused once the role has been let through, before anything is done


@pytest.fixture(name="context")
def context_of(deck):
    """Return a maker of contexts: one role, one log of refusals for all of them."""
    refusals = RefusalLog()

    def make(role, name="ben", wake=lambda: None):
        return ServiceContext(deck, Caller(f"user:{name}", role), "socket", wake, refusals)

    return make


def refusals(deck):
    """Return (actor, operation, count) of each event, oldest first."""
    found = [event for event in events.events(deck.database) if event.action == "access.refused"]
    return [(event.actor, event.subject_id, event.body["count"]) for event in reversed(found)]


def refuse(context, operation="deck.apply", role=Role.VIEWER, name="ben"):
    with pytest.raises(NotAllowed):
        call(context(role, name), operation, {})


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_has_a_handler_of_a_context_and_its_request(operation):
    handler = resolve(operation.handler)
    _, request = inspect.signature(handler).parameters.values()
    assert typing.get_type_hints(handler)[request.name] is operation.request


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_preview_asks_what_its_operation_asks_and_only_reads(operation):
    if operation.preview is not None:
        preview = OPERATIONS[operation.preview]
        assert (preview.request, preview.danger) == (operation.request, Danger.READ)


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name.lower())
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_role_reaches_exactly_the_operations_at_or_below_it(context, operation, role):
    expected = Refused if role >= operation.role else NotAllowed
    with pytest.raises(expected):
        call(context(role), operation.id, UNKNOWN_FIELD)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_read_only_session_reaches_exactly_what_only_reads(deck, operation):
    caller = Caller("user:ben", Role.ADMIN, is_owner=True, read_only=True)
    context = ServiceContext(deck, caller, "socket")
    reads = operation.danger is Danger.READ
    expected, words = (
        (Refused, "no_such_field") if reads else (NotAllowed, f"read-only, and {operation.id} is a change")
    )
    before = len(events.events(deck.database))
    with pytest.raises(expected, match=words):
        call(context, operation.id, UNKNOWN_FIELD)
    assert len(events.events(deck.database)) == before


def test_viewers_change_nothing():
    assert not [o.id for o in OPERATIONS.values() if o.role is Role.VIEWER and o.danger is not Danger.READ]


def test_settings_and_the_end_of_a_pause_need_more_than_an_operator():
    above = {o.id: o.role for o in OPERATIONS.values() if o.role > Role.OPERATOR}
    assert above == {
        **dict.fromkeys(
            ("deck.apply", "deck.apply_folder", "deck.gc", "backup.record", "hosts.add", "hosts.remove"), Role.ADMIN
        ),
        **dict.fromkeys(("keys.add", "keys.revoke", "data.pin"), Role.ADMIN),
        **dict.fromkeys(("data.erase", "erasures.plan", "erasures.decide", "erasures.lift"), Role.ADMIN),
        **dict.fromkeys(("bundle.begin", "bundle.put", "bundle.take", "bundle.trust", "bundle.distrust"), Role.ADMIN),
        "retention.run": Role.ADMIN,
        **dict.fromkeys(("releases.resume", "approvals.grant", "approvals.refuse", "access.log"), Role.APPROVER),
    }


def test_refusal_says_both_roles_and_who_can_change_it(context):
    with pytest.raises(NotAllowed, match=r"user:ben is viewer; deck\.apply needs admin") as caught:
        call(context(Role.VIEWER), "deck.apply", {})
    assert caught.value.exit_code == 6
    assert "[access]" in caught.value.hint


def test_refusals_within_a_minute_are_one_event(context, deck, clock):
    for _ in range(5):
        refuse(context)
        clock.advance(10)
    assert refusals(deck) == [("user:ben", "deck.apply", 1)]


def test_next_minute_tells_how_many_went_unwritten(context, deck, clock):
    for _ in range(5):
        refuse(context)
    clock.advance(60)
    refuse(context)
    assert refusals(deck) == [("user:ben", "deck.apply", 1), ("user:ben", "deck.apply", 5)]
    assert sum(count for _, _, count in refusals(deck)) == 6


def test_each_identity_and_each_action_has_its_own_minute(context, deck):
    refuse(context)
    refuse(context, name="eve")
    refuse(context, operation="runs.train")
    refuse(context)
    assert refusals(deck) == [
        ("user:ben", "deck.apply", 1),
        ("user:eve", "deck.apply", 1),
        ("user:ben", "runs.train", 1),
    ]


def test_daemon_is_woken_by_changes_and_not_by_reads(context):
    woken = []
    asking = context(Role.ADMIN, wake=lambda: woken.append(True))
    call(asking, "jobs.list", {})
    assert woken == []
    call(asking, "deck.apply", {})
    assert woken == [True]


def test_operation_nobody_knows_is_an_unknown_name():
    with pytest.raises(UnknownName, match=r"no operation named 'models\.frobnicate'"):
        operation_named("models.frobnicate")


@pytest.mark.parametrize(
    ("operation", "body", "said"),
    [
        ("jobs.list", {"limt": 1}, "unknown field 'limt'"),
        ("jobs.list", {"limit": "ten"}, "field 'limit' must be int, got str"),
        ("jobs.list", {"limit": True}, "field 'limit' must be int, got bool"),
        ("jobs.list", {"limit": 0}, "lists nothing"),
        ("jobs.list", {"limit": 10**30}, "field 'limit' is beyond what 64 bits hold"),
        ("jobs.list", {"limit": 10**9}, "--limit 1000000000 is too many"),
        ("jobs.detail", {}, "'id'"),
        ("jobs.logs", {"id": "x", "offset": None}, "field 'offset' must be int, got NoneType"),
        ("jobs.list", {"filter": "state="}, "compares with nothing"),
        ("serving.predict", {"model": "rates", "records": "all"}, "field 'records' must be a list, got str"),
        ("serving.predict", {"model": "rates", "records": ["all"]}, "field 'records' must be an object, got str"),
    ],
)
def test_request_that_does_not_fit_is_refused_in_one_line(context, operation, body, said):
    with pytest.raises(Refused) as caught:
        call(context(Role.ADMIN), operation, body)
    assert said in caught.value.message
    assert "\n" not in caught.value.line()
