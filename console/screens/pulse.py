"""`1` Pulse: the four questions answered at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from console.poller import Asks
from console.render import pulse as render
from console.render.cells import Line
from console.render.columns import Context
from console.render.display import key
from console.screens.catalog import NO_MODELS, model_page
from console.screens.list_page import ListKind, ListPage
from engine.operations.deck import Pulse, PulseModel, PulseRequest
from engine.operations.serving import ReleasesRequest
from store.rows import Release

ROOM_BELOW = 14  # lines for alerts and changes, before the answers of every model are shown
ROOM_LOOSE = 9
MOST = 200  # models shown: those that ask for a look or serve, before others


@dataclass(frozen=True, slots=True)
class Seen:
    """What one read of the first screen gave."""

    pulse: Pulse
    releases: tuple[Release, ...]


class PulsePage(ListPage):
    """Models above, the answers for the one under the cursor, then alerts and changes."""

    def __init__(self) -> None:
        super().__init__(
            ListKind(
                name="pulse",
                title="Pulse",
                command="modeldeck pulse",
                columns=render.COLUMNS,
                key=lambda row: row.model,
                read=lambda client: client.call("releases.list", ReleasesRequest(limit=50)),
                empty=NO_MODELS,
                opens=lambda row: model_page(row.model),
            )
        )
        self._pulse: Pulse | None = None
        self._releases: tuple[Any, ...] = ()

    def read(self, client: Asks) -> Any:
        """Ask for the pulse, and for the releases that tell the way back."""
        return Seen(
            client.call("deck.pulse", PulseRequest(most=MOST)),
            tuple(client.call("releases.list", ReleasesRequest(limit=50))),
        )

    def take(self, value: Any) -> None:
        """Take both."""
        self.loaded = True
        self._pulse, self._releases = value.pulse, value.releases
        self.set_rows(value.pulse.models)

    @property
    def note(self) -> str:
        """How many models."""
        if self._pulse is None:
            return ""
        if self._pulse.total > len(self._rows):
            return f"{super().note} of {self._pulse.total:,} models: {key('go.models')} lists all"
        return super().note + (" model" if len(self._rows) == 1 else " models")

    def body(self, width: int, height: int, context: Context) -> list[Line]:
        """Return models, answers, alerts and changes, in the room there is."""
        pulse, row = self._pulse, self.selected
        if pulse is None or not isinstance(row, PulseModel):
            return super().body(width, height, context)
        lines = self.grid.draw(width, min(len(self.grid.rows) + 1, max(3, height // 3)), context)
        rest = height - len(lines)
        every = [render.answers(one, self._releases, width - 1, context.now) for one in self.grid.rows]
        if sum(len(one) + 1 for one in every) + ROOM_BELOW > rest:
            every = [render.answers(row, self._releases, width - 1, context.now)]
        loose = rest - sum(len(one) + 1 for one in every) >= ROOM_LOOSE
        gap: list[Line] = [()] if loose else []  # a free line before each part, where it costs nothing
        for position, one in enumerate(every):
            lines += [*([()] if loose or position == 0 else []), *one]
        open_alerts = [alert for alert in pulse.alerts if alert.state != "resolved"]
        rest = height - len(lines) - 2 * len(gap)
        of_alerts = min(max(1, len(open_alerts) + bool(pulse.undelivered)) + 1, max(2, rest // 2))
        lines += [*gap, *render.alert_lines(open_alerts, width - 1, context.now, of_alerts, pulse.undelivered)]
        lines += gap
        lines += render.event_lines(pulse, width - 1, height - len(lines))
        return lines[:height]
