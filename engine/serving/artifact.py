"""Stored models: deterministic skops bytes out, hash and trusted types checked on the way in."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import io
import json
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from engine.serving.strict_skops import skops_io

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_OURS = ("engine.serving.features.", "engine.serving.forecasting.", "engine.serving.ranking.")
_ADDRESS = "_stop_words_id"  # of a fitted vectorizer: where its stop words lay in memory, to check them once
_KNOWN = ("sklearn.", "numpy.", "scipy.")


class ArtifactError(Exception):
    """The artifact must not be loaded; the message is one clear line. `types` lists the refused ones, if any."""

    def __init__(self, message: str, refused: Collection[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.types = tuple(refused)


def dump(model: Any) -> bytes:
    """Return skops bytes that are the same for the same model: ids and file names by order, fixed times."""
    skops = skops_io()
    with zipfile.ZipFile(io.BytesIO(skops.dumps(model))) as source:
        schema = json.loads(source.read("schema.json"))
        renaming = _Renaming()
        renaming.walk(schema)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
            for old, new in sorted(renaming.files.items(), key=lambda pair: pair[1]):
                _write(target, new, source.read(old))
            _write(target, "schema.json", json.dumps(schema, separators=(",", ":")).encode())
    return out.getvalue()


def _write(target: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    target.writestr(entry, content)


class _Renaming:
    """Numbers nodes and files in the order the schema meets them; skops names both by memory address."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self._ids: dict[int, int] = {}
        self._next = 0

    def walk(self, node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                self.walk(item)
            return
        if not isinstance(node, dict):
            return
        if node.get("__loader__") == "SetNode" and isinstance(node.get("content"), list):
            node["content"].sort(key=_unnumbered)
        if _ADDRESS in node and _is_yes_or_no(node.get("fixed_vocabulary_")):
            node[_ADDRESS]["content"] = "0"
        for value in node.values():  # a node's own file and id are no nodes; a word of a vocabulary may be called so
            self.walk(value)
        if "__id__" in node:
            node["__id__"] = self._number(node)
        if isinstance(node.get("file"), str) and "__loader__" in node:
            suffix = Path(node["file"]).suffix
            node["file"] = self.files.setdefault(node["file"], f"{len(self.files):06d}{suffix}")

    def _number(self, node: dict[str, Any]) -> int:
        # whether two equal constants are one object is an accident of the interpreter: each leaf gets its own number
        if node.get("__loader__") != "JsonNode" and node["__id__"] in self._ids:
            return self._ids[node["__id__"]]
        self._next += 1
        if node.get("__loader__") != "JsonNode":
            self._ids[node["__id__"]] = self._next
        return self._next


def _is_yes_or_no(node: Any) -> bool:
    """Say whether a node is true or false, as a vectorizer's is; of a vocabulary with such words it is a number."""
    return isinstance(node, dict) and node.get("__loader__") == "JsonNode" and node["content"] in ("true", "false")


def _unnumbered(node: Any) -> str:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key != "__id__"}
        return [strip(item) for item in value] if isinstance(value, list) else value

    return json.dumps(strip(node), sort_keys=True)


def untrusted_types(content: bytes) -> list[str]:
    """Return the types in skops bytes beside plain Python ones, sorted: the same list in every process.

    Raises:
        ArtifactError: these are no skops bytes.
    """
    skops = skops_io()
    try:
        return sorted(skops.get_untrusted_types(data=content))
    except Exception as error:  # any parser below may raise anything on damaged bytes
        raise ArtifactError(f"the artifact is not a readable skops file: {error}") from error


def sort_types(
    names: Iterable[str], bundle_modules: Collection[str] = (), stated: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Divide types into (trusted, refused).

    Trusted are our own transformers, what the workspace's code bundle defines (modules by name), and classes and
    ufuncs (never other functions) of scikit-learn, numpy and scipy, and of those `stated` by name.
    """
    trusted: list[str] = []
    refused: list[str] = []
    for name in names:
        module, _, _ = name.rpartition(".")
        known = name.startswith(_KNOWN) or name in stated
        fine = name.startswith(_OURS) or module in bundle_modules or (known and _is_plain(name))
        (trusted if fine else refused).append(name)
    return trusted, refused


def _is_plain(name: str) -> bool:
    """Say whether a dotted name is a class or a ufunc."""
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    return inspect.isclass(found) or type(found).__name__ == "ufunc"


def load(path: Path, sha256: str, trusted: Collection[str]) -> Any:
    """Return the model in `path`; the bytes are hashed before anything looks into them.

    `sha256` is hexadecimal, with or without the prefix `sha256:`.

    Raises:
        ArtifactError: the file is absent or damaged, or holds types outside `trusted` (listed).
    """
    skops = skops_io()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"artifact {path} cannot be read: {error.strerror}") from error
    wanted = sha256.removeprefix("sha256:")
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ArtifactError(f"artifact {path} is corrupt: sha256 is {found[:12]}…, the version says {wanted[:12]}…")
    refused = sorted(set(untrusted_types(content)) - set(trusted))
    if refused:
        raise ArtifactError(f"artifact {path} holds types nobody trusted: {', '.join(refused)}", refused)
    return skops.loads(content, trusted=sorted(trusted))
