"""A deck's files as one folder: checked whole, planned against what is applied, put in place whole or not at all."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.deck import Deck
from engine.model_io.code import PREFIX, check_module_names, code_files
from engine.operations.files import FileText, FolderPlan, PlannedFile
from engine.settings.apply import declared, differences
from engine.settings.said import Said, said_of
from engine.settings.switching import STAGE, recover, switch
from engine.workspace import Workspace
from store import models, settings
from store.database import Reader
from store.errors import BrokenSettings, ModeldeckError, Refused
from store.rows import SettingsRevision
from store.storage import writing_to

LARGEST = 1_000_000  # bytes of one file
MOST_FILES = 2_000
APPLIED = "applied-files.json"  # what the last applied folder held, by path and sha256

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
_CHANGES = ("created", "changed", "removed")


def kind_of(path: str) -> str | None:
    """Return deck, model or code: what a file within a deck's folder is; None where it is nothing of a deck."""
    parts = path.split("/")
    if not all(_NAME.fullmatch(part) for part in parts):
        return None
    if path == "deck.toml":
        return "deck"
    if len(parts) == 2 and parts[0] == "models" and path.endswith(".toml"):
        return "model"
    return "code" if path.endswith(".py") else None


def files_of(root: Path) -> dict[str, str]:
    """Return the text of every file of a deck's folder by its path in it.

    Raises:
        Refused: a file is no text, too large, or a link: named.
    """
    found = [root / "deck.toml", *sorted((root / "models").glob("*.toml")), *code_files(root)]
    texts: dict[str, str] = {}
    for path in found:
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            raise Refused(f"{name} is a link", "a deck's folder holds its own files")
        if not path.is_file():
            continue
        if path.stat().st_size > LARGEST:
            raise Refused(f"{name} has more than {LARGEST:,} bytes", "settings and code only")
        try:
            texts[name] = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(f"{name} is no text in UTF-8", "save it as UTF-8") from None
    return texts


def plan(deck: Deck, files: Sequence[FileText]) -> FolderPlan:
    """Return what applying a folder would change. Nothing is changed.

    Raises:
        Refused: it is half a folder, or holds what is no file of a deck.
        BrokenSettings: a file does not hold; the line names it.
    """
    with _staged(deck, files) as stage, deck.database.reading() as reader:
        return _planned(deck.workspace, stage, settings.current(reader))


def apply_folder(
    deck: Deck, files: Sequence[FileText], actor: str, reason: str, *, overwrite: bool = False
) -> tuple[SettingsRevision, FolderPlan]:
    """Put a folder's files in the workspace's place and apply them: all of it or nothing.

    Raises:
        Refused: as `plan`; a model that serves would be removed; a file was changed on the deck itself.
        BrokenSettings: as `plan`.
    """
    recover(deck)
    with _staged(deck, files) as stage, deck.database.write() as tx:
        told = _planned(deck.workspace, stage, settings.current(tx))
        _refuse_loss(tx, told, overwrite=overwrite)
        revision, _ = settings.apply(tx, stage.fresh.body(), actor, reason)
        put = [one.path for one in told.files if one.action in ("created", "changed") or one.drift]
        gone = [one.path for one in told.files if one.action == "removed"]
        put = [path for path in put if path not in gone]
        kept = {APPLIED: json.dumps({one.path: digest(one.text) for one in files}, indent=1, sort_keys=True)}
        switch(deck.workspace, stage.root, put, gone, kept, revision.hash)
    return revision, told


def applied_files(deck: Deck) -> tuple[int, list[FileText]]:
    """Return the revision and the files that say what is applied.

    Raises:
        Refused: nothing is applied, or the workspace's files say something else: which is named.
    """
    current = settings.current(deck.database)
    if current is None:
        raise Refused("no settings are applied yet", "apply them: modeldeck apply")
    told = differences(current.body, declared(deck).to_body())
    if told:
        raise Refused(
            f"the deck's files say something else than what is applied: {told[0]}"
            + (f", and {len(told) - 1} more" if len(told) > 1 else ""),
            "apply them, or take the change back: modeldeck apply --dry-run shows it",
        )
    return current.revision, [FileText(path, text) for path, text in files_of(deck.workspace.root).items()]


