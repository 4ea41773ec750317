"""What one verb is given: the parsed line, where to print, the deck it is about and a client to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from console.commands.place import place_of
from console.output import Output
from console.parser import Invocation
from console.usage import read_only_of
from console.version_names import with_numbers
from engine.workspace import Workspace
from store.errors import NotAllowed, Refused

if TYPE_CHECKING:
    from engine.client import Client
    from engine.operations.operation import Operation
    from engine.service.shared import SharedDeck


@dataclass(slots=True)
class Session:
    """One run of one verb."""

    said: Invocation
    output: Output
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def read_only(self) -> bool:
        """True where every change is to be refused: the line says so, or the environment."""
        return self.said.read_only or bool(read_only_of(self.environment))

    def operation(self) -> Operation:
        """Return the operation that the verb is generated from.

        Raises:
            TypeError: it is generated from none.
        """
        if self.said.verb.operation is None:
            raise TypeError(f"{self.said.verb.words} is no operation")
        return self.said.verb.operation

    def refuse_local_change(self) -> None:
        """Refuse a verb that changes what stands without asking the engine, in a read-only session.

        Raises:
            NotAllowed: this is one.
        """
        if self.read_only and self.said.verb.changes:
            from engine.service.call import LIFT

            words = " ".join(self.said.verb.words)
            raise NotAllowed(f"this session is read-only, and `{words}` is a change", LIFT)

    def place(self) -> Workspace | SharedDeck:
        """Return what this line is about.

        Raises:
            Refused: nothing, or two things at once.
        """
        return place_of(self.said.workspace, self.said.deck, self.environment)

    def workspace(self) -> Workspace:
        """Return the workspace this line is about, and print times in its zone from here on.

        Raises:
            Refused: there is none, or the line names a deck by its socket.
        """
        place = self.place()
        if not isinstance(place, Workspace):
            words = " ".join(self.said.verb.words)
            raise Refused(f"`{words}` works on a workspace folder", "its owner runs it there, without --deck")
        self.output.zone_or_how = zone_of(place)
        return place

    @property
    def is_shared(self) -> bool:
        """True where the deck is named by its socket: its settings files are not this caller's."""
        return not isinstance(self.place(), Workspace)

    def shared(self) -> SharedDeck:
        """Return the shared deck this line names.

        Raises:
            Refused: it names a workspace.
        """
        place = self.place()
        if isinstance(place, Workspace):
            raise Refused("this line names a workspace, not a shared deck", "say --deck NAME")
        return place

    def client(self) -> Client:
        """Return a client to the deck, and print times in the deck's zone from here on."""
        from engine.client import SharedClient, connect

        place = self.place()
        client = connect(place, read_only=self.read_only)
        if isinstance(place, Workspace):
            self.output.zone_or_how = lambda: zone_of(place)
        elif isinstance(client, SharedClient):
            self.output.zone_or_how = zone_named(client.health().get("time_zone"))
        return client

    def name_versions(self, client: Client) -> None:
        """Look up the numbers of versions that the line names by an alias.

        Raises:
            UnknownName: the model has no such version.
        """
        self.said = replace(self.said, request=with_numbers(client, self.said.request))


def zone_of(workspace: Workspace) -> tzinfo:
    """Return the deck's time zone as deck.toml says it; a broken file is told by the verbs that need it."""
    import tomllib

    try:
        deck = tomllib.loads((workspace.root / "deck.toml").read_text("utf-8"))
        return zone_named(deck["time_zone"])
    except (OSError, ValueError, KeyError, TypeError):
        return UTC


def zone_named(name: object) -> tzinfo:
    """Return the zone of that name, UTC where this machine has none."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(str(name))
    except (OSError, ValueError, KeyError):
        return UTC
