"""Which wheels a version's server needs: resolved once on this machine, at the versions of its environment lock."""

from __future__ import annotations

import email
import hashlib
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deploy.images.base import Say
from engine.deploy.images.layers import keep, kept, key_of
from engine.deploy.images.places import record_folder, wheel_folder
from engine.workspace import Workspace
from store.errors import CorruptArtifact, WorkFailed
from store.storage import writing_to

# what engine.serving imports, and what it loads a pipeline with; pip finds what these need in turn
SERVING = ("httptools", "numpy", "orjson", "uvloop")
PIPELINE = ("pandas", "scikit-learn", "skops")
# what a distribution asks for and its part that serves never opens: skops' model cards, onnxruntime's own tools
_UNOPENED = {"skops": frozenset({"prettytable"}), "onnxruntime": frozenset({"flatbuffers", "packaging", "protobuf"})}
_ASKED = re.compile(r"[A-Za-z0-9._-]+")
_GLIBC = 36  # of the base: wheels built for a newer one would not load
_WAIT_S = 900


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel by hash."""

    name: str
    version: str
    file: str
    sha256: str


def resolve(
    workspace: Workspace, lock: Mapping[str, Any], python: str, say: Say, also: Sequence[str] = ()
) -> tuple[Wheel, ...]:
    """Return the wheels of a server for an environment lock and a Python minor version, fetched where absent.

    `also` names distributions that the version is answered by. The same lock is asked about once.

    Raises:
        WorkFailed: the index cannot be reached, or has no wheel of a locked version.
        CorruptArtifact: a kept wheel is no longer what was resolved.
        StorageUnwritable: the disk is full or read-only.
    """
    pins = {name: each["version"] for name, each in lock["distributions"].items()}
    roots = sorted({*SERVING, *also})
    unopened = {name: sorted(left) for name, left in _UNOPENED.items()}
    key = key_of(["wheels", roots, pins, python, platform.machine(), _GLIBC, unopened])
    record = record_folder(workspace) / f"wheels-{key}.json"
    found = kept(record)
    wheels = tuple(Wheel(**each) for each in found["wheels"]) if found else ()
    folder = wheel_folder(workspace)
    if wheels and all((folder / wheel.file).is_file() for wheel in wheels):
        return wheels
    say(0.0, f"fetching wheels for Python {python}")
    wheels = _fetch(folder, roots, pins, python)
    keep(
        record, {"wheels": [{"name": w.name, "version": w.version, "file": w.file, "sha256": w.sha256} for w in wheels]}
    )
    return wheels


def platform_options(python: str) -> list[str]:
    """Return pip's options that choose wheels for the base, not for this machine."""
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC, 4, -1)]
    tags += [f"manylinux{year}_{machine}" for year in (2014, 2010, 1)]
    options = ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    return options + [word for tag in tags for word in ("--platform", tag)]


def pip(arguments: Sequence[str], doing: str, remedy: str) -> None:
    """Run this interpreter's pip.

    Raises:
        WorkFailed: it ended with an error; its first line of error is told.
    """
    command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_WAIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise WorkFailed(f"{doing} took longer than {_WAIT_S // 60} minutes", remedy) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "pip ended")
        raise WorkFailed(f"{doing} failed: {told.removeprefix('ERROR:').strip()}", remedy)


def _fetch(folder: Path, roots: Sequence[str], pins: Mapping[str, str], python: str) -> tuple[Wheel, ...]:
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
            fresh = Path(scratch, "wheels")
            locked = Path(scratch, "locked")
            locked.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()), encoding="utf-8")
            arguments = ["download", "--quiet", "--dest", str(fresh), "--constraint", str(locked)]
            arguments += ["--find-links", str(folder), *platform_options(python), *roots]
            remedy = f"give this machine a package index, or put the wheels into {folder}"
            pip(arguments, "fetching the wheels of the environment lock", remedy)
            files = opened(sorted(fresh.iterdir()), roots)
            wheels = tuple(_moved(path, folder) for path in files)
    for wheel in wheels:
        if pins.get(wheel.name, wheel.version) != wheel.version:
            raise WorkFailed(f"{wheel.name} is {wheel.version}, the version was made with {pins[wheel.name]}")
    return wheels


def opened(files: Sequence[Path], roots: Sequence[str]) -> list[Path]:
    """Return those wheels that lead from the roots over what each asks for, without what serving never opens."""
    asked = {_name_of(path): _asked_by(path) for path in files}
    reached: set[str] = set()
    waiting = [_plain(name) for name in roots]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += asked.get(name, frozenset()) - _UNOPENED.get(name, frozenset())
    return [path for path in files if _name_of(path) in reached]


def _asked_by(wheel: Path) -> frozenset[str]:
    """Return the names of the distributions that a wheel's metadata asks for, whatever the marker, extras aside."""
    with zipfile.ZipFile(wheel) as content:
        place = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        headers = email.message_from_bytes(content.read(place))
    lines = [line for line in headers.get_all("Requires-Dist", []) if "extra" not in line.partition(";")[2]]
    found = (_ASKED.match(line) for line in lines)
    return frozenset(_plain(match.group()) for match in found if match)


def _name_of(wheel: Path) -> str:
    return _plain(wheel.name.partition("-")[0])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _moved(fresh: Path, folder: Path) -> Wheel:
    name, version, *_ = fresh.name.split("-")
    digest = hashlib.sha256(fresh.read_bytes()).hexdigest()
    fresh.replace(folder / fresh.name)
    return Wheel(name.lower().replace("_", "-"), version, fresh.name, digest)


def check_wheels(folder: Path, wheels: Sequence[Wheel]) -> None:
    """Hash kept wheels again before they are unpacked.

    Raises:
        CorruptArtifact: one is absent or changed.
    """
    for wheel in wheels:
        try:
            found = hashlib.sha256((folder / wheel.file).read_bytes()).hexdigest()
        except OSError:
            found = ""
        if found != wheel.sha256:
            raise CorruptArtifact(f"the wheel {folder / wheel.file} is not the one resolved", "remove it, then repeat")
