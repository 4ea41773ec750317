"""Why a model is served by its own library instead of compiled."""

from __future__ import annotations


class NotCompilable(Exception):
    """Some part has no compiled form; the message is one clause that names it."""
