"""A base that an engine already holds, such as python:3.11-slim: its layers are read out once and kept."""

from __future__ import annotations

import contextlib
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from engine.deploy.images.base import Base, keep_base, kept_base
from engine.deploy.images.layers import Layer, adopt_layer, key_of
from engine.deploy.images.places import layer_folder
from engine.deploy.images.speaking import spoken_to
from engine.workspace import Workspace
from store.errors import Refused, UnknownName
from store.storage import writing_to


def base_if_there(workspace: Workspace, engine: Any, name: str) -> Base | None:
    """Return the base of that name where the engine has it and it can serve as one, else None."""
    if engine is None:
        return None
    with contextlib.suppress(UnknownName, Refused):
        return named_base(workspace, engine, name)
    return None


def named_base(workspace: Workspace, engine: Any, name: str) -> Base:
    """Return an engine's image as a base.

    Raises:
        UnknownName: the engine does not have it, or there is none to ask.
        Refused: it does not say which Python it holds.
        Unavailable: the engine does not answer.
    """
    from docker.errors import NotFound

    if engine is None:
        raise UnknownName(f"no engine to take the base {name} from", "add a docker host: modeldeck hosts add")
    with spoken_to(f"the engine that should have {name}"):
        try:
            found = engine.images.get(name)
        except NotFound:
            raise UnknownName(
                f"the engine does not have the base {name}", f"on that host: docker pull {name}"
            ) from None
        key = key_of(["image", found.id])
        return kept_base(workspace, key) or keep_base(workspace, key, _taken(workspace, found, name))


def _taken(workspace: Workspace, found: Any, name: str) -> Base:
    environment = found.attrs["Config"].get("Env") or []
    told = dict(each.partition("=")[::2] for each in environment)
    if "PYTHON_VERSION" not in told:
        raise Refused(f"the image {name} does not say which Python it holds", "name one of python:3.x-slim's kind")
    layers = _layers(workspace, found)
    digests = found.attrs.get("RepoDigests") or []
    contents = {"image": name, "id": found.id, "digests": digests}
    # what the image sets for its own start, PATH above all, holds for the server in it too
    return Base(name, told["PYTHON_VERSION"], layers, tuple(environment), contents)


def _layers(workspace: Workspace, found: Any) -> tuple[Layer, ...]:
    """Read an image's layers out of the engine into the deck's layer folder."""
    folder = layer_folder(workspace)
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saved-", dir=folder) as scratch:
            saved = Path(scratch, "image.tar")
            with saved.open("wb") as target:
                for piece in found.save():
                    target.write(piece)
            with tarfile.open(saved) as source:
                manifest = json.load(_opened(source, "manifest.json"))
                return tuple(
                    _copied(source, name, Path(scratch, "layer.tar"), folder) for name in manifest[0]["Layers"]
                )


def _copied(source: tarfile.TarFile, name: str, scratch: Path, folder: Path) -> Layer:
    with scratch.open("wb") as target:
        content = _opened(source, name)
        while piece := content.read(1 << 20):
            target.write(piece)
    return adopt_layer(folder, scratch)


def _opened(source: tarfile.TarFile, name: str) -> Any:
    content = source.extractfile(name)
    if content is None:
        raise Refused(f"the engine saved an image without {name}")
    return content
