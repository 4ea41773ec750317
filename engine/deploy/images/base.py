"""The base layer of an image; which one a version gets is kept in the image's record."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deploy.images.layers import Layer, keep, kept, key_of, layers_of, told
from engine.deploy.images.places import base_folder, layer_folder
from engine.workspace import Workspace
from store.errors import Refused

Say = Callable[[float, str], None]

_INTERPRETER = re.compile(r"CPython (\d+)\.(\d+)\.\d+")


@dataclass(frozen=True, slots=True)
class Base:
    """What lies below the dependencies: an operating system's libraries and a Python interpreter."""

    name: str  # debian-bookworm, host-python, or an image's own name
    python: str  # 3.11.2
    layers: tuple[Layer, ...]
    environment: tuple[str, ...]
    contents: dict[str, Any]  # what is in it: package versions and their sha256, or where it was taken from

    @property
    def label(self) -> str:
        """Its name, interpreter and layers in one word, as the registry keeps it."""
        digits = key_of([layer.diff_id for layer in self.layers])[:12]
        return f"{self.name} python {self.python} {digits}"

    @property
    def minor(self) -> str:
        """The part of the interpreter's version that compiled modules depend on: 3.11."""
        return minor_of(self.python)


def minor_of(version: str) -> str:
    """Return `3.11` of `3.11.7`."""
    return ".".join(version.split(".")[:2])


def interpreter_of(lock: dict[str, Any]) -> str:
    """Return the Python version of an environment lock.

    Raises:
        Refused: it names no CPython.
    """
    found = _INTERPRETER.match(str(lock.get("interpreter", "")))
    if found is None:
        raise Refused(f"no image can be made for the interpreter {lock.get('interpreter')!r}", "train with CPython 3")
    return str(lock["interpreter"]).partition(" ")[2]


def keep_base(workspace: Workspace, key: str, base: Base) -> Base:
    """Remember a base as the newest made from these inputs."""
    record = {
        "name": base.name,
        "python": base.python,
        "layers": told(base.layers),
        "environment": list(base.environment),
        "contents": base.contents,
    }
    keep(base_folder(workspace) / f"{key}.json", record)
    return base


def kept_base(workspace: Workspace, key: str) -> Base | None:
    """Return the newest base made from these inputs, None where there is none whole."""
    return read_base(workspace, base_folder(workspace) / f"{key}.json")


def read_base(workspace: Workspace, path: Path) -> Base | None:
    """Return the base of a record file, None where it or one of its layers is gone."""
    record = kept(path)
    layers = layers_of(record, layer_folder(workspace)) if record else None
    if record is None or layers is None:
        return None
    return Base(record["name"], record["python"], layers, tuple(record["environment"]), record["contents"])
