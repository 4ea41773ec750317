"""One signed file of evidence: a plain tar whose manifest holds the hash of every member, and a signature over it.

Whoever opens one needs the public key of the deck and nothing else of it. Members keep their order; times and owner are
fixed, so that the same evidence is the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from engine.serving.ed25519 import holds
from store.errors import WorkFailed
from store.rows.frozen import dataclass

MANIFEST, SIGNATURE = "manifest.json", "signature.json"
PURPOSE = b"modeldeck evidence 1\n"  # so that a signature of something else is never one of evidence
FORMAT = 1
MOST_BYTES = 4 << 30

Sign = Callable[[bytes], tuple[str, str]]


class BadEvidence(WorkFailed):
    """A file is not the evidence that a deck signed; the message is one line."""

    code = "bad_evidence"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file holds: what its maker says of it, each member's content, and whose signature stands under it."""

    about: dict[str, Any]
    members: dict[str, bytes]
    signer: str


def pack(members: Mapping[str, bytes], about: Mapping[str, Any], sign: Sign) -> bytes:
    """Return the file of these members; `sign` gives (public key, signature), hexadecimal."""
    told = {name: {"sha256": hashlib.sha256(each).hexdigest(), "size": len(each)} for name, each in members.items()}
    manifest = _canonical({"format": FORMAT, "about": dict(about), "members": told})
    signer, signature = sign(PURPOSE + manifest)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, each in (
            *members.items(),
            (MANIFEST, manifest),
            (SIGNATURE, _canonical({"signer": signer, "signature": signature})),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(each), 0o600, 0
            tar.addfile(entry, io.BytesIO(each))
    return out.getvalue()


def opened(file: BinaryIO, name: str, signers: Collection[str]) -> Evidence:
    """Return what a file holds when one of `signers` (public keys, hexadecimal) signed exactly that.

    Raises:
        BadEvidence: it is no such file, another's, not what was signed, lacks a member, or holds one more.
    """
    found = _members(file, name)
    try:
        manifest_bytes, under = found.pop(MANIFEST), json.loads(found.pop(SIGNATURE))
        signer, signature = str(under["signer"]), bytes.fromhex(under["signature"])
    except KeyError as error:
        raise _bad(name, f"it has no {str(error).strip(chr(39))}") from None
    except (ValueError, TypeError):
        raise _bad(name, f"its {SIGNATURE} cannot be read") from None
    if signer not in signers:
        raise _bad(name, f"it is signed by {signer[:16]}, and that key is not the one asked for")
    if not holds(bytes.fromhex(signer), PURPOSE + manifest_bytes, signature):
        raise _bad(name, f"the signature is not of its {MANIFEST}")
    try:
        manifest = json.loads(manifest_bytes)
        told, about = manifest["members"], dict(manifest["about"])
        sums = {member: str(one["sha256"]) for member, one in told.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _bad(name, f"its {MANIFEST} cannot be read") from None
    for member, wanted in sums.items():
        if member not in found:
            raise _bad(name, f"{member} is missing")
        if hashlib.sha256(found[member]).hexdigest() != wanted:
            raise _bad(name, f"{member} is not what was signed")
    more = sorted(set(found) - set(sums))
    if more:
        raise _bad(name, f"{more[0]} was added")
    return Evidence(about, found, signer)


def _members(file: BinaryIO, name: str) -> dict[str, bytes]:
    """Read a tar into memory, nothing of it anywhere else."""
    found: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for entry in tar:
                shown = "".join(each if each.isprintable() else "?" for each in entry.name)[:80]
                if not entry.isreg():
                    raise _bad(name, f"{shown!r} is not a plain file")
                if not _is_plain(entry.name):
                    raise _bad(name, f"{shown!r} leads out of it")
                if entry.name in found:
                    raise _bad(name, f"{shown} is there twice")
                total += entry.size
                content = tar.extractfile(entry)
                if total > MOST_BYTES or content is None:
                    raise _bad(name, "it is larger than evidence can be")
                found[entry.name] = content.read()
                if len(found[entry.name]) != entry.size:
                    raise _bad(name, f"it is cut off within {shown}")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise _bad(name, f"it cannot be read as a tar ({' '.join(str(error).split())})") from None
    return found


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and "/".join(parts) == name and ".." not in parts and parts[0] != "/" and name.isprintable()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _bad(name: str, what: str) -> BadEvidence:
    return BadEvidence(f"{name} is not to be trusted: {what}", "ask for it again where it was made")
