"""The two small layers on top: our server, shared by every version, and the version's own folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import engine.serving.server
from engine.deploy.images.dependencies import compile_modules
from engine.deploy.images.layers import Entry, Layer, keep, kept, key_of, layers_of, told, tree, write_layer
from engine.deploy.images.places import layer_folder, record_folder
from engine.serving.contract import CONTRACT
from engine.workspace import Workspace
from store.storage import writing_to

SERVER = "opt/modeldeck/server"
MODEL = "opt/modeldeck/model"
LOG = "var/log/modeldeck"  # the prediction log's volume
SECRETS = "run/modeldeck"  # the log key's volume
USER = 10001

_ENGINE = Path(engine.serving.server.__file__).resolve().parent.parent


def server_layer(workspace: Workspace) -> Layer:
    """Return the layer of the server that this modeldeck is, with the folders a container writes to.

    An empty named volume takes owner and mode from the folder it is mounted on; on nothing it would be root's.
    """
    sources = [_ENGINE / "__init__.py", *sorted((_ENGINE / "serving").rglob("*.py"))]
    version = metadata.version("modeldeck")
    told_files = [(str(path.relative_to(_ENGINE)), path.read_text("utf-8")) for path in sources]
    key = key_of(["server", 1, CONTRACT, version, told_files])
    place = record_folder(workspace) / f"server-{key}.json"
    record = kept(place)
    there = layers_of(record, layer_folder(workspace)) if record else None
    if there is not None:
        return there[0]
    with tempfile.TemporaryDirectory(prefix="modeldeck-server-") as scratch, writing_to(Path(scratch)):
        folder = Path(scratch)
        for path in sources:
            copy = folder / "engine" / path.relative_to(_ENGINE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        compile_modules(list(folder.rglob("*.py")), folder, f"/{SERVER}")
        layer = write_layer(layer_folder(workspace), _server_entries(folder, version))
    keep(place, {"layers": told([layer])})
    return layer


def _server_entries(folder: Path, version: str) -> Iterator[Entry]:
    yield from tree(folder, SERVER)
    told_as = f"Metadata-Version: 2.1\nName: modeldeck\nVersion: {version}\n"
    yield Entry(f"{SERVER}/modeldeck-{version}.dist-info/METADATA", told_as.encode())
    yield Entry(LOG, mode=0o700, owner=USER)
    yield Entry(SECRETS, mode=0o700, owner=USER)


def model_layer(workspace: Workspace, staged: Path) -> Layer:
    """Return the layer of a staged version: manifest, artifact, golden requests, code."""
    code = staged / "code"
    entries = [entry for entry in tree(staged, MODEL) if "__pycache__" not in entry.name]
    if not code.is_dir():
        return write_layer(layer_folder(workspace), entries)
    with tempfile.TemporaryDirectory(prefix="modeldeck-code-") as scratch, writing_to(Path(scratch)):
        # compiled in a copy: a version's folder is what servers run from
        copy = Path(scratch, "code")
        shutil.copytree(code, copy, ignore=shutil.ignore_patterns("__pycache__"))
        compile_modules(list(copy.rglob("*.py")), copy, f"/{MODEL}/code")
        compiled = [entry for entry in tree(copy, f"{MODEL}/code") if entry.name.endswith(".pyc")]
        return write_layer(layer_folder(workspace), [*entries, *compiled])
