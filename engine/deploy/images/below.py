"""What lies below server and model in an image: base, libraries, dependencies; made here, or come with a bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deploy.images.base import Base, Say
from engine.deploy.images.choosing import choose_base
from engine.deploy.images.dependencies import dependency_layer
from engine.deploy.images.layers import Layer, keep, kept, layers_of, told
from engine.deploy.images.libraries import library_layer
from engine.deploy.images.licences import licence_of
from engine.deploy.images.places import layer_folder, record_folder, wheel_folder
from engine.deploy.images.wheels import SERVING, Wheel, resolve
from engine.model_io.carried import prefix_of, record_of
from engine.workspace import Workspace
from store.errors import CorruptArtifact

DEPENDENCIES, LIBRARIES, BASE = "dependencies", "libraries", "base"  # as an image's record calls its layers


@dataclass(frozen=True, slots=True)
class Below:
    """The lower layers of an image. `packages` are its wheels by name, version, sha256 and licence.

    `why` says in one line why the base is that one.
    """

    base: Base
    why: str
    libraries: Layer | None
    dependencies: Layer
    packages: tuple[dict[str, str], ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """From the base up."""
        return (*self.base.layers, *((self.libraries,) if self.libraries else ()), self.dependencies)

    @property
    def names(self) -> list[str]:
        """What each layer is, from the base up."""
        return [*(BASE for _ in self.base.layers), *((LIBRARIES,) if self.libraries else ()), DEPENDENCIES]


def made_below(
    workspace: Workspace, lock: dict[str, Any], answered_by: Sequence[str], say: Say, *, engine: Any, named: str | None
) -> Below:
    """Make the lower layers for an environment lock, as far as they are not there; `named` is the settings' own base.

    Raises:
        Refused: there is no base for the lock's interpreter, or it lacks a library that a wheel needs.
        WorkFailed: base, wheels or dependencies cannot be made.
        CorruptArtifact: a kept wheel does not match its hash.
    """
    base, why = choose_base(workspace, lock, say, engine=engine, named=named)
    wheels = resolve(workspace, lock, base.minor, say, answered_by)
    libraries = library_layer(workspace, base, wheels, say)
    dependencies = dependency_layer(workspace, wheels, base.minor, say)
    return Below(base, why, libraries, dependencies, _packages(workspace, wheels))


def carried_below(workspace: Workspace, environment_hash: str, answered_by: Sequence[str], say: Say) -> Below | None:
    """Return the lower layers that came with a bundle for an environment lock, None where none hold all it needs.

    Each layer is hashed: what is returned is what was signed.

    Raises:
        CorruptArtifact: a layer is not what came.
    """
    wanted = {*SERVING, *answered_by}
    for place in sorted(
        record_folder(workspace).glob(f"{prefix_of(environment_hash)}*.json"), key=_made_at, reverse=True
    ):
        record = kept(place)
        if record is None or not wanted <= {each["name"] for each in record["packages"]}:
            continue
        below = _read(workspace, record)
        if below is None:
            continue
        say(0.3, f"layers that came {record['why']}: checking {len(below.layers)}")
        for layer in below.layers:
            _check(layer, layer.file(layer_folder(workspace)))
        return below
    return None


def keep_carried(workspace: Workspace, environment_hash: str, image_id: str, below: Below) -> None:
    """Remember lower layers that came with a bundle; their files lie in the layer folder already."""
    record = {
        "base": {
            "name": below.base.name,
            "python": below.base.python,
            "layers": told(below.base.layers),
            "environment": list(below.base.environment),
            "contents": below.base.contents,
        },
        "why": below.why,
        "libraries": told([below.libraries] if below.libraries else []),
        "dependencies": told([below.dependencies]),
        "packages": list(below.packages),
    }
    keep(record_of(workspace, environment_hash, image_id), record)


def is_carried(workspace: Workspace, environment_hash: str, image_id: str) -> bool:
    """Say whether the lower layers of another deck's image came here, and are all there."""
    record = kept(record_of(workspace, environment_hash, image_id))
    return record is not None and _read(workspace, record) is not None


def forget_broken(workspace: Workspace, environment_hash: str, image_id: str) -> None:
    """Forget what came of an image whose layers are not all there any more: they are to come again."""
    if not is_carried(workspace, environment_hash, image_id):
        record_of(workspace, environment_hash, image_id).unlink(missing_ok=True)


def _read(workspace: Workspace, record: Mapping[str, Any]) -> Below | None:
    parts = (record["base"], {"layers": record["libraries"]}, {"layers": record["dependencies"]})
    base, libraries, dependencies = (layers_of(each, layer_folder(workspace)) for each in parts)
    if base is None or libraries is None or not dependencies:
        return None
    told_of = record["base"]
    made = Base(told_of["name"], told_of["python"], base, tuple(told_of["environment"]), told_of["contents"])
    return Below(made, record["why"], next(iter(libraries), None), dependencies[0], tuple(record["packages"]))


def _check(layer: Layer, file: Path) -> None:
    with file.open("rb") as source:
        found = f"sha256:{hashlib.file_digest(source, 'sha256').hexdigest()}"
    if found != layer.diff_id:
        raise CorruptArtifact(
            f"the layer {file} is not the one that came with the bundle", "remove it, then import the bundle again"
        )


def _packages(workspace: Workspace, wheels: Sequence[Wheel]) -> tuple[dict[str, str], ...]:
    kept_in = wheel_folder(workspace)
    return tuple(
        {
            "name": each.name,
            "version": each.version,
            "sha256": each.sha256,
            "licence": licence_of(kept_in / each.file),
        }
        for each in wheels
    )


def _made_at(path: Path) -> float:
    return path.stat().st_mtime
