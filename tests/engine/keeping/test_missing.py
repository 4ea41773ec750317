"""A version whose stored content is gone from the disk is told by name, hash and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from console.main import main
from engine.deck import Deck
from engine.keeping.missing import missing
from store import models, versions
from store.rows import Version


def test_nothing_is_missing_where_all_is_there(full: Deck, add_version: Callable[[str], Version]) -> None:
    add_version("two")
    assert missing(full) == []


@pytest.mark.parametrize(
    ("column", "word"),
    [
        ("artifact_hash", "artifact"),
        ("golden_hash", "golden requests"),
        ("bundle_hash", "code bundle"),
        ("environment_hash", "environment lock"),
    ],
)
def test_each_content_that_is_gone_is_told_with_what_to_do(
    full: Deck, add_version: Callable[[str], Version], column: str, word: str
) -> None:
    lost = getattr(add_version("two"), column)
    full.artifacts.place(lost).unlink()
    (told,) = missing(full)
    assert told.startswith(f"rates@2: its {word} {lost} is not in {full.artifacts.root}: ")
    assert "modeldeck backup restore FILE DIR" in told
    assert told.endswith("(modeldeck versions delete rates 2, then modeldeck gc)")


def test_a_version_that_is_held_is_not_to_be_deleted_first(full: Deck, add_version: Callable[[str], Version]) -> None:
    made = add_version("two")
    with full.database.write() as tx:
        models.set_alias(tx, "rates", "challenger", 2, actor="user:anna")
    full.artifacts.place(made.artifact_hash).unlink()
    (told,) = missing(full)
    assert told.endswith("(alias challenger of rates@2 holds it, so move that first)")


def test_what_was_removed_on_purpose_is_not_missed(full: Deck, add_version: Callable[[str], Version]) -> None:
    """Neither that of a deleted version, nor what was erased."""
    made = add_version("two")
    first = versions.version(full.database, "rates", 1)
    with full.database.write() as tx:
        tx.execute("UPDATE version SET deleted_at = :at WHERE number = 2", {"at": tx.at})
        tx.execute("UPDATE blob SET state = 'erased' WHERE hash = :hash", {"hash": first.artifact_hash})
    for one in (made, first):
        full.artifacts.place(one.artifact_hash).unlink()
    assert missing(full) == []


def test_doctor_prints_it(
    full: Deck, add_version: Callable[[str], Version], capsys: pytest.CaptureFixture[str]
) -> None:
    made = add_version("two")
    full.artifacts.place(made.artifact_hash).unlink()
    assert main(["-w", str(full.workspace.root), "doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == missing(full)
    assert main(["-w", str(full.workspace.root), "doctor"]) == 0
    (told,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("missing")]
    assert f"rates@2: its artifact {made.artifact_hash}" in told


def test_doctor_opens_no_registry_of_another_user(
    full: Deck, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files would be that user's, and its owner shut out."""
    root = full.workspace.root
    full.database.close()
    before = sorted(full.workspace.state.iterdir())
    monkeypatch.setattr(os, "geteuid", lambda: full.workspace.state.stat().st_uid + 1)
    assert main(["-w", str(root), "doctor", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["missing"]
    assert told.startswith("this deck belongs to ")
    assert sorted(full.workspace.state.iterdir()) == before
