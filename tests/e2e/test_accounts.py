"""Real accounts on one deck: each comes in under its own name, as far as its role, and nobody else does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from accounts import RUN
from operator_console import at_console, tell
from shared_tiny import SharedTiny, shared_tiny
from tiny_deck import Said

from engine.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", name="tiny")
def shared_tiny_deck() -> Iterator[SharedTiny]:
    """The deck with an owner, an operator, a viewer and a stranger."""
    with shared_tiny() as made:
        yield made


@pytest.fixture(scope="module", name="serving")
def operators_version_serves(tiny: SharedTiny) -> SharedTiny:
    """The operator has trained and promoted."""
    trained = tiny(tiny.operator, "train", "rates", "--json")
    assert trained.data["actor"] == f"user:{tiny.operator}"
    promoted = tiny(tiny.operator, "promote", "rates", "1", "--yes", "--reason", "the first")
    assert promoted.code == 0, promoted
    return tiny


def test_changes_carry_the_name_of_who_made_them(serving: SharedTiny) -> None:
    released = serving.events("action=release.requested")[0]
    assert (released["actor"], released["reason"]) == (f"user:{serving.operator}", "the first")
    assert {event["actor"] for event in serving.events("action=job.requested")} >= {f"user:{serving.operator}"}


def test_viewer_reads_everything_through_the_socket(serving: SharedTiny) -> None:
    for words in (
        "pulse", "models", "versions rates", "runs", "jobs", "releases", "events", "alerts", "access", "doctor"
    ):  # fmt: skip
        read = serving(serving.viewer, *words.split(), "--json")
        assert read.code == 0, read
    job = serving(serving.viewer, "jobs", "--json").data[0]["id"]
    assert serving(serving.viewer, "jobs", "logs", job).code == 0
    status = serving(serving.viewer, "daemon", "status", "--json").data
    assert (status["state"], status["log"]) == ("running", "")


def test_viewer_sees_the_console_and_times_of_the_decks_zone(serving: SharedTiny) -> None:
    shown = serving.accounts.screen(serving.viewer, "--deck", serving.name, until="rates")
    assert "rates" in shown
    printed = serving(serving.viewer, "events", "action=release.requested").out
    assert printed == serving.as_owner("events", "action=release.requested").out


def test_viewer_is_refused_a_promotion_and_it_is_on_record(serving: SharedTiny) -> None:
    assert serving(serving.operator, "train", "rates").code == 0
    before = serving(serving.viewer, "releases", "--json").data
    assert serving(serving.viewer, "promote", "rates", "2", "--yes").refusal(6) == (
        f"user:{serving.viewer} is viewer; releases.promote needs operator: "
        "the deck's owner sets roles under [access] in deck.toml"
    )
    [refused] = serving.events(f"action=access.refused and actor=user:{serving.viewer}")
    assert (refused["subject_id"], refused["body"]) == (
        "releases.promote",
        {"count": 1, "needs": "operator", "role": "viewer"},
    )
    assert serving(serving.viewer, "releases", "--json").data == before


def test_operator_is_not_admin(serving: SharedTiny) -> None:
    assert "needs admin" in serving(serving.operator, "apply").refusal(6)


def test_matrix_says_who_may_do_what_and_who_asks(serving: SharedTiny) -> None:
    report = serving(serving.operator, "access", "--json").data
    assert (report["actor"], report["role"], report["owner"]) == (
        f"user:{serving.operator}",
        "operator",
        serving.owner,
    )
    assert {row["operation"] for row in report["operations"] if row["you"]} > {"releases.promote", "models.list"}
    assert not next(row["you"] for row in report["operations"] if row["operation"] == "deck.apply")
    assert serving.operator in serving(serving.viewer, "access").out


def test_files_of_predict_and_outcomes_are_the_callers_own(serving: SharedTiny) -> None:
    home = serving.accounts.home_of(serving.operator)
    asked = home / "asked.csv"
    asked.write_text("night,rooms,season\n2024-05-01,2,low\n2024-05-02,3,high\n")
    asked.chmod(0o600)
    shutil.chown(asked, serving.operator)
    records = serving(serving.operator, "predict", "rates", str(asked), "--json").data
    assert len(records) == 2
    told = home / "told.csv"
    told.write_text("prediction_id,value\n" + "".join(f"{row['prediction_id']},100\n" for row in records))
    told.chmod(0o600)
    shutil.chown(told, serving.operator)
    assert serving(serving.operator, "outcomes", "rates", str(told)).code == 0
    [recorded] = serving.events("action=outcomes.recorded")
    assert recorded["actor"] == f"user:{serving.operator}"
    assert "cannot be read: Permission denied" in serving(serving.viewer, "predict", "rates", str(asked)).refusal(2)


def test_account_outside_the_group_cannot_connect_and_is_told_what_to_ask_for(tiny: SharedTiny) -> None:
    for words in (("models",), ("promote", "rates", "1", "--yes"), ("daemon", "status"), ()):
        said = tiny(tiny.outsider, *words)
        if not words:
            assert said.code == 2  # the console needs a terminal
            continue
        assert said.refusal(6) == (
            f"deck {tiny.name} is open to group {tiny.accounts.group}, and {tiny.outsider} is not in it: "
            f"ask {tiny.owner} for group {tiny.accounts.group} and a role under [access], then log in anew"
        )


def test_root_is_nobody_special_on_anothers_deck(tiny: SharedTiny) -> None:
    for words in (("models",), ("promote", "rates", "1", "--yes"), ("apply",)):
        said = _as_root(tiny, "--deck", tiny.name, *words)
        assert said.refusal(6).startswith("user root has no role on this deck")
    refused = tiny.events("action=access.refused and actor=user:root")
    assert {event["body"]["role"] for event in refused} == {"none"}
    assert _as_root(tiny, "-w", str(tiny.root), "models").refusal(6) == (
        f"this deck belongs to {tiny.owner}, you are root: "
        f"run as {tiny.owner}, or name the deck where it is shared: --deck NAME"
    )


def test_private_folder_and_private_socket_are_closed_to_the_decks_own_operators(tiny: SharedTiny) -> None:
    said = tiny.accounts.run(tiny.operator, "-w", str(tiny.root), "models")
    assert said.refusal(6).startswith(f"{tiny.root} is another user's, and closed")
    private = tiny.as_owner("daemon", "status", "--json").data["socket"]
    assert not Path(private).is_relative_to(tiny.root)
    probe = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    ran = subprocess.run(
        [tiny.accounts.interpreter, "-c", probe, private],
        capture_output=True,
        text=True,
        **tiny.accounts.identity(tiny.operator),  # type: ignore[call-overload]
    )
    assert "PermissionError" in ran.stderr


def test_a_version_takes_traffic_only_when_another_account_has_said_yes(serving: SharedTiny) -> None:
    path, operator = serving.root / "models" / "rates.toml", serving.operator
    before = path.read_text()
    path.write_text(before.replace("[gates]", "[gates]\napprovals = 1"))
    try:
        assert serving.as_owner("apply").code == 0
        said = serving(operator, "promote", "rates", "2", "--yes").refusal(7)
        assert (
            said == "rates@2 needs 1 approval, and none is requested; ask for it: modeldeck approvals request rates 2"
        )
        asked = serving(operator, "approvals", "request", "rates", "2", "--reason", "more rows")
        assert "approval of rates@2 open, 0 of 1; an approver: modeldeck approvals grant rates 2" in asked.out
        assert "needs approver" in serving(operator, "approvals", "grant", "rates", "2", "--yes").refusal(6)
        assert "an approver may" in serving(
            operator, "promote", "rates", "2", "--emergency", "--reason", "now", "--yes"
        ).refusal(6)
        shown = serving.as_owner("approvals", "grant", "rates", "2", "--dry-run")
        assert (shown.code, "more rows" in shown.out, "mae" in shown.out) == (0, True, True)
        assert "was not confirmed" in serving.as_owner("approvals", "grant", "rates", "2").refusal(2)
        given = serving.as_owner("approvals", "grant", "rates", "2", "--yes", "--json").data
        assert (given["state"], [one["actor"] for one in given["answers"]]) == ("granted", [f"user:{serving.owner}"])
        promoted = serving(operator, "promote", "rates", "2", "--yes")  # nobody asks it anything: held at its weight
        assert "awaits approval" not in promoted.refusal(7)
        steps = serving(operator, "releases", "show", "rates", "--json").data["steps"]
        step = next(one for one in steps if one["kind"] == "approvals")
        assert (step["state"], step["observed"]["granted"]) == ("done", [f"user:{serving.owner}"])
        assert serving(operator, "releases", "abort", "rates", "--yes").code == 0
        hurry = ("promote", "rates", "2", "--emergency", "--reason", "now", "--yes")
        assert serving.as_owner(*hurry).refusal(2).startswith("rates@2 is approved already: promote it without")
        record = [
            (one["action"], one["actor"])
            for one in reversed(serving.events("approval"))
            if one["subject_kind"] == "approval"
        ]
        assert record == [
            ("approval.requested", f"user:{operator}"),
            ("approval.granted", f"user:{serving.owner}"),
        ]
        listed = serving(serving.viewer, "approvals").out
        assert f"1 of 1: {serving.owner}" in listed
        _grant_by_keys(serving)
    finally:
        path.write_text(before)
        assert serving.as_owner("apply").code == 0


def _grant_by_keys(serving: SharedTiny) -> None:
    """Take back the owner's yes, and give it again from the console, where the operator had waited in vain."""
    assert serving.as_owner("approvals", "withdraw", "rates", "2").code == 0
    with at_console(serving.accounts.console(serving.operator, "--deck", serving.name)) as person:
        person.presses(":")
        person.types("approvals")
        person.sees("rates", "0 of 1")
        person.presses("S")
        person.sees("approver")
    with at_console(serving.accounts.console(serving.owner, cwd=serving.root)) as person:
        person.presses(":")
        person.types("appr")
        person.sees("rates", "0 of 1")
        person.presses("S", "Grant rates: v1 → v2", "mae ✓ passed", f"asked by user:{serving.operator}")
        person.presses("y", "granted")
        tell("say yes to what an operator asked for", person, 8)
    [one] = [each for each in serving.as_owner("approvals", "--json").data if each["version"] == 2]
    assert one["state"] == "granted"
    assert f"user:{serving.owner}" in [answer["actor"] for answer in one["answers"]]


