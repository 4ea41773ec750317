"""What handlers ask of settings: the applied ones, and applying changed files first for the owner."""

from __future__ import annotations

from engine.service.context import ServiceContext
from engine.settings.apply import apply_settings, current_settings, require_model
from engine.settings.model import DeckSettings
from store.errors import Refused


def for_change(context: ServiceContext, model: str) -> tuple[DeckSettings, int]:
    """Return the settings a change of this model pins.

    The owner has changed files applied first; everyone else, an admin too, gets what is applied.

    Raises:
        BrokenSettings: the owner's files do not hold.
        UnknownName: no applied model of that name.
    """
    if context.caller.is_owner:
        apply_settings(context.deck, context.caller.actor, f"before a change of {model}")
    settings, revision = current_settings(context.deck)
    require_model(settings, model)
    return settings, revision


def time_zone(context: ServiceContext) -> str:
    """Return the deck's time zone, UTC before anything is applied."""
    try:
        return current_settings(context.deck)[0].time_zone
    except Refused:
        return "UTC"
