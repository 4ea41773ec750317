"""Checks written into a model file: its author's comments and order stay."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine.deck import Deck
from engine.settings.apply import declared
from engine.settings.checks import CheckSettings
from engine.settings.edit import change
from store.errors import Refused
from store.rows import SettingsRevision


def pin_checks(
    deck: Deck, model: str, checks: CheckSettings, actor: str, reason: str
) -> tuple[SettingsRevision, list[str]]:
    """Write checks into the file of a model and apply it: both or neither. Returns the revision and what it changed.

    Raises:
        BrokenSettings: the files do not hold. Refused: the file says [checks] already, or none is of this model.
    """
    stands = declared(deck)
    path = _file_of(deck, model)
    if stands.models[model].checks.said:
        shown = path.relative_to(deck.workspace.root)
        raise Refused(f"{shown} has [checks] already", "edit them there, or take them out to have them inferred anew")
    kept = replace(stands.models[model].checks, columns=checks.columns, rows=checks.rows, fresh=checks.fresh)
    wanted = replace(stands, models={**stands.models, model: replace(stands.models[model], checks=kept)})

    def edit(text: str) -> str:
        import tomlkit

        document = tomlkit.parse(text)
        section = document.setdefault("checks", tomlkit.table(is_super_table=True))
        for name, one in (("rows", checks.rows), ("fresh", checks.fresh)):
            if one is not None:
                section[name] = _table(asdict(one))
        columns = tomlkit.table(is_super_table=True)
        for name, column in checks.columns.items():
            columns[name] = _table(asdict(column))
        section["columns"] = columns
        return tomlkit.dumps(document)

    return change(deck, path, wanted, edit, actor, reason)


def _file_of(deck: Deck, model: str) -> Path:
    for path in sorted((deck.workspace.root / "models").glob("*.toml")):
        if tomllib.loads(path.read_text(encoding="utf-8"))["model"]["name"] == model:  # the files were found to hold
            return path
    raise Refused(f"no file in {deck.workspace.root / 'models'} is of {model}", "it was applied, and removed since")


def _table(said: dict[str, Any]) -> Any:
    import tomlkit

    table = tomlkit.table()
    for key, value in said.items():
        if key == "max_age_s":
            table.add("max_age", f"{value:.0f}s")
        elif value is not None and value is not False and value not in ("", ()):  # zero is said
            table.add(key, list(value) if isinstance(value, tuple) else value)
    return table
