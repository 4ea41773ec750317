"""A base made of this machine's own interpreter and the shared libraries it and numeric wheels need.

The way where Debian's Python is of another minor version than the training's, or where no mirror is reached.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from engine.deploy.images.base import Base, keep_base, kept_base
from engine.deploy.images.layers import Entry, key_of, write_layer
from engine.deploy.images.places import layer_folder
from engine.workspace import Workspace
from store.errors import WorkFailed

HOME = "opt/python"
_LEFT_OUT = {
    *("test", "tests", "__pycache__", "idlelib", "tkinter", "turtledemo", "site-packages", "dist-packages"),
    *("lib2to3", "pydoc_data", "ensurepip"),
}
# what wheels open beside the interpreter's own: C++ and compiler runtime, and the parts glibc once kept apart
_FOR_WHEELS = re.compile(
    r"lib(stdc\+\+\.so\.6|gcc_s\.so\.1|m\.so\.6|pthread\.so\.0|dl\.so\.2|rt\.so\.1|util\.so\.1|resolv\.so\.2"
    r"|nss_dns\.so\.2|nss_files\.so\.2)$"
)
_LIBRARY = re.compile(r"(?:=>\s*)?(/\S+)\s+\(0x")
_PASSWD = b"root:x:0:0::/root:/sbin/nologin\nmodel:x:10001:10001::/tmp:/sbin/nologin\n"
_GROUP = b"root:x:0:\nmodel:x:10001:\n"


def base(workspace: Workspace) -> Base:
    """Return the base of this interpreter, made if it is not there.

    Raises:
        WorkFailed: a shared library cannot be found.
        StorageUnwritable: the disk is full or read-only.
    """
    # an installed interpreter changes by being replaced: its binary's size and time tell
    binary = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    stands = binary.stat()
    key = key_of(["host-python", sys.version, str(binary), stands.st_size, stands.st_mtime_ns, sorted(_LEFT_OUT)])
    found = kept_base(workspace, key)
    if found is not None:
        return found
    return keep_base(workspace, key, build(workspace, binary))


def build(workspace: Workspace, binary: Path) -> Base:
    """Make the base of an interpreter's binary, which must be the running one's."""
    standard = Path(sysconfig.get_path("stdlib"))
    files = dict(_standard_library(standard))
    compiled = [path for path in files.values() if path.suffix == ".so"]
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    entries = [Entry(f"{HOME}/lib/{name}/{inside}", path, _mode(path)) for inside, path in files.items()]
    entries.append(Entry(f"{HOME}/bin/{name}", binary, 0o755))
    libraries = _closure([binary, *compiled])
    entries += [Entry(at, Path(source), 0o755) for at, source in sorted(libraries.items())]
    entries += [
        Entry(f"{HOME}/bin/python3", link=name),
        Entry("etc/passwd", _PASSWD),
        Entry("etc/group", _GROUP),
        Entry("tmp", mode=0o1777),
        *(Entry(link, link=f"usr/{link}") for link in ("bin", "lib", "lib64")),
        Entry("usr/bin/python3", link=f"/{HOME}/bin/{name}"),
        Entry("usr/share/zoneinfo", mode=0o755),
    ]
    layer = write_layer(layer_folder(workspace), entries)
    environment = (f"PATH=/{HOME}/bin:/usr/bin", f"LD_LIBRARY_PATH=/{HOME}/lib:/{_library_folder()}")
    contents = {"taken_from": str(binary), "version": sys.version, "libraries": sorted(libraries)}
    return Base("host-python", platform.python_version(), (layer,), environment, contents)


def _standard_library(folder: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each not in _LEFT_OUT and not each.startswith("config-"))
        for name in sorted(names):
            if not name.endswith(".a") and not name.startswith("_tkinter"):
                path = Path(place, name)
                yield path.relative_to(folder).as_posix(), path.resolve()


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & 0o100 else 0o644


def _library_folder() -> str:
    return f"usr/lib/{sysconfig.get_config_var('MULTIARCH') or f'{platform.machine()}-linux-gnu'}"


def _closure(binaries: list[Path]) -> dict[str, str]:
    """Return the shared libraries behind these files and behind wheels: place in the image to real file."""
    cached = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    listed = {line.rpartition(" => ")[2] for line in cached.splitlines() if " => " in line}
    extra = [each for each in listed if _FOR_WHEELS.search(each) and f"/{platform.machine()}" in each]
    found: dict[str, str] = {}
    asked = subprocess.run(["ldd", *map(str, [*binaries, *extra])], capture_output=True, text=True, check=False)  # noqa: S607
    if "not found" in asked.stdout:
        absent = next(line for line in asked.stdout.splitlines() if "not found" in line)
        raise WorkFailed(f"this machine's interpreter lacks a library: {absent.strip()}", "install it, then repeat")
    for library in [*_LIBRARY.findall(asked.stdout), *extra]:
        found[_place(library)] = os.path.realpath(library)
    return found


def _place(library: str) -> str:
    name = os.path.basename(library)
    if name.startswith("ld-"):
        return f"usr/lib64/{name}" if "/lib64/" in library else f"usr/lib/{name}"
    return f"{HOME}/lib/{name}" if library.startswith(sys.base_prefix + "/lib/lib") else f"{_library_folder()}/{name}"
