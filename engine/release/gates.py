"""The gates that need no running server."""

from __future__ import annotations
