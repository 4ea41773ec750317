"""Install the daemon of a deck as a systemd unit: of the owner's own systemd, or of the machine's."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from engine.daemon.sharing import prepare, unit_settings
from engine.daemon.unit import Unit, enable_commands, folder_of, unit_text, write_unit
from engine.service.identity import user_name
from engine.settings.files import load
from engine.workspace import Workspace
from store.errors import NotAllowed, Refused


@dataclass(frozen=True, slots=True)
class Installed:
    """A unit that was written, or with `written` false one that was only to be seen."""

    unit: str
    path: str
    text: str
    written: bool
    already: bool
    commands: tuple[str, ...]  # what is to be run next


def install(workspace: Workspace, *, system: bool, only_show: bool = False) -> Installed:
    """Write the unit; root, on a deck that is another's, always means the machine's systemd.

    A shared deck is a matter of the machine: its folder below /run is root's to make.

    Raises:
        Refused: the deck is shared, and this is the user's own systemd; or a broken deck.toml.
        NotAllowed: the deck is another user's.
        StorageUnwritable: the unit's folder cannot be written to.
    """
    owner = workspace.root.stat().st_uid
    system = system or (os.geteuid() == 0 and owner != 0)
    if owner != os.geteuid() and os.geteuid() != 0:
        raise NotAllowed(f"the deck belongs to {user_name(owner)}", "its owner, or root, installs its daemon")
    deck = load(workspace)
    if deck.group and not system:
        raise Refused("a shared deck is run by the machine's systemd", "sudo modeldeck daemon install --system")
    unit = Unit(
        deck.name,
        workspace,
        user=pwd.getpwuid(owner).pw_name if system else "",
        more=tuple(unit_settings(deck.name, deck.group)) if deck.group else (),
    )
    path, already = folder_of(unit) / unit.name, False
    if not only_show:
        if deck.group:
            prepare(deck.name, owner, deck.group)
        path, already = write_unit(unit)
    return Installed(unit.name, str(path), unit_text(unit), not only_show, already, tuple(enable_commands(unit)))
