"""Apply settings files as an immutable revision, say what that changes, and read what is applied."""

from __future__ import annotations

from typing import Any

from engine.deck import Deck
from engine.settings.files import load
from engine.settings.model import DeckSettings
from store.errors import Refused, UnknownName
from store.rows import SettingsRevision


def apply_settings(
    deck: Deck, actor: str, reason: str, *, dry_run: bool = False
) -> tuple[SettingsRevision, bool, list[str]]:
    """Apply what the files say now; a dry run does all of it and takes it back.

    Returns the revision, whether it was applied already, and the differences as lines `key: before -> after`.

    Raises:
        BrokenSettings: the files do not hold.
    """
    from engine.settings.switching import recover
    from store import settings

    recover(deck)
    files = deck.settings_files
    if files and (stands := settings.current(deck.database)) and files.say(stands.hash):
        return stands, True, []
    body, bytes_hash = files.read() if files else (load(deck.workspace).to_body(), None)
    with deck.database.write(dry_run=dry_run) as tx:
        before = settings.current(tx)
        revision, already = settings.apply(tx, body, actor, reason)
    if files and (already or not dry_run):
        files.keep(bytes_hash, revision.hash)
    return revision, already, [] if already else differences(before.body if before else {}, revision.body)


def declared(deck: Deck) -> DeckSettings:
    """Return what the settings files say now; a process that stays has them read by another.

    Raises:
        BrokenSettings: the files do not hold.
    """
    return DeckSettings.from_body(deck.settings_files.read()[0]) if deck.settings_files else load(deck.workspace)


def current_settings(deck: Deck) -> tuple[DeckSettings, int]:
    """Return the applied settings and their revision.

    Raises:
        Refused: nothing was ever applied.
    """
    from store import settings

    current = settings.current(deck.database)
    if current is None:
        raise Refused("no settings are applied yet", "apply them: modeldeck apply")
    return DeckSettings.from_body(current.body), current.revision


def settings_of(deck: Deck, revision: int) -> DeckSettings:
    """Return the settings of one applied revision."""
    from store import settings

    return DeckSettings.from_body(settings.get(deck.database, revision).body)


def require_model(settings: DeckSettings, name: str) -> None:
    """Refuse a model that no applied file declares, naming the closest one."""
    import difflib

    if name not in settings.models:
        match = difflib.get_close_matches(name, settings.models, n=1)
        known = ", ".join(sorted(settings.models)) or "none yet"
        raise UnknownName(
            f"no model named {name!r}" + (f", did you mean {match[0]!r}?" if match else ""), f"applied models: {known}"
        )


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what differs between two settings bodies, one line per key; whole models as one line."""
    old_models, new_models = before.get("models", {}), after.get("models", {})
    lines = [f"models.{name}: added" for name in sorted(new_models.keys() - old_models.keys())]
    lines += [f"models.{name}: removed" for name in sorted(old_models.keys() - new_models.keys())]
    if not before:
        return lines
    old, new = _flat(before, new_models.keys()), _flat(after, old_models.keys())
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and not (_says_nothing(old, key) and _says_nothing(new, key)):
            lines.append(f"{key}: {_shown(old, key)} -> {_shown(new, key)}")
    return lines


def _flat(body: dict[str, Any], models: Any) -> dict[str, Any]:
    """Return leaf values by dotted key, with only those models that exist on the other side too."""
    leaves: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        elif isinstance(value, list | tuple) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value, 1):  # hosts have names, steps of a rollout only places
                walk(f"{prefix}.{item.get('name', number)}", {key: one for key, one in item.items() if key != "name"})
        else:
            leaves[prefix] = list(value) if isinstance(value, tuple) else value

    walk("", {key: value for key, value in body.items() if key != "models"})
    for name, model in body.get("models", {}).items():
        if name in models:
            walk(f"models.{name}", model)
    return leaves


def _says_nothing(leaves: dict[str, Any], key: str) -> bool:
    """Say whether a key is not there, or empty: of a key that nobody wrote, the one becomes the other by itself."""
    return leaves.get(key) in ("", None, [], {})


def _shown(leaves: dict[str, Any], key: str) -> str:
    if key not in leaves:
        return "absent"
    value = leaves[key]
    if value in ("", None, []):
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
