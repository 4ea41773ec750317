"""One reconciler for each Docker host, in a thread of its own: a host that does not answer holds up no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.daemon.ticker import Ticker
from engine.deck import Deck
from store import settings

if TYPE_CHECKING:
    from engine.deploy.reconcile import Reconciler
    from engine.settings.model import HostSettings


@dataclass(slots=True)
class _Host:
    settings: HostSettings
    reconciler: Reconciler
    ticker: Ticker


class Fleet:
    """Follows the applied settings: hosts that come, change and go. Used from one thread."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._hosts: dict[str, _Host] = {}
        self._followed: Mapping[str, Any] = {}

    def tick(self) -> bool:
        """Start and end reconcilers as the settings say now."""
        from engine.settings.model import HostSettings

        applied = settings.applied_body(self._deck.database)
        if applied is self._followed:
            return False
        named = [HostSettings(**body) for body in applied.get("hosts", ())]
        wanted = {host.name: host for host in named if host.kind == "docker"}
        changed = False
        for name in [name for name, host in self._hosts.items() if wanted.get(name) != host.settings]:
            self._end(self._hosts.pop(name), stop_servers=False)
            changed = True
        for name in wanted.keys() - self._hosts.keys():
            self._hosts[name] = self._begin(wanted[name])
            changed = True
        self._followed = applied  # not before: a host that could not begin is tried again
        return changed

    def wake(self) -> None:
        """Something was asked for: look now."""
        for host in list(self._hosts.values()):
            host.ticker.wake()

    def close(self, *, stop_servers: bool) -> None:
        """Let go of every host, or end what it serves first."""
        if stop_servers:
            self.tick()
        for host in self._hosts.values():
            self._end(host, stop_servers=stop_servers)
        self._hosts.clear()

    def _begin(self, host: HostSettings) -> _Host:
        from engine.deploy.containers.runtime import DockerRuntime
        from engine.deploy.reconcile import Reconciler

        reconciler = Reconciler(self._deck, DockerRuntime(self._deck, host))
        ticker = Ticker(f"host {host.name}", reconciler.tick, idle_s=0.2, busy_s=0.05)
        ticker.start()
        return _Host(host, reconciler, ticker)

    @staticmethod
    def _end(host: _Host, *, stop_servers: bool) -> None:
        host.ticker.stop()
        host.reconciler.close(stop_servers=stop_servers)
