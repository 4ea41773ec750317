"""Seals of versions: made with them, looked at before anything is loaded, on the deck and in the server."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.deploy.stage import stage
from engine.model_io import sealing
from engine.model_io.load import load_version
from engine.serving.seal import FILE, SIGNERS, SealError, check, files_hash, signed_bytes
from engine.settings.model import DeckSettings
from store import events, seals, settings
from store.errors import CorruptArtifact, Refused


def model_settings(world):
    row = settings.get(world.deck.database, world.revision)
    return DeckSettings.from_body(row.body).models["rates"]


@pytest.fixture(name="sealed")
def a_sealed_version(world):
    """A world and its first version."""
    return world, world.version(1)


def put(deck, **changes):
    """Change the row of the first seal, as somebody who can write to the registry."""
    with deck.database.write() as tx:
        for name, value in changes.items():
            tx.execute(f"UPDATE version_seal SET {name} = :value WHERE number = 1", {"value": value})


def test_a_version_is_sealed_with_the_decks_key_which_is_on_record(sealed):
    world, version = sealed
    seal = sealing.checked(world.deck, version)
    assert seals.signers(world.deck.database) == (seal.signer,)
    assert seal.statement["artifact"] == version.artifact_hash.removeprefix("sha256:")
    assert [one.body["public"] for one in events.events(world.deck.database) if one.action == "deck.key_made"] == [
        seal.signer
    ]
    assert oct((world.deck.workspace.keys / "deck").stat().st_mode)[-3:] == "600"


def test_what_was_removed_or_is_anothers_is_refused_in_one_line(sealed):
    world, version = sealed
    stranger = Ed25519PrivateKey.generate()
    seal = sealing.checked(world.deck, version)
    put(world.deck, signature=stranger.sign(signed_bytes(seal.statement)).hex())
    with pytest.raises(CorruptArtifact, match=r"the seal of rates@1 is broken"):
        load_version(world.deck, version)
    forged = {**seal.statement, "artifact": "0" * 64}
    put(world.deck, signature=seal.signature, statement=json.dumps(forged))
    with pytest.raises(CorruptArtifact, match="is broken"):
        stage(world.deck, version, model_settings(world))
    with world.deck.database.write() as tx:
        tx.execute("DELETE FROM version_seal")
        tx.execute("DELETE FROM deck_key")
    with pytest.raises(CorruptArtifact, match="rates@1 bears no seal"):  # the record still knows that there was a key
        stage(world.deck, version, model_settings(world))


@pytest.mark.parametrize("what", ["artifact_hash", "golden_hash", "environment_hash", "snapshot_id"])
def test_a_row_that_names_something_else_than_was_sealed_is_refused(sealed, what):
    world, version = sealed
    with pytest.raises(CorruptArtifact, match="of rates@1 is not what was sealed"):
        sealing.checked(world.deck, dataclasses.replace(version, **{what: f"sha256:{'0' * 64}"}))


def test_a_compiled_form_is_sealed_with_the_version(world):
    version = world.register(slope=2.0, is_compiled=True)
    folder = stage(world.deck, version, model_settings(world))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    signers = seals.signers(world.deck.database)
    check(folder, manifest, signers)
    other = b"another compiled form"
    (folder / "compiled.zip").write_bytes(other)
    manifest["compiled"]["sha256"] = hashlib.sha256(other).hexdigest()  # by somebody who can write to the folder
    with pytest.raises(SealError, match=f"the compiled form of rates@{version.number} is not what was sealed"):
        check(folder, manifest, signers)
    swapped = dataclasses.replace(version, evaluation={"compiled": {"hash": "sha256:" + "0" * 64}})
    with pytest.raises(CorruptArtifact, match="the compiled form of rates"):
        sealing.checked(world.deck, swapped)


def test_a_deck_from_before_seals_seals_what_it_has_once(sealed):
    world, version = sealed
    world.register(slope=2.0)
    with world.deck.database.write() as tx:
        tx.execute("DELETE FROM version_seal")
        tx.execute("DELETE FROM deck_key")
        tx.execute("DROP TRIGGER IF EXISTS event_not_deleted")
        tx.execute("DELETE FROM event WHERE action = 'deck.key_made'")
    sealing.checked(world.deck, version)
    assert seals.unsealed(world.deck.database) == []


def test_a_key_that_was_lost_is_followed_by_another_and_old_seals_hold(sealed):
    world, version = sealed
    (world.deck.workspace.keys / "deck").unlink()
    second = world.register(slope=2.0)
    first_signer, second_signer = (sealing.checked(world.deck, one).signer for one in (version, second))
    assert first_signer != second_signer
    assert set(seals.signers(world.deck.database)) == {first_signer, second_signer}


def test_a_key_file_that_holds_no_key_is_told(sealed):
    world, _ = sealed
    (world.deck.workspace.keys / "deck").write_text("nothing")
    with pytest.raises(Refused, match="holds no Ed25519 key"):
        world.register(slope=2.0)


@pytest.fixture(name="folder")
def staged_folder(sealed, tmp_path):
    """A copy of what a server is given, its manifest and the keys it is to trust."""
    world, version = sealed
    folder = tmp_path / "server"
    shutil.copytree(stage(world.deck, version, model_settings(world)), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    return folder, manifest, seals.signers(world.deck.database)


def test_a_folder_as_it_was_staged_is_served(folder):
    check(*folder)


@pytest.mark.parametrize("name", ["model.skops", "golden.json"])
def test_one_byte_changed_is_refused(folder, name):
    place = folder[0] / name
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(bytes(content))
    with pytest.raises(SealError, match=r"of rates@1 is not what was sealed"):
        check(*folder)


def test_a_manifest_that_promises_or_decides_something_else_is_refused(folder):
    place, manifest, signers = folder
    for changed in ({"decision": {"threshold": 0.1}}, {"signature": {"inputs": [], "outputs": []}}, {"version": 2}):
        with pytest.raises(SealError, match="rates@"):
            check(place, {**manifest, **changed}, signers)
    with pytest.raises(SealError, match="names another artifact"):
        check(place, {**manifest, "artifact": {"file": "model.skops", "sha256": "0" * 64}}, signers)


def test_no_seal_a_foreign_one_and_one_that_cannot_be_read_are_refused(folder):
    place, manifest, signers = folder
    with pytest.raises(SealError, match="another deck's key"):
        check(place, manifest, ["ab" * 32])
    seal = json.loads((place / FILE).read_text())
    (place / FILE).write_text(json.dumps({**seal, "signature": "not hexadecimal"}))
    with pytest.raises(SealError, match="is not readable"):
        check(place, manifest, signers)
    (place / FILE).unlink()
    with pytest.raises(SealError, match="bears no readable seal"):
        check(place, manifest, signers)


def test_code_is_sealed_by_name_and_content():
    one = [("a.py", b"x = 1"), ("b.py", b"")]
    assert files_hash(one) == files_hash(reversed(one))
    assert (
        len({files_hash(each) for each in (one, [("a.py", b"x = 2"), ("b.py", b"")], one[:1], [("c.py", b"x = 1")])})
        == 4
    )


def test_the_server_itself_refuses_and_says_why_in_one_line(folder, tmp_path):
    place, _, signers = folder
    (place / FILE).unlink()
    words = ["--folder", str(place), "--segments", str(tmp_path / "log"), "--deployment", "d1"]
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "engine.serving", *words, "--ready-file", str(tmp_path / "ready.json")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, SIGNERS: ",".join(signers)},
    )
    assert (ran.returncode, ran.stderr) == (1, "rates@1 bears no readable seal\n")
    assert json.loads((tmp_path / "ready.json").read_text())["state"] == "failed"
