"""Which modeldeck this is: one number for the package, the wire and the records."""

from __future__ import annotations

VERSION = "0.1.0"
