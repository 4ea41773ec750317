"""Changes of settings files that modeldeck makes itself: comments and order stay as their author wrote them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.deck import Deck
from engine.settings.apply import declared, differences
from engine.settings.hosts import check_host
from engine.settings.model import DeckSettings, HostSettings
from store import settings as applied
from store.errors import Refused, UnknownName
from store.rows import SettingsRevision
from store.storage import writing_to


def add_host(deck: Deck, host: HostSettings, actor: str, reason: str) -> tuple[SettingsRevision, list[str]]:
    """Declare a host in deck.toml and apply it: both or neither. Returns the revision and what it changed.

    Raises:
        BrokenSettings: the files do not hold, before or with this host.
        Refused: a host of that name is declared.
    """
    stands = declared(deck)
    if any(one.name == host.name for one in stands.hosts):
        raise Refused(f"deck.toml declares a host named {host.name!r}", "give this one another name")
    (deck.settings_files.check_host if deck.settings_files else check_host)(host)
    hosts = tuple(sorted((*stands.hosts, host), key=lambda one: one.name))

    def edit(text: str) -> str:
        import tomlkit

        document = tomlkit.parse(text)
        declared = document.setdefault("hosts", tomlkit.table(is_super_table=True))
        for one in stands.hosts:  # the host that is there without being written must stay when another is declared
            if one.name not in declared:
                declared[one.name] = _table(one)
        declared[host.name] = _table(host)
        return tomlkit.dumps(document)

    return _change(deck, replace(stands, hosts=hosts), edit, actor, reason)


def remove_host(deck: Deck, name: str, actor: str, reason: str) -> tuple[SettingsRevision, list[str]]:
    """Take a host out of deck.toml and apply that: both or neither.

    Raises:
        BrokenSettings: the files do not hold.
        UnknownName: no host of that name is declared.
        Refused: a model's file names it.
    """
    stands = declared(deck)
    if name not in {one.name for one in stands.hosts}:
        raise UnknownName(f"no host named {name!r}", f"deck.toml declares {', '.join(h.name for h in stands.hosts)}")
    users = sorted(model.name for model in stands.models.values() if name in model.deploy.hosts)
    if users:
        raise Refused(
            f"{', '.join(users)} {'is' if len(users) == 1 else 'are'} deployed to {name}", "edit [deploy] first"
        )
    hosts = tuple(one for one in stands.hosts if one.name != name)
    if not hosts:
        raise Refused(f"{name} is the deck's only host", "add another one first")

    def edit(text: str) -> str:
        import tomlkit

        document = tomlkit.parse(text)
        declared = document.get("hosts", {})
        declared.pop(name, None)
        return tomlkit.dumps(document)

    return _change(deck, replace(stands, hosts=hosts), edit, actor, reason)


def _table(host: HostSettings) -> object:
    import tomlkit

    table = tomlkit.table()
    told: dict[str, object] = {"kind": host.kind, "address": host.address, "port": host.port}
    if host.listen != HostSettings(host.name).listen:
        told["listen"] = host.listen
    told.update(
        {
            key: value
            for key, value in ((key, getattr(host, key)) for key in ("identity", "host_key", "tls_cert", "tls_key"))
            if value
        }
    )
    for key, value in told.items():
        table.add(key, value)
    return table


def _change(
    deck: Deck, wanted: DeckSettings, edit: Callable[[str], str], actor: str, reason: str
) -> tuple[SettingsRevision, list[str]]:
    return change(deck, deck.workspace.root / "deck.toml", wanted, edit, actor, reason)


def change(
    deck: Deck, path: Path, wanted: DeckSettings, edit: Callable[[str], str], actor: str, reason: str
) -> tuple[SettingsRevision, list[str]]:
    """Write a settings file anew and apply what all files then say: both or neither."""
    with writing_to(path):
        fresh = _beside(path, edit(path.read_text(encoding="utf-8")))
    try:
        with deck.database.write() as tx:
            before = applied.current(tx)
            revision, _ = applied.apply(tx, wanted.to_body(), actor, reason)
            with writing_to(path):
                fresh.replace(path)  # the last thing before the commit: file and revision change together
    finally:
        fresh.unlink(missing_ok=True)
    return revision, differences(before.body if before else {}, revision.body)


def _beside(path: Path, text: str) -> Path:
    """Write a file durably next to the one it will replace, with that one's mode."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
        os.fchmod(target.fileno(), path.stat().st_mode & 0o777)
    return Path(name)
