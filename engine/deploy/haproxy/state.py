"""What a gateway knows, as data: deployments in slots, endpoints with entries; and the text that both sides keep.

The text is one line of words, so that it passes through HAProxy's command line whole and is swapped in at once:
items are divided by `|`, their words by `,`, and every word is percent-encoded. `inside/routes.lua` reads the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from engine.deploy.router import OPEN, Guard
from store.errors import Refused

# A server that takes no connection leaves at once and is looked at ten times a second until it is back; one that takes
# them and answers no health check leaves after three. Said with every server: those added at run time know no defaults,
# and without a pool HAProxy opened a connection for each request.
SERVER = (
    "check inter 500ms fastinter 100ms downinter 100ms fall 3 rise 1 observe layer4 error-limit 1 on-error mark-down"
    " pool-purge-delay 5s pool-max-conn 64"
)

_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}:\d{1,5}")


class NoSlot(Exception):
    """Every slot of the configuration is taken: it has to be rendered with more of them."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A deployment's place: one HAProxy backend of this number, its servers named by their addresses."""

    number: int
    deployment: str
    addresses: tuple[str, ...] = ()
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An applied route. Entries lie with the champion last, so that a growing share only ever takes points over."""

    name: str
    generation: int
    entries: tuple[dict[str, Any], ...]
    shadow: str = ""
    percent: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """All of it. Changes return another state."""

    slots: Mapping[str, Slot] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    guards: Mapping[str, Guard] = field(default_factory=dict)

    def add(self, deployment: str, addresses: Sequence[str], room: int) -> State:
        """Set a deployment's addresses; none empties its slot, and gives it back where no endpoint names it.

        Raises:
            Refused: an address is not `a.b.c.d:port`.
            NoSlot: none of `room` slots is free.
        """
        for address in addresses:
            if not _ADDRESS.fullmatch(address):
                raise Refused(f"{address!r} is no address the gateway can send to", "it takes a.b.c.d:port")
        kept = self._with(deployment, room) if addresses or deployment in self.slots else self
        if deployment not in kept.slots:
            return kept
        slot = kept.slots[deployment]
        held = replace(slot, addresses=tuple(addresses), draining=slot.draining and bool(addresses))
        return replace(kept, slots={**kept.slots, deployment: held})._without_unused()

    def apply(self, endpoint: str, generation: int, entries: Sequence[Mapping[str, Any]], room: int) -> State:
        """Take a route of a newer generation (or the same one again); an older one changes nothing.

        Raises:
            NoSlot: none of `room` slots is free.
        """
        known = self.endpoints.get(endpoint)
        if known is not None and generation < known.generation:
            return self
        ordered = sorted((dict(entry) for entry in entries), key=lambda entry: bool(entry["role"] == "champion"))
        changed = self
        for entry in ordered:
            changed = changed._with(entry["deployment_id"], room)
            if entry["weight"] > 0:
                changed = changed.drain(entry["deployment_id"], draining=False)
        made = Endpoint(endpoint, generation, tuple(ordered))
        if known is not None:
            made = replace(made, shadow=known.shadow, percent=known.percent)
        return replace(changed, endpoints={**changed.endpoints, endpoint: made})._without_unused()

    def drain(self, deployment: str, *, draining: bool = True) -> State:
        """Send a deployment nothing new, or something again."""
        slot = self.slots.get(deployment)
        if slot is None or slot.draining == draining:
            return self
        return replace(self, slots={**self.slots, deployment: replace(slot, draining=draining)})

    def shadowed(self, endpoint: str, deployment: str | None, percent: int, room: int) -> State:
        """Copy a share of an endpoint's requests to a deployment; None ends it.

        Raises:
            Refused: the endpoint has no route yet.
            NoSlot: none of `room` slots is free.
        """
        known = self.endpoints.get(endpoint)
        if known is None:
            raise Refused(f"no endpoint {endpoint!r} at this gateway to shadow", "apply its route first")
        changed = self._with(deployment, room) if deployment else self
        made = replace(known, shadow=deployment or "", percent=percent if deployment else 0)
        return replace(changed, endpoints={**changed.endpoints, endpoint: made})._without_unused()

    def guarded(self, endpoint: str, guard: Guard) -> State:
        """Say what an endpoint takes and from whom, also before it has a route."""
        guards = {**self.guards, endpoint: guard}
        if guard == OPEN:
            del guards[endpoint]
        return replace(self, guards=guards)

    def _with(self, deployment: str, room: int) -> State:
        if deployment in self.slots:
            return self
        taken = {slot.number for slot in self.slots.values()}
        number = next((number for number in range(room) if number not in taken), None)
        if number is None:
            raise NoSlot
        return replace(self, slots={**self.slots, deployment: Slot(number, deployment)})

    def _without_unused(self) -> State:
        named = {entry["deployment_id"] for one in self.endpoints.values() for entry in one.entries}
        named |= {one.shadow for one in self.endpoints.values()}
        return replace(self, slots={id: slot for id, slot in self.slots.items() if slot.addresses or id in named})

    def to_text(self) -> str:
        """Return the text that Lua loads and `from_text` reads back."""
        items: list[tuple[str, ...]] = []
        for slot in sorted(self.slots.values(), key=lambda slot: slot.number):
            mark = "drain" if slot.draining else "open"
            items.append(("slot", str(slot.number), slot.deployment, mark, *slot.addresses))
        for name, one in sorted(self.endpoints.items()):
            items.append(("endpoint", name, str(one.generation), one.shadow, str(one.percent)))
            for entry in one.entries:
                kept = json.dumps(entry, separators=(",", ":"))
                items.append(("entry", entry["deployment_id"], str(entry["version"]), str(entry["weight"]), kept))
        for name, guard in sorted(self.guards.items()):
            limits = (guard.requests_per_s, guard.at_once, guard.body_bytes)
            mark = "open" if guard.keys is None else "key"
            items.append(("guard", name, mark, *map(str, limits), *sorted(guard.keys or ())))
        return "|".join(",".join(quote(word, safe="") for word in item) for item in items) or "|"

    @staticmethod
    def from_text(text: str) -> State:
        """Read what `to_text` wrote."""
        slots: dict[str, Slot] = {}
        endpoints: dict[str, Endpoint] = {}
        guards: dict[str, Guard] = {}
        last = ""
        for item in filter(None, text.strip().split("|")):
            kind, *words = (unquote(word) for word in item.split(","))
            if kind == "slot":
                slots[words[1]] = Slot(int(words[0]), words[1], tuple(words[3:]), words[2] == "drain")
            elif kind == "endpoint":
                last = words[0]
                endpoints[last] = Endpoint(last, int(words[1]), (), words[2], int(words[3]))
            elif kind == "guard":
                keys = frozenset(words[5:]) if words[1] == "key" else None
                guards[words[0]] = Guard(keys, *map(int, words[2:5]))
            else:
                entries = (*endpoints[last].entries, json.loads(words[3]))
                endpoints[last] = replace(endpoints[last], entries=entries)
        return State(slots, endpoints, guards)


def backend(number: int) -> str:
    """Return the name of a slot's backend."""
    return f"s{number}"


def commands(after: State, present: Mapping[str, Mapping[str, bool]]) -> tuple[list[str], list[str]]:
    """Return the runtime commands to give before and after the new text is loaded.

    Servers come before the requests that are sent to them, and go after. `present` is what HAProxy has: by backend,
    server name to whether it is in maintenance (left there because requests were under way when it should have gone).
    """
    first: list[str] = []
    then: list[str] = []
    wanted = {backend(slot.number): set(slot.addresses) for slot in after.slots.values()}
    for name, addresses in sorted(wanted.items()):
        here = present.get(name, {})
        for address in sorted(addresses):
            server = f"{name}/{address}"
            if address not in here:
                first += [f"add server {server} {address} {SERVER}"]
                first += [f"enable health {server}", f"enable server {server}"]
            elif here[address]:
                first += [f"enable health {server}", f"enable server {server}"]
    for name, here in sorted(present.items()):
        for address in sorted(set(here) - wanted.get(name, set())):
            server = f"{name}/{address}"
            then += [f"disable health {server}", f"set server {server} state maint", f"del server {server}"]
    return first, then
