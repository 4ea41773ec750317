"""Who asks, and which role the deck gives them."""

from __future__ import annotations

import grp
import os
import pwd

import pytest

from engine.access import Role
from engine.service.identity import caller_of, highest_role, owner_here, sudo_via
from engine.workspace import Workspace
from store.errors import NotAllowed

ME = os.geteuid()
NAME = pwd.getpwuid(ME).pw_name
GROUP = grp.getgrgid(pwd.getpwuid(ME).pw_gid).gr_name
OTHER = 60_123  # a user without a name


def test_owner_is_admin_whatever_the_access_table_says():
    caller = caller_of(ME, ME, {"viewer": (NAME,)}, "sudo:anna")
    assert (caller.actor, caller.role, caller.via) == (f"user:{NAME}", Role.ADMIN, "sudo:anna")


def test_without_an_access_table_nobody_else_gets_in():
    with pytest.raises(NotAllowed, match=f"user {OTHER} has no role on this deck") as caught:
        caller_of(OTHER, ME, {})
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(
    ("access", "role"),
    [
        ({"viewer": (NAME,)}, Role.VIEWER),
        ({"viewer": (NAME,), "approver": (NAME,), "operator": ("ben",)}, Role.APPROVER),
        ({"operator": (f"@{GROUP}",)}, Role.OPERATOR),
    ],
)
def test_user_named_by_name_or_group_has_the_highest_of_the_roles(access, role):
    assert caller_of(ME, OTHER, access).role is role


def test_group_is_never_taken_for_a_user_of_its_name():
    assert highest_role("staff", frozenset(), {"admin": ("@staff",)}) is None
    assert highest_role("ben", frozenset({"staff"}), {"admin": ("staff",)}) is None


def test_any_other_user_is_refused_in_process_root_included(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0 if ME else OTHER)
    with pytest.raises(NotAllowed, match=f"this deck belongs to {NAME}") as caught:
        owner_here(Workspace(tmp_path))
    assert f"run as {NAME}" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "expected"),
    [("anna", "sudo:anna"), ("a-b_c.d", "sudo:a-b_c.d"), ("", None), ("a\nb", None), ("user:root", None)],
)
def test_sudo_is_recorded_only_where_it_is_a_plain_name(said, expected):
    assert sudo_via({"SUDO_USER": said}) == expected
