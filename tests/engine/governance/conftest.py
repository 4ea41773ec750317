"""The deck of stays for every test here."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from stays_deck import make_stays

__all__ = ["make_stays"]
