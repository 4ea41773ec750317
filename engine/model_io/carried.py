"""The files of images that lie in a workspace: what came with bundles, for which environment, who names which layer.

Whoever keeps, backs up or collects them reads the records here; what is in them is `engine.deploy.images`' affair.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from engine.workspace import Workspace
from store.rows.frozen import dataclass

DIGITS = 32  # of an environment's hash, in the name of a record


@dataclass(frozen=True, slots=True)
class Carried:
    """What came with one bundle: `environment` is the begin of its lock's hash, `came` says of what and whence."""

    record: Path
    environment: str
    came: str
    layers: tuple[Path, ...]


def record_of(workspace: Workspace, environment_hash: str, image_id: str) -> Path:
    """Return where it is remembered what came of an image for an environment lock."""
    name = f"{prefix_of(environment_hash)}{image_id.removeprefix('sha256:')[:16]}.json"
    return workspace.image_records / name


def prefix_of(environment_hash: str) -> str:
    """Return how the names of all records of an environment lock begin."""
    return f"carried-{digits_of(environment_hash)}-"


def digits_of(environment_hash: str) -> str:
    """Return what of an environment's hash stands in the name of a record."""
    return environment_hash.removeprefix("sha256:")[:DIGITS]


def carried(workspace: Workspace) -> list[Carried]:
    """Return everything that came with bundles, by name; a record that cannot be read has no layers."""
    found = []
    for path in sorted(workspace.image_records.glob("carried-*.json")):
        told = _read(path)
        came = str(told.get("why", "")) if isinstance(told, dict) else ""
        layers = tuple(_file(workspace, layer) for layer in sorted(set(_layers(told))))
        found.append(Carried(path, path.stem.split("-")[1], came, layers))
    return found


def image_records(workspace: Workspace) -> list[Path]:
    """Return the records of images that were built here, named `image-` and their id."""
    return sorted(workspace.image_records.glob("image-*.json"))


def named_layers(workspace: Workspace, without: Collection[Path] = ()) -> set[Path]:
    """Return the files of layers that any record names, those in `without` aside."""
    places = (workspace.image_records, workspace.images / "bases")
    records = [path for place in places for path in place.glob("*.json") if path not in without]
    return {_file(workspace, layer) for path in records for layer in _layers(_read(path))}


def is_whole(layer: Path) -> bool:
    """Say whether a layer's file holds what its name says."""
    try:
        with layer.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == layer.stem
    except OSError:
        return False


def gateway_files(workspace: Workspace) -> list[tuple[Path, Path]]:
    """Return each layer of a gateway that is whole, with the file that says of which packages it is."""
    found = []
    for packages in sorted(workspace.gateway.glob("gateway-*/packages.json")):
        layer, told = packages.with_name("layer.tar"), _read(packages)
        wanted = str(told.get("layer", "")).removeprefix("sha256:") if isinstance(told, dict) else ""
        try:
            with layer.open("rb") as source:
                if hashlib.file_digest(source, "sha256").hexdigest() == wanted:
                    found.append((layer, packages))
        except OSError:
            continue
    return found


def _layers(told: Any) -> Iterator[str]:
    """Yield every layer's hash that a record names, wherever it stands in it."""
    if isinstance(told, dict):
        if isinstance(told.get("diff_id"), str):
            yield told["diff_id"].removeprefix("sha256:")
        for each in told.values():
            yield from _layers(each)
    elif isinstance(told, list):
        for each in told:
            yield from _layers(each)


def _file(workspace: Workspace, layer: str) -> Path:
    return workspace.image_layers / f"{Path(layer).name}.tar"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