def test_role_taken_away_is_gone_at_once(serving: SharedTiny) -> None:
    path = serving.root / "deck.toml"
    before = path.read_text()
    path.write_text(before.replace(f'viewer = ["{serving.viewer}"]', "viewer = []"))
    try:
        assert serving.as_owner("apply").code == 0
        assert "has no role on this deck" in serving(serving.viewer, "models").refusal(6)
    finally:
        path.write_text(before)
        assert serving.as_owner("apply").code == 0
    assert serving(serving.viewer, "models").code == 0


def test_socket_anyone_put_in_place_of_the_daemons_is_refused(tiny: SharedTiny, tmp_path: Path) -> None:
    place = tmp_path / "evil"
    place.mkdir(mode=0o755)
    path = Path(os.path.relpath(place / "sock"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        (place / "sock").chmod(0o660)
        os.chown(place, 60_123, -1)
        environment = {**os.environ, "MODELDECK_SOCKET": str(place / "sock")}
        assert "is not the socket of 60123" in _as_root(tiny, "models", env=environment).refusal(2)


def _as_root(tiny: SharedTiny, *words: str, env: dict[str, str] | None = None) -> Said:
    environment = env or {name: value for name, value in os.environ.items() if not name.startswith("MODELDECK_")}
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
        env=environment,
    )
    return Said(" ".join(words), ran.returncode, ran.stdout, ran.stderr)


def test_workspace_of_the_deck_is_nowhere_the_operators_can_look(tiny: SharedTiny) -> None:
    assert Workspace(tiny.root).state.stat().st_mode & 0o077 == 0
    assert tiny.accounts.home_of(tiny.owner).stat().st_mode & 0o077 == 0
