"""Evidence for an auditor: one signed file, checked without the deck, and refused when anything of it was touched."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.access import Caller, Role
from engine.governance.evidence_check import check
from engine.governance.evidence_file import BadEvidence, pack
from engine.release import submit_promote
from engine.service.call import call
from engine.service.context import ServiceContext
from store import events, settings
from store.errors import NotAllowed, Refused, UnknownName

STRANGER = Ed25519PrivateKey.generate()


def sign_as_stranger(content):
    return STRANGER.public_key().public_bytes_raw().hex(), STRANGER.sign(content).hex()


@pytest.fixture(name="sealed")
def stage_with_a_sealed_version(serving, add_version):
    """v3 is sealed, released, and its environment is there."""
    deck = serving.deck
    lock = deck.artifacts.put_bytes(b'{"distributions":{},"interpreter":"CPython 3.11.2","platform":"linux-x86_64"}')
    add_version(bundle_hash="", environment_hash=lock)
    serving.run(submit_promote(deck, "rates", 3, actor="user:anna"))
    return serving


def ask(stage, operation, role=Role.OPERATOR, **body):
    return call(ServiceContext(stage.deck, Caller("user:olga", role)), operation, body)


@pytest.fixture(name="made")
def evidence_file(sealed, tmp_path):
    """The evidence of v3 as a file, and the key it is signed with."""
    done = ask(sealed, "audit.collect", model="rates", version=3)
    path = tmp_path / "rates.evidence"
    path.write_bytes(sealed.deck.artifacts.read(done.hash))
    return path, done


def rewritten(path, change):
    """Write the file anew with its members changed, in their order; `change` maps a list of (name, content)."""
    with tarfile.open(path) as tar:
        members = [(one.name, tar.extractfile(one).read()) for one in tar]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in change(members):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    path.write_bytes(out.getvalue())


def member(path, name):
    with tarfile.open(path) as tar:
        return tar.extractfile(name).read()


def test_it_holds_what_speaks_for_a_version_and_the_record_and_is_on_record_itself(sealed, made):
    path, done = made
    found = check(path, (done.signer,))
    assert (found.of, found.events, found.head, found.signer) == ("rates@3", done.events, done.head, done.signer)
    assert {"card.md", "seal.json", "releases.json", "approvals.json", "access.json", "events.jsonl"} <= set(
        found.members
    )
    assert b"# rates@3" in member(path, "card.md")
    assert json.loads(member(path, "releases.json"))[0]["state"] == "completed"
    assert json.loads(member(path, "compliance.json"))["version"] == 3
    told = events.events(sealed.deck.database, limit=1)[0]
    assert (told.action, told.actor, told.subject_id) == ("audit.exported", "user:olga", done.hash)


def test_the_record_alone_is_signed_too(sealed, tmp_path):
    done = ask(sealed, "audit.collect")
    path = tmp_path / "record"
    path.write_bytes(sealed.deck.artifacts.read(done.hash))
    found = check(path, (done.signer,))
    assert (found.of, found.members, found.events) == ("", ("events.jsonl",), done.events)


def test_one_byte_changed_anywhere_is_refused_in_one_line(made):
    path, done = made
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 40):
        if content[place]:  # between members a tar is filled with zeros, which say nothing
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(BadEvidence) as caught:
                check(path, (done.signer,))
            assert "\n" not in caught.value.line()
    path.write_bytes(content)
    check(path, (done.signer,))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: [one for one in found if one[0] != "card.md"], "card.md is missing"),
        (lambda found: [*found, ("more.txt", b"x")], "more.txt was added"),
        (lambda found: [*found, ("../../etc/cron.d/x", b"x")], r"'../../etc/cron.d/x' leads out of it"),
        (lambda found: [*found, ("/etc/passwd", b"x")], "'/etc/passwd' leads out of it"),
        (lambda found: [*found, found[0]], "is there twice"),
        (lambda found: [one for one in found if one[0] != "signature.json"], "it has no signature.json"),
        (lambda found: [one for one in found if one[0] != "manifest.json"], "it has no manifest.json"),
        (
            lambda found: [(name, b"# edited" if name == "card.md" else each) for name, each in found],
            "card.md is not what was signed",
        ),
        (
            lambda found: [(name, each.replace(b"rates@3", b"rates@4")) for name, each in found],
            "the signature is not of its manifest.json",  # the first thing that is looked at
        ),
    ],
)  # fmt: skip
def test_what_was_taken_away_added_or_edited_is_refused(made, change, told):
    path, done = made
    rewritten(path, change)
    with pytest.raises(BadEvidence, match=told):
        check(path, (done.signer,))


def test_a_link_is_no_member(made, tmp_path):
    path, done = made
    with tarfile.open(path, "a") as tar:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(BadEvidence, match="'link' is not a plain file"):
        check(path, (done.signer,))


def repacked(path, change):
    """Sign changed members anew with another key, as somebody would who has no key of the deck."""
    with tarfile.open(path) as tar:
        members = {one.name: tar.extractfile(one).read() for one in tar}
    about = json.loads(members.pop("manifest.json"))["about"]
    del members["signature.json"]
    members, about = change(members, about)
    path.write_bytes(pack(members, about, sign_as_stranger))
    return sign_as_stranger(b"")[0]


def test_another_key_is_refused_and_a_stranger_who_is_asked_for_still_cannot_forge_the_parts(made):
    path, done = made
    stranger = repacked(path, lambda members, about: (members, about))
    with pytest.raises(BadEvidence, match="that key is not the one asked for"):
        check(path, (done.signer,))
    assert check(path, (stranger,)).signer == stranger  # who asks for a stranger's signature gets the stranger's word


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (lambda lines: [*lines[:3], *lines[4:]], "event 4 is missing"),
        (
            lambda lines: [*lines[:3], lines[3].replace(b"user:anna", b"user:ben"), *lines[4:]],
            "event 4 is not what was",
        ),
        (lambda lines: lines[:-1], "the record does not end where its maker says"),
    ],
)
def test_an_event_removed_from_the_middle_changed_or_cut_off_is_seen(made, line, told):
    path, _ = made

    def change(members, about):
        lines = members["events.jsonl"].splitlines(keepends=True)
        return {**members, "events.jsonl": b"".join(line(lines))}, about

    stranger = repacked(path, change)
    with pytest.raises(BadEvidence, match=told):
        check(path, (stranger,))


def test_a_version_that_is_not_the_sealed_one_is_seen(made):
    path, _ = made

    def change(members, about):
        body = json.loads(members["version.json"])
        return {**members, "version.json": json.dumps({**body, "artifact_hash": f"sha256:{'0' * 64}"}).encode()}, about

    stranger = repacked(path, change)
    with pytest.raises(BadEvidence, match="the artifact of rates@3 is not what was sealed"):
        check(path, (stranger,))


def test_what_is_no_key_no_file_or_no_tar_is_told(made, tmp_path):
    path, done = made
    with pytest.raises(Refused, match="is no public key"):
        check(path, ("ab12",))
    with pytest.raises(Refused, match="cannot be read"):
        check(tmp_path / "absent", (done.signer,))
    path.write_bytes(b"no tar" * 300)
    with pytest.raises(BadEvidence, match="cannot be read as a tar"):
        check(path, (done.signer,))


def test_pieces_of_evidence_are_read_and_of_nothing_else(sealed, made):
    _, done = made
    assert ask(sealed, "audit.file", hash=done.hash).next_offset is None
    snapshot = sealed.deck.database.row("SELECT artifact_hash AS hash FROM version WHERE number = 3")["hash"]
    with pytest.raises(UnknownName, match="no evidence"):
        ask(sealed, "audit.file", hash=snapshot)
    with pytest.raises(Refused, match="has no byte"):
        ask(sealed, "audit.file", hash=done.hash, offset=done.size_bytes + 1)
    with pytest.raises(NotAllowed):
        ask(sealed, "audit.collect", Role.VIEWER)


def test_a_deck_without_a_key_or_with_another_signs_nothing(serving, sealed):
    key = sealed.deck.workspace.keys / "deck"
    content = key.read_bytes()
    key.unlink()
    with pytest.raises(Refused, match="the key of this deck is gone"):
        ask(sealed, "audit.collect")
    from cryptography.hazmat.primitives import serialization as form

    key.write_bytes(STRANGER.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    with pytest.raises(Refused, match="not the one on record"):
        ask(sealed, "audit.head")
    key.write_bytes(content)
    assert ask(sealed, "audit.key")[-1].public == ask(sealed, "audit.head").signer


def test_a_deck_that_never_made_a_version_has_no_key_yet(deck, apply_settings_body):
    apply_settings_body("rates")
    context = ServiceContext(deck, Caller("user:olga", Role.OPERATOR))
    with pytest.raises(Refused, match="no key yet"):
        call(context, "audit.collect", {})
    assert call(context, "audit.key", {}) == []


def test_it_names_the_deck_as_its_settings_do_and_not_as_its_folder_is_called(sealed, made):
    path, done = made
    assert check(path, (done.signer,)).deck == settings.applied_body(sealed.deck.database)["name"]
    assert ask(sealed, "audit.head").deck == settings.applied_body(sealed.deck.database)["name"]
    assert settings.deck_name(sealed.deck.database, "folder") != "folder"
