"""Makes the image of a version under settings: base, dependencies, server, model; written to the registry once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deck import Deck
from engine.deploy.images.archive import Image, architecture
from engine.deploy.images.base import Base, Say
from engine.deploy.images.below import Below, carried_below, made_below
from engine.deploy.images.code import distributions_of
from engine.deploy.images.container import PORT, READY_FILE, USER
from engine.deploy.images.contents import LOG, MODEL, SERVER, model_layer, server_layer
from engine.deploy.images.dependencies import AT
from engine.deploy.images.layers import keep, kept, layers_of, told
from engine.deploy.images.libraries import AT as LIBRARIES
from engine.deploy.images.places import layer_folder, record_folder
from engine.deploy.images.wheels import PIPELINE
from engine.deploy.stage import stage
from engine.serving.contract import CONTRACT
from engine.settings.model import ModelSettings
from engine.threads import ONE_THREAD
from engine.workspace import Workspace
from store import images
from store.database import Fence
from store.errors import WorkFailed
from store.rows import Image as ImageRow
from store.rows import Version

_ONE_THREAD = tuple(f"{name}={value}" for name, value in ONE_THREAD.items())
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Made:
    """An image with its row; `new` says that this call wrote the row."""

    image: Image
    row: ImageRow
    new: bool


def build_image(  # noqa: PLR0913 (one keyword for each thing that may differ)
    deck: Deck,
    version: Version,
    settings: ModelSettings,
    *,
    actor: str,
    say: Say,
    engine: Any = None,
    base: str | None = None,
    fence: Fence | None = None,
    via: str | None = None,
) -> Made:
    """Return the image of a version, made as far as it is not there; the same content is the same image.

    `engine` is a client of an engine that may hold a base, `base` the one the settings name. Where the lower layers
    came with a bundle, nothing is fetched or installed.

    Raises:
        Refused: there is no base for the version's interpreter, or it lacks a library that a wheel needs.
        WorkFailed: base, wheels or dependencies cannot be made, or the artifact holds types nobody trusted.
        CorruptArtifact: something kept does not match its hash.
        StorageUnwritable: the disk is full or read-only.
    """
    workspace = deck.workspace
    lock = json.loads(deck.artifacts.read(version.environment_hash))
    staged = stage(deck, version, settings)
    manifest = json.loads((staged / "manifest.json").read_bytes())
    needs = _answered_by(staged, manifest, lock)
    carried = carried_below(workspace, version.environment_hash, needs, say) if base is None else None
    below = carried or made_below(workspace, lock, needs, say, engine=engine, named=base)
    layers = (*below.layers, server_layer(workspace), model_layer(workspace, staged))
    config = _config(version, below.base, has_libraries=below.libraries is not None)
    image = Image(layers, config, architecture(), f"{version.model}-{version.number}")
    say(0.95, f"image {image.id.removeprefix('sha256:')[:12]} of {version.model}@{version.number}")
    _remember(workspace, image)
    record = deck.artifacts.put_bytes(_record(image, below))
    with deck.database.write(fence) as tx:
        row, new = images.add_image(
            tx,
            model=version.model,
            version=version.number,
            base=below.base.label,
            contract=CONTRACT,
            platform=f"linux/{image.architecture}",
            digest=image.id,
            size_bytes=image.size,
            record_hash=record,
            actor=actor,
            via=via,
        )
    return Made(image, row, new)


def _answered_by(staged: Path, manifest: Mapping[str, Any], lock: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the distributions that a staged version is answered by: its compiled form's, else its pipeline's."""
    if "compiled" in manifest:
        return tuple(manifest["compiled"]["needs"])
    return (*PIPELINE, *distributions_of(staged, manifest, lock))


def made_image(workspace: Workspace, image_id: str) -> Image:
    """Return an image made earlier in this workspace.

    Raises:
        WorkFailed: its record or one of its layers is gone.
    """
    record = kept(_record_file(workspace, image_id))
    layers = layers_of(record, layer_folder(workspace)) if record else None
    if record is None or layers is None:
        raise WorkFailed(f"the layers of image {image_id.removeprefix('sha256:')[:12]} are gone", "build it again")
    return Image(layers, record["config"], record["architecture"], record["name"])


def _remember(workspace: Workspace, image: Image) -> None:
    record = {
        "layers": told(image.layers),
        "config": image.config,
        "architecture": image.architecture,
        "name": image.name,
    }
    keep(_record_file(workspace, image.id), record)


def _record_file(workspace: Workspace, image_id: str) -> Any:
    return record_folder(workspace) / f"image-{image_id.removeprefix('sha256:')}.json"


def _config(version: Version, base: Base, *, has_libraries: bool) -> dict[str, Any]:
    environment = dict(each.partition("=")[::2] for each in base.environment)
    environment.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    ours = ("HOME=/tmp", "LANG=C.UTF-8", f"PYTHONPATH=/{SERVER}:/{AT}", "PYTHONDONTWRITEBYTECODE=1", *_ONE_THREAD)
    environment |= dict(each.partition("=")[::2] for each in ours)
    if has_libraries:
        of_base = environment.get("LD_LIBRARY_PATH")  # a base of this machine's Python finds its own by it
        environment["LD_LIBRARY_PATH"] = f"/{LIBRARIES}" + (f":{of_base}" if of_base else "")
    check = ["CMD", "python3", "-I", "-S", f"/{SERVER}/engine/serving/health.py", str(PORT)]
    return {
        "User": USER,
        "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
        "WorkingDir": "/tmp",  # noqa: S108 (in the container, a tmpfs of its own)
        "Entrypoint": [
            *("python3", "-P", "-m", "engine.serving", "--folder", f"/{MODEL}", "--address", "0.0.0.0"),  # noqa: S104
            *("--port", str(PORT), "--segments", f"/{LOG}", "--ready-file", READY_FILE),
        ],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": check, "Interval": 10 * _SECOND, "Timeout": 3 * _SECOND, "Retries": 3},
        "Labels": {
            "modeldeck.kind": "model",
            "modeldeck.model": version.model,
            "modeldeck.version": str(version.number),
            "modeldeck.contract": str(CONTRACT),
            "modeldeck.base": base.label,
            "modeldeck.artifact": version.artifact_hash,
            "modeldeck.environment": version.environment_hash,
        },
    }


def _record(image: Image, below: Below) -> bytes:
    """Return all that went into an image, as it is kept for whoever asks later."""
    base = below.base
    body = {
        "image": image.id,
        "base": {"name": base.name, "python": base.python, "why": below.why, "contents": base.contents},
        "wheels": list(below.packages),
        "layers": [
            {"what": what, "diff_id": layer.diff_id, "size_bytes": layer.size}
            for what, layer in zip([*below.names, "server", "model"], image.layers, strict=True)
        ],
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
