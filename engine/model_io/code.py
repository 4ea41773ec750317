"""A workspace's code as a bundle, and a bundle as importable modules. Standard library only."""

from __future__ import annotations

import functools
import hashlib
import importlib
import io
import shutil
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from store.errors import Refused, WorkFailed
from store.storage import writing_to

if TYPE_CHECKING:
    from engine.workspace import Workspace
    from store.artifacts import Artifacts

PREFIX = "python:"
OURS = frozenset({"console", "engine", "store", "examples"})
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_SKIPPED = frozenset({"__pycache__", "venv", "node_modules", "site-packages"})


def code_files(root: Path) -> list[Path]:
    """Return every `*.py` of a workspace, sorted; hidden folders and virtual environments are left out."""
    found: list[Path] = []
    for folder in [root]:
        found.extend(_walk(folder))
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _SKIPPED or path.is_symlink():
            continue
        if path.is_dir():
            if not (path / "pyvenv.cfg").exists():
                found.extend(_walk(path))
        elif path.suffix == ".py":
            found.append(path)
    return found


def bundle_bytes(root: Path) -> bytes:
    """Return the code of a workspace as zip bytes that are the same for the same code."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for path in code_files(root):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            target.writestr(entry, path.read_bytes())
    return out.getvalue()


def module_names(names: list[str]) -> list[str]:
    """Return the dotted module of each file of a bundle, given by relative path."""
    found = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names]
    return sorted(set(found))


def bundle_modules(content: bytes) -> list[str]:
    """Return the dotted modules that a bundle defines."""
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        return module_names(source.namelist())


def extract(artifacts: Artifacts, workspace: Workspace, bundle_hash: str) -> Path:
    """Return the folder that holds a bundle, extracted on first use; read from bytes that match their hash.

    Raises:
        CorruptArtifact: the bundle is missing or damaged.
    """
    folder = workspace.bundles / bundle_hash.removeprefix("sha256:")[:16]
    if folder.is_dir():
        return folder
    content = artifacts.read(bundle_hash)
    with writing_to(workspace.bundles):
        workspace.bundles.mkdir(mode=0o700, parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(dir=workspace.bundles, prefix=".incoming-"))
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as source:
                source.extractall(incoming)  # our own bytes, checked by hash; names are relative by construction
            try:
                incoming.rename(folder)
            except OSError:  # another process was first
                if not folder.is_dir():
                    raise
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
    return folder


def check_module_names(root: Path) -> None:
    """Refuse code whose module names hide ours, the standard library's or an installed distribution's.

    Raises:
        Refused: naming the file and what it would hide.
    """
    installed = _installed()
    for path in code_files(root):
        relative = path.relative_to(root)
        top = relative.parts[0].removesuffix(".py")
        if top in OURS:
            raise Refused(f"{relative} hides modeldeck's own package {top!r}", "rename the file")
        if top in sys.stdlib_module_names:
            raise Refused(f"{relative} hides the standard library's module {top!r}", "rename the file")
        if top in installed:
            raise Refused(f"{relative} hides {top!r} of the installed {installed[top][0]}", "rename the file")


@functools.cache
def _installed() -> Mapping[str, list[str]]:
    """Return the distributions that hold each top-level module; half a second to find out, once per process."""
    return metadata.packages_distributions()


def use(folder: Path) -> None:
    """Make a bundle's modules importable, last on `sys.path`; another bundle's modules are forgotten first."""
    here = str(folder)
    others = [path for path in sys.path if _is_bundle(path, folder.parent) and path != here]
    if others:
        sys.path[:] = [path for path in sys.path if path not in others]
    if here not in sys.path:
        sys.path.append(here)
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None) or ""
        if name != "__main__" and _is_bundle_file(origin) and not origin.startswith(here + "/"):
            del sys.modules[name]
    importlib.invalidate_caches()


def _is_bundle(path: str, bundles: Path) -> bool:
    return Path(path).parent == bundles or "/.modeldeck/bundles/" in path


def _is_bundle_file(origin: str) -> bool:
    return "/.modeldeck/bundles/" in origin


def function(reference: str, folder: Path) -> Callable[..., Any]:
    """Return the function that `python:module:function` names, from a bundle.

    Raises:
        Refused: the reference is not of that form, or the code has no such module or function.
        WorkFailed: the module itself raises when it is imported.
    """
    parts = reference.removeprefix(PREFIX).split(":")
    if len(parts) != 2 or not all(parts):
        raise Refused(f"{reference!r} names no function", "write it as python:module:function")
    module_name, function_name = parts
    use(folder)
    module = _module(module_name, folder, reference)
    found = getattr(module, function_name, None)
    if not callable(found):
        import difflib

        names = [name for name in vars(module) if callable(getattr(module, name)) and not name.startswith("_")]
        close = difflib.get_close_matches(function_name, names, n=1)
        told = f"did you mean {close[0]!r}?" if close else f"define it in {module_name}.py"
        raise Refused(f"{module_name}.py has no function {function_name!r}", told)
    made: Callable[..., Any] = found
    return made


def _module(name: str, folder: Path, reference: str) -> ModuleType:
    place = folder / Path(*name.split("."))
    if not place.with_suffix(".py").is_file() and not (place / "__init__.py").is_file():
        raise Refused(f"{reference!r} names a module that the workspace does not have", f"expected {name}.py")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # the user's code raises anything, and may try to leave
        raise WorkFailed(f"{name}.py failed on import: {told(error, folder)}") from error


def told(error: BaseException, folder: Path) -> str:
    """Return one line on an error of the user's code: what, and on which of their lines."""
    mine = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(folder))]
    what = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, SyntaxError) and error.filename:
        return f"{what} (line {error.lineno} of {Path(error.filename).name})"
    if not mine:
        return what
    last = mine[-1]
    return f"{what} (line {last.lineno} of {Path(last.filename).relative_to(folder)}, in {last.name})"


def bundle_hash(content: bytes) -> str:
    """Return `sha256:…` of a bundle's bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
