"""The base layer of an image: which one a version gets, and why; the choice is kept in the image's record."""

from __future__ import annotations

import re
import sys
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


def choose_base(
    workspace: Workspace, lock: dict[str, Any], say: Say, *, engine: Any = None, named: str | None = None
) -> tuple[Base, str]:
    """Return the base for an environment lock, made if need be, and in one line why it is that one.

    `named` is the image the settings name; `engine` is a client of an engine that may hold it. Without a name, an
    engine's `python:3.x-slim` is taken where it is there already; else Debian's own Python where its minor version is
    the lock's; else this machine's interpreter where it is.

    Raises:
        Refused: no way leads to an interpreter of the lock's minor version.
        UnknownName: the named image is on no engine that was asked.
        WorkFailed: the base cannot be made.
    """
    from engine.deploy.images import debian, from_engine, host_python

    wanted = minor_of(interpreter_of(lock))
    if named is not None:
        base = from_engine.named_base(workspace, engine, named)
        if base.minor != wanted:
            raise Refused(f"the base {named} has Python {base.python}, the version was made with {wanted}")
        return base, f"the settings name {named}"
    official = f"python:{wanted}-slim"
    found = from_engine.base_if_there(workspace, engine, official)
    if found is not None and found.minor == wanted:
        return found, f"the engine has {official}"
    if wanted == debian.MINOR:
        absent = debian.why_not()
        if not absent:
            return debian.base(workspace, say), f"Debian's Python {debian.MINOR} is of the version's minor"
    else:
        absent = f"Debian {debian.SUITE} has Python {debian.MINOR}"
    here = minor_of(".".join(map(str, sys.version_info[:3])))
    if here == wanted:
        return host_python.base(workspace), f"{absent}: this machine's interpreter is taken"
    raise Refused(
        f"no base with Python {wanted}: {absent}, and modeldeck runs on {here}",
        f"load {official} into the engine, or train the version again",
    )
