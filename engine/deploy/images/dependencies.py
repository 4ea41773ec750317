"""The dependency layer: the wheels of a lock, installed without network, trimmed to what serving opens, compiled."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.deploy.images.base import Say
from engine.deploy.images.layers import Layer, keep, kept, key_of, layers_of, told, tree, write_layer
from engine.deploy.images.places import layer_folder, record_folder, wheel_folder
from engine.deploy.images.trim import FORM, trim
from engine.deploy.images.wheels import Wheel, check_wheels, pip, platform_options
from engine.workspace import Workspace
from store.errors import WorkFailed
from store.storage import writing_to

AT = "opt/modeldeck/dependencies"
_FORM = (2, FORM)  # counts changes of what is compiled, and of what is left out
# Compiled modules take a fifth of the layer: of packages that a server opens only in part, the part it opens. skops
# asks for every estimator there is, so all of scikit-learn is in it.
_OPENED = """
import sys
import httptools, orjson, uvloop, numpy
try:
    import pandas, skops.io
    from sklearn.utils import all_estimators
    all_estimators()
except ImportError:  # a compiled version is answered without them
    pass
try:
    import onnxruntime
except ImportError:
    pass
print(*sorted(module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)), sep="\\n")
"""


def dependency_layer(workspace: Workspace, wheels: Sequence[Wheel], python: str, say: Say) -> Layer:
    """Return the layer of these wheels for a Python minor version, made if it is not there.

    Modules are compiled where this interpreter is of that minor version; elsewhere the server compiles them at start.

    Raises:
        CorruptArtifact: a wheel has changed since it was resolved.
        WorkFailed: pip cannot install them.
        StorageUnwritable: the disk is full or read-only.
    """
    key = key_of(["dependencies", _FORM, python, _compiles(python), sorted(wheel.sha256 for wheel in wheels)])
    place = record_folder(workspace) / f"dependencies-{key}.json"
    record = kept(place)
    there = layers_of(record, layer_folder(workspace)) if record else None
    if there is not None:
        return there[0]
    wheelhouse = wheel_folder(workspace)
    check_wheels(wheelhouse, wheels)
    folder = layer_folder(workspace)
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dependencies-", dir=folder) as scratch:
            say(0.3, f"installing {len(wheels)} wheels")
            installed = Path(scratch, "installed")
            _install(Path(scratch), installed, wheelhouse, wheels, python)
            trim(installed)
            if _compiles(python):
                say(0.6, "compiling what a server opens")
                compile_modules(_modules_to_compile(installed), installed, f"/{AT}")
            say(0.8, "writing the layer of dependencies")
            layer = write_layer(folder, tree(installed, AT))
    keep(place, {"layers": told([layer]), "wheels": [f"{wheel.name}=={wheel.version}" for wheel in wheels]})
    return layer


def compile_modules(modules: Sequence[Path], folder: Path, at: str) -> None:
    """Compile modules below a folder, to be found at `at` in the image; nothing in the result tells a time or a place.

    One process, one order: what the compiler writes depends on what it compiled before.
    """
    listed = "".join(f"{module}\n" for module in sorted(modules))
    command = [sys.executable, "-P", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", at, "-i", "-"]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    # a module that does not compile is one for another Python, which nobody imports
    subprocess.run(command, input=listed, capture_output=True, text=True, env=fixed, check=False)


def _compiles(python: str) -> bool:
    return python == f"{sys.version_info[0]}.{sys.version_info[1]}"


def _install(scratch: Path, target: Path, wheelhouse: Path, wheels: Sequence[Wheel], python: str) -> None:
    # by name and hash, since a wheel named by path would leave that path in the installation
    lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels]
    wanted = scratch / "wanted"
    wanted.write_text("".join(lines), encoding="utf-8")
    arguments = ["install", "--quiet", "--no-index", "--find-links", str(wheelhouse), "--require-hashes", "--no-deps"]
    arguments += ["--no-compile", "--target", str(target), *platform_options(python), "--requirement", str(wanted)]
    pip(arguments, "installing the wheels", "see that the disk has room")


def _modules_to_compile(installed: Path) -> list[Path]:
    """Return the modules a server opens, and all of those packages of which this look sees nothing."""
    asked = subprocess.run(
        [sys.executable, "-P", "-S", "-B", "-c", _OPENED],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=False,
    )
    if asked.returncode:
        cause = (asked.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise WorkFailed(f"the wheels of the environment lock cannot be imported together: {cause}")
    opened = [Path(line) for line in asked.stdout.splitlines() if line.startswith(f"{installed}/")]
    seen = {path.relative_to(installed).parts[0] for path in opened}
    return [path for path in opened if path.suffix == ".py"] + list(_unseen(installed, seen))


def _unseen(installed: Path, seen: set[str]) -> Iterator[Path]:
    for top in sorted(installed.iterdir()):
        if top.name not in seen:
            yield from top.rglob("*.py") if top.is_dir() else [top] if top.suffix == ".py" else []
