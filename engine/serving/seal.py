"""The seal of a version: what it is made of, by hash, signed with the key of the deck that made it.

A server looks before anything of the folder is loaded: the seal is of a deck it was told to trust, and artifact, golden
requests, code, signature and decision are the sealed ones. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.serving.ed25519 import holds

FILE = "seal.json"
SIGNERS = "MODELDECK_SIGNERS"  # of a server's environment: public keys of the decks it trusts, hexadecimal, by commas
PURPOSE = b"modeldeck version seal 1\n"  # so that a signature of something else is never one of a version


class SealError(Exception):
    """The folder must not be served; the message is one clear line."""


def signed_bytes(statement: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed for a statement: its canonical JSON after the purpose."""
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return PURPOSE + text.encode()


def files_hash(files: Iterable[tuple[str, bytes]]) -> str:
    """Return one SHA-256, hexadecimal, over the relative names and contents of files, whatever their order."""
    lines = sorted(f"{name}\0{hashlib.sha256(content).hexdigest()}\n" for name, content in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def broken(seal: Mapping[str, Any], name: str, signers: Collection[str]) -> str:
    """Say why a seal is not to be trusted, "" where it is. `name` is what it should be of, as `rates@7`."""
    try:
        signer, signature = str(seal["signer"]), bytes.fromhex(seal["signature"])
        public = bytes.fromhex(signer)
        statement = dict(seal["statement"])
    except (KeyError, TypeError, ValueError):
        return f"the seal of {name} is not readable"
    if signer not in signers:
        return f"the seal of {name} is of another deck's key {signer[:16]}"
    if not holds(public, signed_bytes(statement), signature):
        return f"the seal of {name} is broken: its signature is not of what it says"
    if f"{statement.get('model')}@{statement.get('version')}" != name:
        return f"the seal of {name} is of {statement.get('model')}@{statement.get('version')}"
    return ""


def check(folder: Path, manifest: Mapping[str, Any], signers: Collection[str]) -> None:
    """Look whether a server folder is what the deck sealed.

    Raises:
        SealError: the seal is absent, another's or broken, or something in the folder is not what was sealed.
    """
    name = f"{manifest['model']}@{manifest['version']}"
    try:
        seal = json.loads((folder / FILE).read_bytes())
    except (OSError, ValueError):
        raise SealError(f"{name} bears no readable seal") from None
    why = broken(seal, name, signers)
    if why:
        raise SealError(why)
    sealed = seal["statement"]
    found = {
        "artifact": _hash(folder / manifest["artifact"]["file"]),
        "golden": _hash(folder / manifest["golden"]),
        "code": files_hash(_code(folder / manifest["code"])) if manifest.get("code") else "",
        "signature": manifest["signature"],
        "decision": manifest["decision"],
    }
    if "compiled" in manifest:
        found["compiled form"] = _hash(folder / manifest["compiled"]["file"])
    for what, value in found.items():
        if value != sealed.get(what):
            raise SealError(f"the {what} of {name} is not what was sealed")
    if manifest["artifact"]["sha256"] != found["artifact"]:
        raise SealError(f"the manifest of {name} names another artifact than was sealed")


def _code(folder: Path) -> Iterable[tuple[str, bytes]]:
    """Yield what a bundle's folder holds, but for the compiled forms that Python keeps beside it."""
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
