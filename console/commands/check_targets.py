"""Whether each target of notifications could be told: its files can be read, and its library is there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from store.errors import ModeldeckError, Refused

if TYPE_CHECKING:
    from engine.settings.model import DeckSettings
    from engine.settings.notify import NotifySettings
    from engine.workspace import Workspace


def target_lines(workspace: Workspace, settings: DeckSettings) -> Iterator[tuple[str, str | ModeldeckError]]:
    """Yield for each target its name and what is so, or what is wrong. Nothing is sent.

    What lies in the environment is the daemon's to find: `modeldeck notifications test` asks it.
    """
    for name, target in settings.notify.items():
        try:
            yield f"notify.{name}", _line(workspace, target)
        except ModeldeckError as error:
            yield f"notify.{name}", error


def _line(workspace: Workspace, target: NotifySettings) -> str:
    from engine.settings.secrets import secret_of

    if target.kind == "apprise" and find_spec("apprise") is None:
        raise Refused("Apprise is not installed", "pip install 'modeldeck[notify]', then restart the daemon")
    faults: list[Refused] = []
    for where in (target.url, *target.secrets):
        try:
            if where.startswith("file:"):
                secret_of(where, workspace.root)
        except Refused as error:
            faults.append(error)
    if len(faults) > 1:  # all at once: nobody should learn of the second by mending the first
        raise Refused("; ".join(one.message for one in faults), "; ".join(one.hint for one in faults))
    if faults:
        raise faults[0]
    later = [where.removeprefix("env:") for where in (target.url, *target.secrets) if where.startswith("env:")]
    return f"{target.kind}, told of {', '.join(target.on)}" + (
        f"; the daemon needs {', '.join(later)}" if later else ""
    )
