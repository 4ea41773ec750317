"""Which distributions a version's own code needs in order to be served: looked for in its text, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from engine.serving.trust import bundle_modules

SERVED = frozenset({"engine", "numpy", "scipy", "sklearn"})  # in every server


def distributions_of(folder: Path, manifest: Mapping[str, Any], lock: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the locked distributions that a staged version's code imports.

    Only modules count that hold a type of the model, and those of the bundle that these import in turn: what only
    loads data for training is not served. A type of another library counts by itself.
    """
    code = folder / manifest["code"] if manifest.get("code") else None
    modules = bundle_modules(code)
    todo = [name for name in (each.rpartition(".")[0] for each in manifest["trusted"]) if name in modules]
    done: set[str] = set()
    foreign = {
        name.partition(".")[0] for name in manifest["trusted"] if name.rpartition(".")[0] not in modules
    } - SERVED
    while todo:
        module = todo.pop()
        if module in done or code is None:
            continue
        done.add(module)
        for name in _imported(code, module):
            own = _own(name, modules)
            todo.extend(own)
            if not own:
                foreign.add(name.partition(".")[0])
    known = metadata.packages_distributions()
    named = {each.lower().replace("_", "-") for name in foreign for each in known.get(name, ())}
    return tuple(sorted(named & set(lock["distributions"])))


def _imported(code: Path, module: str) -> Iterator[str]:
    path = code / f"{module.replace('.', '/')}.py"
    path = path if path.is_file() else code / module.replace(".", "/") / "__init__.py"
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = node.level - (path.name == "__init__.py")  # a package's own level is itself
            package = module.split(".")[: -above or None] if node.level else []
            yield from (".".join([*package, *filter(None, [node.module]), each.name]) for each in node.names)


def _own(name: str, modules: Collection[str]) -> list[str]:
    """Return the bundle's modules that an import of `name` runs: itself and the packages it lies in."""
    parts = name.split(".")
    return [found for length in range(1, len(parts) + 1) if (found := ".".join(parts[:length])) in modules]
