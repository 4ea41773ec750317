"""The form of a bundle: each of its bytes follows from what was signed, and any other is refused by name."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.interop.bundle_file import (
    MANIFEST,
    MOST_BYTES,
    MOST_MEMBER_BYTES,
    BadBundle,
    Member,
    file_size,
    manifest_of,
    members_of,
    place_in,
    signed,
    write,
)
from store.errors import WorkFailed

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw().hex()
FILES = {"version.json": b'{"model": "rates"}\n', "server/model.skops": bytes(range(256)) * 5, "empty": b""}


def sign(content):
    return PUBLIC, KEY.sign(content).hex()


def member_of(name, content):
    return Member(name, hashlib.sha256(content).hexdigest(), len(content))


def made(files=FILES, about=None):
    """Return the bytes of a bundle of these files."""
    manifest = signed(about or {"of": "rates@1"}, [member_of(*one) for one in files.items()], sign)
    out = io.BytesIO()
    write(manifest, lambda member: [files[member.name]], out)
    return out.getvalue()


def opened(content):
    """Read a bundle to its end; its manifest and what it holds."""
    file = io.BytesIO(content)
    manifest = manifest_of(file, "v1.bundle")
    return manifest, all_of(file, manifest)


def all_of(file, manifest):
    return {member.name: b"".join(pieces) for member, pieces in members_of(file, "v1.bundle", manifest)}


def changed(content, place, bit):
    return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


def refusal(content):
    with pytest.raises(BadBundle) as raised:
        opened(content)
    assert "\n" not in raised.value.message
    assert raised.value.message.startswith("v1.bundle is not to be trusted: ")
    return raised.value.message.removeprefix("v1.bundle is not to be trusted: ")


def header(name, size=0, kind=tarfile.REGTYPE, link=""):
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname, entry.mode = size, kind, link, 0o644
    return entry.tobuf(tarfile.USTAR_FORMAT)


def test_what_was_written_is_read_and_the_file_is_as_long_as_its_manifest_says():
    content = made()
    manifest, found = opened(content)
    assert found == FILES
    assert (manifest.signer, manifest.about, file_size(manifest)) == (PUBLIC, {"of": "rates@1"}, len(content))
    start = place_in(manifest, "server/model.skops")
    assert content[start : start + 256] == bytes(range(256))


def test_any_tar_unpacks_it():
    with tarfile.open(fileobj=io.BytesIO(made())) as tar:
        names = tar.getnames()
        assert names == [MANIFEST, "signature.json", *FILES]
        assert tar.extractfile("server/model.skops").read() == FILES["server/model.skops"]


def test_the_same_files_are_the_same_bytes():
    assert made() == made()


def test_every_byte_that_is_changed_is_found_and_what_it_belongs_to_is_named():
    content = made()
    manifest, _ = opened(content)
    begin = place_in(manifest, "version.json") - 512
    told = {refusal(changed(content, place, 0x20)) for place in range(begin)}
    for place in range(begin, len(content)):
        for bit in (0x01, 0x20, 0x80):
            file = io.BytesIO(changed(content, place, bit))
            file.seek(begin)  # what comes before is as it was, and costs a signature to look at
            with pytest.raises(BadBundle) as raised:
                all_of(file, manifest)
            told.add(raised.value.message)
    for name in (MANIFEST, "signature.json", *FILES):
        assert any(name in one for one in told), (name, told)


@pytest.mark.parametrize("cut", [1, 512, 5000])
def test_one_that_was_cut_off_or_added_to_is_refused_before_its_members_are_read(cut):
    content = made()
    assert "it was cut off" in refusal(content[:-cut])
    assert f"{cut:,} bytes were added at its end" in refusal(content + b"\0" * cut)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.DIRTYPE, "a folder"),
    ],
)
def test_links_devices_pipes_and_folders_are_refused_by_name(kind, word):
    content = made()
    manifest, _ = opened(content)
    start = place_in(manifest, "version.json") - 512
    evil = content[:start] + header("evil", 0, kind, "/etc/passwd") + content[start + 512 :]
    assert refusal(evil) == f"'evil' is {word}, where version.json should be"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../b", "a//b", "./a", "a\\b", "a\nb", ""])
def test_a_name_that_leads_out_is_refused_whoever_signed_it(name):
    assert "leads out of it" in refusal_of_manifest([Member(name, "0" * 64, 0)])
    content = made()
    start = place_in(opened(content)[0], "version.json") - 512
    if name:
        assert "should be" in refusal(content[:start] + header(name) + content[start + 512 :])


def refusal_of_manifest(members):
    with pytest.raises(BadBundle) as raised:
        signed({"of": "rates@1"}, members, sign)
    return raised.value.message


def test_a_bundle_that_promises_more_than_any_may_hold_is_refused_by_its_manifest_alone():
    huge = [
        Member(f"data/{number}", "0" * 64, MOST_MEMBER_BYTES) for number in range(MOST_BYTES // MOST_MEMBER_BYTES + 1)
    ]
    assert "larger than a bundle can be" in refusal_of_manifest(huge)
    assert "larger than a member can be" in refusal_of_manifest([Member("data/a", "0" * 64, MOST_MEMBER_BYTES + 1)])
    assert "more than 20,000" in refusal_of_manifest([Member(f"data/{n}", "0" * 64, 0) for n in range(20_001)])
    assert "is there twice" in refusal_of_manifest([Member("a", "0" * 64, 0)] * 2)
    assert "has no hash" in refusal_of_manifest([Member("a", "0" * 63 + "A", 0)])


def test_one_that_another_key_signed_in_the_signers_name_is_refused():
    other = Ed25519PrivateKey.generate()
    files = [member_of(*one) for one in FILES.items()]
    with pytest.raises(BadBundle, match=r"the signature is not of its manifest\.json"):
        signed({"of": "rates@1"}, files, lambda content: (PUBLIC, other.sign(content).hex()))


def test_another_spelling_of_the_same_signature_is_refused():
    with pytest.raises(BadBundle):
        signed({}, [], lambda content: (PUBLIC.upper(), KEY.sign(content).hex()))
    with pytest.raises(BadBundle):
        signed({}, [], lambda content: (PUBLIC, KEY.sign(content).hex().upper()))


@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 10240, header("other", 3) + b"abc".ljust(512, b"\0")])
def test_what_is_no_bundle_is_told_so(content):
    assert "where manifest.json should be" in refusal(content) or "does not begin as a bundle" in refusal(content)


def test_what_is_not_what_was_promised_is_not_written():
    manifest = signed({}, [member_of("a", b"one")], sign)
    with pytest.raises(WorkFailed, match="a is not what the version holds"):
        write(manifest, lambda _member: [b"two"], io.BytesIO())