def digest(text: str) -> str:
    """Return the sha256 of a file's text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Stage:
    """A folder's files beside the registry, with what they say and what the workspace's own say."""

    root: Path
    fresh: Said
    stands: Said


@contextmanager
def _staged(deck: Deck, files: Sequence[FileText]) -> Iterator[_Stage]:
    """Write the files beside the registry, checked; the folder is gone afterwards."""
    _refuse_strangers(files)
    workspace = deck.workspace
    with writing_to(workspace.state):
        outer = Path(tempfile.mkdtemp(prefix=STAGE, dir=workspace.state))
    try:
        stage = outer / "after"
        with writing_to(stage):
            for one in files:
                path = stage / one.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(one.text, encoding="utf-8", newline="")
        _refuse_broken_code(stage)
        folders = (Workspace(stage), workspace)
        apart = deck.settings_files  # of a process that stays
        fresh, stands = apart.say_each(*folders) if apart else map(said_of, folders)
        _refuse_broken(stage, fresh)
        yield _Stage(stage, fresh, stands)
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def _refuse_strangers(files: Sequence[FileText]) -> None:
    if len(files) > MOST_FILES:
        raise Refused(f"the folder holds {len(files)} files", f"at most {MOST_FILES}")
    seen: set[str] = set()
    for one in files:
        if kind_of(one.path) is None:
            raise Refused(f"{one.path[:100]!r} is no file of a deck", "deck.toml, models/NAME.toml and *.py are")
        if one.path in seen:
            raise Refused(f"{one.path} is there twice", "name each file once")
        if len(one.text.encode()) > LARGEST:
            raise Refused(f"{one.path} has more than {LARGEST:,} bytes", "settings and code only")
        seen.add(one.path)
    if "deck.toml" not in seen:
        raise Refused("deck.toml is missing: this is half a folder", "name the folder that holds it")
    if not any(kind_of(path) == "model" for path in seen):
        raise Refused(
            "models/ holds no file: this is half a folder", "name the folder that holds deck.toml and models/"
        )


def _refuse_broken_code(stage: Path) -> None:
    """Look that code parses and hides nothing."""
    for path in code_files(stage):
        name = path.relative_to(stage).as_posix()
        try:
            ast.parse(path.read_bytes(), name)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            raise BrokenSettings(f"{name}{line}: {getattr(error, 'msg', error)}", "correct it and run again") from None
    check_module_names(stage)


def _refuse_broken(stage: Path, fresh: Said) -> None:
    """Look that settings hold, and that the code they name is there."""
    fresh.body()
    for path in sorted(fresh.models):
        for module in sorted(_modules(fresh.model(path))):
            base = stage.joinpath(*module.split("."))
            if not (base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()):
                raise Refused(
                    f"{path} names {PREFIX}{module}, and {module.replace('.', '/')}.py is missing:"
                    " this is half a folder",
                    "add the module, or name the whole folder",
                )


def _modules(value: Any) -> set[str]:
    """Return the modules that a model's settings refer to as `python:module:function`."""
    if isinstance(value, str):
        return {value.removeprefix(PREFIX).partition(":")[0]} if value.startswith(PREFIX) else set()
    if isinstance(value, Mapping):
        value = list(value.values())
    return {found for one in value for found in _modules(one)} if isinstance(value, list | tuple) else set()


def _planned(workspace: Workspace, stage: _Stage, current: SettingsRevision | None) -> FolderPlan:
    fresh, stands = files_of(stage.root), _standing_files(workspace.root)
    applied = current.body if current else {}
    drift = _drift(workspace, stage.stands, stands, applied)
    told = [_file(path, stage, fresh, stands, drift, applied) for path in sorted({*fresh, *stands})]
    return FolderPlan(
        current.revision if current else None,
        tuple(told),
        sum(one.action in _CHANGES for one in told),
        sum(bool(one.drift) for one in told),
    )


