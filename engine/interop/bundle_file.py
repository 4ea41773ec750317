"""The form of a bundle: a plain tar that begins with a signed manifest, every byte of which follows from that manifest.

`manifest.json` names each member in order with its size and sha256, `signature.json` is the signature over it. Headers,
padding and end are those that this module writes and no others, so that there is nothing in a bundle that nobody
signed: whoever reads one knows its size before its first member, and looks for no link, device or path in it.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from engine.serving.ed25519 import holds
from store.errors import BadBundle, WorkFailed
from store.rows.frozen import dataclass

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
PIPELINE, GOLDEN, COMPILED, CODE = "server/model.skops", "server/golden.json", "server/compiled.zip", "code.zip"
SERVER_CODE, DATA, IMAGE, MODEL_FILE = "server/code/", "data/", "image/", "model/"
TEXTS = (
    *("version.json", "seal.json", "settings.json", "environment.json", "run.json", "snapshot.json", "card.md"),
    *("card.json", "lineage.json", "checks.json", "approvals.json", "releases.json", "images.json"),
)
PURPOSE = b"modeldeck bundle 1\n"  # so that a signature of something else is never one of a bundle
FORMAT = 1
MOST_MANIFEST_BYTES = 8 << 20
MOST_SIGNATURE_BYTES = 1 << 10
MOST_MEMBERS = 20_000
MOST_BYTES = 64 << 30  # of all members together
MOST_MEMBER_BYTES = (8 << 30) - 1  # what the size field of a plain tar header holds
MOST_NAME = 200

_BLOCK = 512
_RECORD = 10240
_PIECE = 1 << 20
_TYPES = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "a folder",
}

Sign = Callable[[bytes], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a bundle: its path, sha256 (hexadecimal) and size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle's maker says of it, each member in the order of the file, and by whose signature.

    `text` is the manifest as it was signed; `hash`, its sha256, names the bundle.
    """

    about: dict[str, Any]
    members: tuple[Member, ...]
    text: bytes
    signer: str
    signature: str

    @property
    def hash(self) -> str:
        """`sha256:…` of what was signed."""
        return f"sha256:{hashlib.sha256(self.text).hexdigest()}"

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(member.size for member in self.members)

    def member(self, name: str) -> Member | None:
        """Return a member by its path."""
        return next((each for each in self.members if each.name == name), None)


def signed(about: Mapping[str, Any], members: Iterable[Member], sign: Sign) -> Manifest:
    """Return the signed manifest of these members; `sign` gives (public key, signature), hexadecimal.

    Raises:
        BadBundle: they are more, or larger, than a bundle may hold, or a name is none for it.
    """
    listed = tuple(members)
    told = [{"name": each.name, "sha256": each.sha256, "size": each.size} for each in listed]
    text = canonical({"format": FORMAT, "about": dict(about), "members": told})
    signer, signature = sign(PURPOSE + text)
    return read_manifest("the bundle", text, canonical({"signer": signer, "signature": signature}))


def read_manifest(name: str, text: bytes, signature: bytes) -> Manifest:
    """Return a manifest whose signature is of exactly its text; whether its signer is to be trusted is not asked here.

    Raises:
        BadBundle: it is another's, not what was signed, cannot be read, or promises what no bundle may hold.
    """
    try:
        under = json.loads(signature)
        signer, value = str(under["signer"]), str(under["signature"])
        is_ours = canonical({"signer": signer, "signature": value}) == signature and is_hex(signer, 64)
        holds_it = is_ours and is_hex(value, 128) and holds(bytes.fromhex(signer), PURPOSE + text, bytes.fromhex(value))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise bad(name, f"its {SIGNATURE} cannot be read") from None
    if not holds_it:
        raise bad(name, f"the signature is not of its {MANIFEST}")
    try:
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise bad(name, f"it is of format {str(told['format'])[:20]}, and this modeldeck reads {FORMAT}")
        about = dict(told["about"])
        members = tuple(Member(one["name"], one["sha256"], one["size"]) for one in told["members"])
        _check(name, members)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise bad(name, f"its {MANIFEST} cannot be read") from None
    return Manifest(about, members, text, signer, value)


def _check(name: str, members: tuple[Member, ...]) -> None:
    if len(members) > MOST_MEMBERS:
        raise bad(name, f"{len(members):,} members are more than {MOST_MEMBERS:,}")
    seen: set[str] = {MANIFEST, SIGNATURE}
    for each in members:
        if not isinstance(each.name, str) or not is_plain(each.name):
            raise bad(name, f"{shown(str(each.name))} leads out of it")
        if each.name in seen:
            raise bad(name, f"{each.name} is there twice")
        seen.add(each.name)
        if not is_hex(each.sha256, 64):
            raise bad(name, f"{each.name} has no hash")
        if type(each.size) is not int or not 0 <= each.size <= MOST_MEMBER_BYTES:
            raise bad(name, f"{each.name} is larger than a member can be")
    if sum(each.size for each in members) > MOST_BYTES:
        raise bad(name, "it is larger than a bundle can be")


def file_size(manifest: Manifest) -> int:
    """Return how many bytes the file of a bundle has."""
    sizes = [len(manifest.text), len(_signature(manifest)), *(member.size for member in manifest.members)]
    return _whole(sum(_BLOCK + _whole(size, _BLOCK) for size in sizes) + 2 * _BLOCK, _RECORD)


def place_in(manifest: Manifest, name: str) -> int:
    """Return at which byte of the file the content of a member begins.

    Raises:
        KeyError: it has no such member.
    """
    at = sum(_BLOCK + _whole(size, _BLOCK) for size in (len(manifest.text), len(_signature(manifest))))
    for member in manifest.members:
        if member.name == name:
            return at + _BLOCK
        at += _BLOCK + _whole(member.size, _BLOCK)
    raise KeyError(name)


