"""What only people know of a model, for its card: what it is for and not for, where it fails, whom it may hurt."""

from __future__ import annotations

from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class CardSettings:
    """`[card]` of a model file; "" says that nobody has said it, and the card says unknown."""

    purpose: str = ""
    out_of_scope: str = ""
    limits: str = ""
    ethics: str = ""
    contact: str = ""