def _standing_files(root: Path) -> dict[str, str]:
    return files_of(root) if (root / "deck.toml").is_file() else {}


def _file(
    path: str,
    stage: _Stage,
    fresh: Mapping[str, str],
    stands: Mapping[str, str],
    drift: Mapping[str, str],
    applied: Mapping[str, Any],
) -> PlannedFile:
    kind, wanted = kind_of(path) or "code", stage.fresh.body()
    name = _model_name(path, stage.fresh if path in fresh else stage.stands) if kind == "model" else path
    same = fresh.get(path) == stands.get(path)
    drifted = "" if same or (path not in fresh and kind == "code") else drift.get(path, "")
    if kind == "code":
        action = "extra" if path not in fresh else "unchanged" if same else "changed" if path in stands else "created"
        return PlannedFile(path, kind, name, action, drifted, ())
    if kind == "deck":
        told = differences({**applied, "models": {}}, {**wanted, "models": {}}) if applied else []
        action = "created" if not applied else "changed" if told or not same else "unchanged"
        return PlannedFile(path, kind, name, action, drifted, tuple(told))
    if path not in fresh:
        return PlannedFile(path, kind, name, "removed", drifted, ())
    if name not in applied.get("models", {}):
        return PlannedFile(path, kind, name, "created", drifted, ())
    before, after = ({"models": {name: side["models"][name]}} for side in (applied, wanted))
    told = [line.removeprefix(f"models.{name}.") for line in differences(before, after)]
    return PlannedFile(path, kind, name, "changed" if told or not same else "unchanged", drifted, tuple(told))


def _model_name(path: str, said: Said) -> str:
    try:
        return str(said.model(path)["name"])
    except (KeyError, ModeldeckError):
        return Path(path).stem


def _drift(workspace: Workspace, says: Said, stands: Mapping[str, str], applied: Mapping[str, Any]) -> dict[str, str]:
    """Return how the deck's own files, which say so, differ from what was applied, by path.

    Where a folder was applied before, its hashes say so; else what the settings files say is compared.
    """
    try:
        kept = json.loads((workspace.state / APPLIED).read_text("utf-8"))
    except (OSError, ValueError):
        kept = {}
    if kept:
        return {
            path: "changed on the deck since a folder was applied" if path in kept else "made on the deck"
            for path, text in stands.items()
            if kept.get(path) != digest(text)
        }
    found: dict[str, str] = {}
    known = applied.get("models", {})
    if applied and "deck.toml" in stands:
        try:
            told = differences({**applied, "models": {}}, {**says.body(), "models": {}})
        except ModeldeckError:
            told = []  # which file it is, is said below
        if told:
            found["deck.toml"] = f"changed on the deck and not applied: {told[0]}"
    for path in stands:
        if kind_of(path) != "model" or not applied:
            continue
        try:
            body = says.model(path)
        except ModeldeckError as error:
            found[path] = f"does not hold: {error.message}"
            continue
        name = body["name"]
        if name not in known:
            found[path] = "stands on the deck and was never applied"
            continue
        told = differences({"models": {name: known[name]}}, {"models": {name: body}})
        if told:
            found[path] = f"changed on the deck and not applied: {told[0].removeprefix(f'models.{name}.')}"
    return found


def _refuse_loss(reader: Reader, told: FolderPlan, *, overwrite: bool) -> None:
    for one in told.files:
        if one.kind == "model" and one.action == "removed":
            champion = models.alias(reader, one.name, "champion")
            if champion is not None:
                raise Refused(
                    f"{one.path} is missing, and {one.name}@{champion.version} is its champion",
                    f"add the file, or first: modeldeck endpoints stop {one.name}, modeldeck models delete {one.name}",
                )
    drifted = [one for one in told.files if one.drift]
    if drifted and not overwrite:
        more = f", and {len(drifted) - 1} more" if len(drifted) > 1 else ""
        raise Refused(
            f"{drifted[0].path}: {drifted[0].drift}{more}", "take it into the folder, or replace it: --overwrite"
        )
