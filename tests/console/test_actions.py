from __future__ import annotations

import itertools
import subprocess
import sys
from types import SimpleNamespace

import pytest

from console.small_changes import small_change
from engine.actions.scopes import EVERYWHERE, SCOPES
from engine.actions.table import ACTIONS, BY_ID, in_scope, key_table
from engine.availability import model_of, version_of
from engine.operations.catalog import OPERATIONS
from engine.operations.operation import Danger
from engine.operations.serving import REACH


@pytest.mark.parametrize("scope", SCOPES)
def test_no_two_actions_share_a_key_in_a_scope(scope: str) -> None:
    owners: dict[str, str] = {}
    for action in in_scope(scope):
        for key in action.keys:
            assert key not in owners, f"{key}: {owners.get(key)} and {action.id}"
            owners[key] = action.id


def test_ids_are_unique_and_scopes_are_known() -> None:
    assert len(BY_ID) == len(ACTIONS)
    known = {*SCOPES, EVERYWHERE}
    assert set(itertools.chain.from_iterable(action.scopes for action in ACTIONS)) <= known


def test_every_act_is_an_operation_of_the_catalog_with_its_danger() -> None:
    for action in ACTIONS:
        if action.group == "act":
            assert action.operation in OPERATIONS
            assert action.danger == OPERATIONS[action.operation].danger
        else:
            assert action.operation is None
            assert action.danger == Danger.READ


def test_changes_have_upper_case_keys_so_that_y_never_opens_what_it_confirms() -> None:
    for action in ACTIONS:
        if action.danger != Danger.READ:
            assert action.key.isupper()
            assert len(action.key) == 1


def test_an_ab_that_is_over_is_promoted_from_its_release_and_no_other_release_is() -> None:
    promote = BY_ID["releases.promote"]
    over = SimpleNamespace(endpoint="rates", to_version=7, state="held", evidence={"cause": "to decide"})
    assert (promote.available(over), version_of(over)) == (None, 7)
    for other in ({"state": "running"}, {"evidence": {"cause": "no data"}}):
        row = SimpleNamespace(**{**vars(over), **other})
        assert (promote.available(row), version_of(row)) == ("choose a version: open the model", None)


@pytest.mark.parametrize(
    ("release", "hold", "resume"),
    [
        ("v3 10 %, held: at 10 %: 0 of 200 live rows", "the release is held already", None),
        ("v3 10 %, held", "the release is held already", None),
        ("v3 10 %, 10 % of traffic to v3; held after 20s without", None, "the release is not held"),
        ("", "no release of it is under way", "no release of it is under way"),
    ],
)
def test_pulse_holds_and_resumes_the_release_of_its_row(release: str, hold: str | None, resume: str | None) -> None:
    row = SimpleNamespace(model="rates", challenger=None, release=release)
    by_key = {action.key: action for action in in_scope("pulse")}
    assert by_key["H"].available(row) == hold
    assert by_key["U"].available(row) == resume


def test_resuming_says_how_far_it_reaches() -> None:
    change = small_change("releases.resume", SimpleNamespace(endpoint="rates"), "rates")
    assert REACH in change.text


def test_an_alert_offers_the_way_back_of_its_model() -> None:
    back = BY_ID["releases.rollback"]
    alert = SimpleNamespace(model="rates", state="open")
    assert back.reaches("alerts")
    assert back.reaches("alert")
    assert (back.available(alert), model_of(alert)) == (None, "rates")


def test_a_deploy_is_offered_where_settings_differ_and_says_why_not_elsewhere() -> None:
    deploy = BY_ID["releases.deploy"]
    row = SimpleNamespace(model="rates", champion=2, challenger=None, undeployed=("deploy.replicas",))
    assert deploy.available(row) is None
    row.undeployed = ()
    assert deploy.available(row) == "its servers run as the applied settings say"
    row.champion = None
    assert deploy.available(row) == "nothing serves: promote a version first"
    assert deploy.available(SimpleNamespace(endpoint="rates", state="completed")) is None  # the preview tells


def test_nothing_irreversible_has_a_direct_key() -> None:
    assert all(action.danger != Danger.IRREVERSIBLE for action in ACTIONS)


def test_a_change_without_a_selection_says_why_it_cannot_be_done() -> None:
    for action in ACTIONS:
        if action.group == "act":
            assert action.available(None) == "nothing is selected"


def test_scrolling_keys_never_change_anything() -> None:
    scrolling = {"ctrl+d", "ctrl+u", "ctrl+f", "ctrl+b", "pagedown", "pageup"}
    for action in ACTIONS:
        if scrolling & set(action.keys):
            assert action.group == "move"
        if "space" in action.keys:  # marks rows where rows can be marked, else it is a page down
            assert action.id in ("look.mark", "move.on")
            assert action.danger is Danger.READ


def test_key_table_lists_every_action_once() -> None:
    assert len(key_table()) == len(ACTIONS)


def test_the_table_loads_nothing_heavy() -> None:
    code = (
        "import engine.actions.table, console.app, sys; "
        "print(sorted(sys.modules.keys() & {'textual', 'rich', 'pydantic'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_during_a_release_promote_says_that_one_is_under_way() -> None:
    row = SimpleNamespace(model="rates", champion=1, challenger=None, release="v2 10 %, held")
    said = BY_ID["releases.promote"].reason(row)
    assert said is not None
    assert said.startswith("a release is under way")
    waiting = SimpleNamespace(model="rates", champion=1, challenger=None, release="")
    assert BY_ID["releases.promote"].reason(waiting) == "no challenger waits: open the model and choose a version"


def test_roll_back_is_possible_where_somewhere_to_go_back_to_stands_behind_or_a_release_can_be_aborted() -> None:
    back = BY_ID["releases.rollback"]
    row = {"model": "rates", "champion": 1, "challenger": None, "release": "", "returnable": False}
    assert back.reason(SimpleNamespace(**row)) == "no earlier champion stands behind v1"
    assert back.reason(SimpleNamespace(**{**row, "returnable": True})) is None
    assert back.reason(SimpleNamespace(**{**row, "release": "v2 10 %"})) is None
