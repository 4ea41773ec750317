"""A bundle of a version that a real deck made, others that it could have signed, and what is wrong with each."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiny_deck import Tiny

from engine.interop.bundle_file import Member, canonical, manifest_of, members_of, signed, write
from engine.model_io import deck_key
from engine.serving import artifact
from engine.serving.seal import files_hash, signed_bytes
from engine.workspace import Workspace
from store.artifacts import hash_bytes

CODE = "def surcharge(price):\n    return price + 1\n"


@dataclass(frozen=True)
class Made:
    """A bundle of `rates@1` with the key it is signed with, and a way to make others with that key."""

    tiny: Tiny
    file: Path
    key: str

    def parts(self) -> dict[str, bytes]:
        """Return each member's content, by path."""
        with self.file.open("rb") as file:
            manifest = manifest_of(file, self.file.name)
            return {one.name: b"".join(each) for one, each in members_of(file, self.file.name, manifest)}

    def begin(self) -> dict[str, str]:
        """Return the request that its import begins with."""
        with self.file.open("rb") as file:
            manifest = manifest_of(file, "v1.bundle")
        signature = canonical({"signer": manifest.signer, "signature": manifest.signature}).decode()
        return {"name": "v1.bundle", "manifest": manifest.text.decode(), "signature": signature, "key": self.key}

    def sign(self, content: bytes) -> tuple[str, str]:
        """Sign as the deck that made it does."""
        return deck_key.sign(Workspace(self.tiny.root).keys, content)

    def written(self, place: Path, parts: dict[str, bytes], about: dict[str, Any] | None = None) -> Path:
        """Write other parts as a bundle that the same deck signed."""
        with self.file.open("rb") as file:
            told = manifest_of(file, self.file.name).about
        members = [Member(name, hash_bytes(each).removeprefix("sha256:"), len(each)) for name, each in parts.items()]
        made = signed({**told, **(about or {})}, members, self.sign)
        with place.open("wb") as file:
            write(made, lambda member: [parts[member.name]], file)
        return place

    def sealed(self, parts: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
        """Return parts with a version and a seal that say something else, as their deck would seal it."""
        version = {**json.loads(parts["version.json"]), **changes}
        seal = json.loads(parts["seal.json"])
        for name in ("artifact", "golden", "bundle", "environment"):
            seal["statement"][name] = version[f"{name}_hash"].removeprefix("sha256:")
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(parts["code.zip"])) as source:
            seal["statement"]["code"] = files_hash((name, source.read(name)) for name in source.namelist())
        seal["statement"]["decision"] = version["decision"]
        seal["signer"], seal["signature"] = self.sign(signed_bytes(seal["statement"]))
        return {**parts, "version.json": json.dumps(version).encode(), "seal.json": json.dumps(seal).encode()}


Change = Callable[[Made, dict[str, bytes]], dict[str, bytes]]


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return out.getvalue()


def _with_code(made: Made, parts: dict[str, bytes], content: bytes) -> dict[str, bytes]:
    return made.sealed({**parts, "code.zip": content}, bundle_hash=hash_bytes(content))


def _edited(parts: dict[str, bytes], name: str, **changes: Any) -> dict[str, bytes]:
    return {**parts, name: json.dumps({**json.loads(parts[name]), **changes}).encode()}


HOSTILE: dict[str, tuple[Change, str]] = {
    "another model": (
        lambda _, parts: {**parts, "server/model.skops": artifact.dump({"a": 1})},
        "the artifact of rates@1 is not what was sealed",
    ),
    "other golden answers": (
        lambda _, parts: {**parts, "server/golden.json": b"{}"},
        "the golden of rates@1 is not what was sealed",
    ),
    "another environment": (
        lambda _, parts: _edited(parts, "environment.json", platform="elsewhere"),
        "the environment of rates@1 is not what was sealed",
    ),
    "another decision": (
        lambda _, parts: _edited(parts, "version.json", decision={"threshold": 0.1}),
        "the decision of rates@1 is not what was sealed",
    ),
    "another number": (
        lambda _, parts: _edited(parts, "version.json", number=2),
        "its version is rates@2, not rates@1",
    ),
    "a seal that nobody signed": (
        lambda _, parts: _edited(parts, "seal.json", signature="0" * 128),
        "the seal of rates@1 is broken",
    ),
    "a strangers seal": (
        lambda _, parts: _edited(parts, "seal.json", signer="ab" * 32),
        "the seal of rates@1 is of another deck's key",
    ),
    "code that is not served": (
        lambda _, parts: {**parts, "server/code/hotel.py": b"import os\n"},
        "the code below server/code/ is not the code of rates@1",
    ),
    "code that leads out": (
        lambda made, parts: _with_code(made, parts, _zip({"../evil.py": b""})),
        "'../evil.py' in code.zip leads out of it",
    ),
    "a bomb": (
        lambda made, parts: _with_code(made, parts, _zip({"hotel.py": bytes(70 << 20)})),
        "code.zip would unpack",
    ),
    "a bomb of a model": (
        lambda made, parts: made.sealed(
            {**parts, "server/model.skops": _zip({"schema.json": bytes(20 << 20)})},
            artifact_hash=hash_bytes(_zip({"schema.json": bytes(20 << 20)})),
        ),
        "server/model.skops would unpack",
    ),
    "no zip": (lambda made, parts: _with_code(made, parts, b"PK none"), "code.zip cannot be read as a zip"),
    "a stray file": (lambda _, parts: {**parts, "evil.txt": b""}, "'evil.txt' is no part of a bundle"),
    "no seal": (
        lambda _, parts: {key: one for key, one in parts.items() if key != "seal.json"},
        "seal.json is missing",
    ),
    "no model": (
        lambda _, parts: {key: one for key, one in parts.items() if key != "server/model.skops"},
        "server/model.skops is missing",
    ),
    "no version": (lambda _, parts: {**parts, "version.json": b"[]"}, "its version.json cannot be read"),
    "half a version": (lambda _, parts: {**parts, "version.json": b"{}"}, "its version.json is no version"),
    "a version of numbers": (
        lambda _, parts: _edited(parts, "version.json", estimator=7),
        "its version.json is no version: field 'estimator' must be str",
    ),
    "other rows": (lambda _, parts: {**parts, f"data/{'ab' * 32}": b"PAR1"}, "is not named by its hash"),
    "another run": (lambda _, parts: _edited(parts, "run.json", id="f" * 32), "its run or snapshot is not that of"),
}
