"""Libraries of the system that wheels need and a base may lack: LightGBM's `libgomp.so.1`, for one.

A wheel brings most of what it needs, and glibc and the C++ runtime are in every base. For the rest an image gets a
layer of its own, made from Debian's packages, or is refused before anything of it is built.
"""

from __future__ import annotations

import posixpath
import re
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from engine.deploy.images import debian
from engine.deploy.images.base import Base, Say
from engine.deploy.images.elf import needed
from engine.deploy.images.layers import Entry, Layer, keep, kept, key_of, layers_of, told, write_layer
from engine.deploy.images.places import layer_folder, record_folder, wheel_folder
from engine.deploy.images.wheels import Wheel
from engine.workspace import Workspace
from store.errors import Refused

AT = "opt/modeldeck/libraries"
PACKAGES = {"libgomp.so.1": "libgomp1"}  # of Debian, by what it is asked for as
_OBJECT = re.compile(r"\.so(\.\d+)*$")
# what a base has, whichever it is: PEP 600's list without what nobody without a screen has
_EVERYWHERE = re.compile(
    r"(lib(c|m|dl|rt|util|pthread|resolv|nsl|gcc_s|stdc\+\+|z|anl|crypt|BrokenLocale|thread_db)|ld-linux-.*|linux-vdso)\.so"
    r"(\.\d+)*$"
)


def library_layer(workspace: Workspace, base: Base, wheels: Sequence[Wheel], say: Say) -> Layer | None:
    """Return the layer of what wheels need and the base lacks, made if it is not there; None where nothing is lacking.

    Raises:
        Refused: a library is lacking that cannot be brought along; the line names it, the wheel and what to do.
        WorkFailed: Debian's packages cannot be fetched.
        StorageUnwritable: the disk is full or read-only.
    """
    wanted = missing(workspace, wheels)
    lacking = {name: wheel for name, wheel in wanted.items() if name not in names_in(workspace, base)} if wanted else {}
    if not lacking:
        return None
    unknown = [name for name in lacking if name not in PACKAGES]
    why_not = f"no package of it is known: {', '.join(unknown)}" if unknown else debian.why_not()
    if why_not:
        raise _refusal(base, lacking, why_not)
    packages = tuple(sorted({PACKAGES[name] for name in lacking}))
    key = key_of(["libraries", 1, debian.SUITE, packages, sorted(lacking)])
    place = record_folder(workspace) / f"libraries-{key}.json"
    record = kept(place)
    there = layers_of(record, layer_folder(workspace)) if record else None
    if there is not None:
        return there[0]
    say(0.2, f"fetching {', '.join(packages)} from Debian")
    files = debian.files_of(workspace, packages, tuple(sorted(lacking)))
    layer = write_layer(layer_folder(workspace), [Entry(f"{AT}/{name}", body) for name, body in files.items()])
    keep(place, {"layers": told([layer]), "packages": list(packages)})
    return layer


def _refusal(base: Base, lacking: dict[str, str], why_not: str) -> Refused:
    (name, wheel), *_ = lacking.items()
    package = PACKAGES.get(name)
    remedy = f"load a python:{base.minor}-slim that has {package or 'it'} into the engine"
    if package is not None:
        remedy = f"as root: apt-get install mmdebstrap, so that {package} is brought along; or {remedy}"
    return Refused(f"{wheel} needs {name}, which the base {base.name} lacks, and {why_not}", remedy)


def missing(workspace: Workspace, wheels: Sequence[Wheel]) -> dict[str, str]:
    """Return the libraries that wheels need and that neither they nor every system brings: name -> a wheel's name."""
    asked: dict[str, str] = {}
    brought: set[str] = set()
    for wheel in wheels:
        seen = _seen(workspace, wheel)
        brought.update(seen["brings"])
        asked |= {name: wheel.name for name in seen["needs"] if name not in asked}
    return {name: by for name, by in sorted(asked.items()) if name not in brought and not _EVERYWHERE.match(name)}


def _seen(workspace: Workspace, wheel: Wheel) -> dict[str, list[str]]:
    """Return what a wheel needs and brings, looked at once."""
    place = record_folder(workspace) / f"needs-{wheel.sha256}.json"
    record = kept(place)
    if record is not None:
        return record
    needs, brings = objects_in(wheel_folder(workspace) / wheel.file)
    made = {"needs": sorted(needs), "brings": sorted(brings)}
    keep(place, made)
    return made


def objects_in(wheel: Path) -> tuple[set[str], set[str]]:
    """Return the libraries that the shared objects of a wheel need, and those that it brings, by name."""
    needs: set[str] = set()
    brings: set[str] = set()
    with zipfile.ZipFile(wheel) as source:
        for name in source.namelist():
            if _OBJECT.search(name):
                own, asked = needed(source.read(name))
                needs.update(asked)
                brings.update({posixpath.basename(name), own} - {""})
    return needs, brings


def names_in(workspace: Workspace, base: Base) -> set[str]:
    """Return the names of the shared objects in a base's layers, links included."""
    found: set[str] = set()
    for layer in base.layers:
        with tarfile.open(layer.file(layer_folder(workspace))) as source:
            found.update(posixpath.basename(each.name) for each in source if _OBJECT.search(each.name))
    return found
