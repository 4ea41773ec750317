"""Start, stop and look at a deck's daemon, from any process of its owner."""

from __future__ import annotations

from engine.service.launch import ensure_running, last_lines, log_of

__all__ = ["ensure_running", "last_lines", "log_of"]