def write(manifest: Manifest, content: Callable[[Member], Iterable[bytes]], target: BinaryIO) -> None:
    """Write a bundle, its members in pieces that `content` gives.

    Raises:
        WorkFailed: what it gives is not what the manifest says.
    """
    for name, whole in ((MANIFEST, manifest.text), (SIGNATURE, _signature(manifest))):
        target.write(_header(name, len(whole)) + whole + _padding(len(whole)))
    for member in manifest.members:
        target.write(_header(member.name, member.size))
        digest, size = hashlib.sha256(), 0
        for piece in content(member):
            digest.update(piece)
            size += len(piece)
            target.write(piece)
        if (digest.hexdigest(), size) != (member.sha256, member.size):
            raise WorkFailed(f"{member.name} is not what the version holds", "look: modeldeck audit verify --deep")
        target.write(_padding(member.size))
    done = file_size(manifest)
    target.write(b"\0" * (done - target.tell()))


def manifest_of(file: BinaryIO, name: str) -> Manifest:
    """Return the manifest that a file begins with, checked as `read_manifest` does; the file stands after it.

    Raises:
        BadBundle: the file is none, or what comes first in it is not what was signed.
    """
    text = _first(file, name, MANIFEST, MOST_MANIFEST_BYTES)
    return read_manifest(name, text, _first(file, name, SIGNATURE, MOST_SIGNATURE_BYTES))


def members_of(file: BinaryIO, name: str, manifest: Manifest) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Yield each member and its content in pieces, which are to be read to their end; nothing is written anywhere.

    Raises:
        BadBundle: a byte of the file is not what follows from the manifest; the first member that has one is named.
    """
    wanted, there = file_size(manifest), _size_of(file)
    if there < wanted:
        raise bad(name, f"it was cut off: {there:,} of {wanted:,} bytes are there")
    if there > wanted:
        raise bad(name, f"{there - wanted:,} bytes were added at its end")
    for member in manifest.members:
        header = file.read(_BLOCK)
        if header != _header(member.name, member.size):
            raise bad(name, _unlike(header, member))
        yield member, _content(file, name, member)
        if file.read(len(_padding(member.size))).strip(b"\0"):
            raise bad(name, f"bytes were put in after {member.name}")
    if file.read().strip(b"\0"):
        raise bad(name, "bytes were put in at its end")


def _content(file: BinaryIO, name: str, member: Member) -> Iterator[bytes]:
    digest, left = hashlib.sha256(), member.size
    while left:
        piece = file.read(min(_PIECE, left))
        if not piece:
            raise bad(name, f"it is cut off within {member.name}")
        digest.update(piece)
        left -= len(piece)
        yield piece
    if digest.hexdigest() != member.sha256:
        raise bad(name, f"{member.name} is not what was signed")


def _first(file: BinaryIO, name: str, member: str, most: int) -> bytes:
    header = file.read(_BLOCK)
    try:
        size = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape").size
    except (tarfile.HeaderError, ValueError):
        raise bad(name, f"it does not begin as a bundle: where its {member} should be is something else") from None
    if not 0 < size <= most:
        raise bad(name, f"its {member} has no size that one can have")
    if header != _header(member, size):
        raise bad(name, _unlike(header, Member(member, "", size)))
    content = file.read(size)
    if len(content) != size:
        raise bad(name, f"it is cut off within {member}")
    if file.read(len(_padding(size))).strip(b"\0"):
        raise bad(name, f"bytes were put in after {member}")
    return content


def _unlike(header: bytes, member: Member) -> str:
    """Say what stands where a member should begin."""
    try:
        found = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return f"the header of {member.name} was changed"
    kind = _TYPES.get(found.type)
    if kind is not None:
        return f"{shown(found.name)} is {kind}, where {member.name} should be"
    if not is_plain(found.name):
        return f"{shown(found.name)} leads out of it, where {member.name} should be"
    if found.name != member.name:
        return f"{shown(found.name)} is where {member.name} should be"
    return f"the header of {member.name} was changed"


def is_plain(name: str) -> bool:
    """Say whether a name is a path below a folder, and one that a plain tar header holds."""
    parts = PurePosixPath(name).parts
    if not parts or "/".join(parts) != name or ".." in parts or parts[0] == "/" or "\\" in name:
        return False
    if not name.isprintable() or len(name.encode("utf-8", "surrogateescape")) > MOST_NAME:
        return False
    try:
        _header(name, 0)
    except ValueError:
        return False
    return True


def is_hex(text: Any, digits: int) -> bool:
    """Say whether this is so many hexadecimal digits, none of them a capital: there is one spelling of each key."""
    return isinstance(text, str) and len(text) == digits and set(text) <= set("0123456789abcdef")


def shown(name: str) -> str:
    """Return a name from a stranger's file as a line of a terminal may hold it."""
    return repr("".join(each if each.isprintable() else "?" for each in name)[:80])


def canonical(value: Any) -> bytes:
    """Return JSON that is the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def bad(name: str, what: str) -> BadBundle:
    """Make the error for a file that is not to be trusted."""
    return BadBundle(f"{name} is not to be trusted: {what}", "nothing of it was taken: ask for it anew")


def _signature(manifest: Manifest) -> bytes:
    return canonical({"signer": manifest.signer, "signature": manifest.signature})


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o644, 0
    return entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return b"\0" * (_whole(size, _BLOCK) - size)


def _whole(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _size_of(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end
