"""[card] of a model file as a person writes it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.settings.card import CardSettings
from engine.settings.sections import Section

Said = Annotated[str, Field(max_length=4_000)]


class CardTable(Section):
    """[card]"""

    purpose: Said = ""
    out_of_scope: Said = ""
    limits: Said = ""
    ethics: Said = ""
    contact: Said = ""

    def section(self) -> CardSettings:
        """Return the frozen section."""
        return CardSettings(**self.model_dump())
