"""What a server has used of its machine since it started: CPU time, and memory over time."""

from __future__ import annotations

import time

from engine.serving.metrics import resident_bytes

GB = 1e9


class Usage:
    """Adds up memory between looks; CPU time the kernel counts itself."""

    def __init__(self) -> None:
        self._begun = self._at = time.monotonic()
        self.byte_seconds = 0.0

    def look(self) -> None:
        """Count the memory held since the last look, at what is held now."""
        now = time.monotonic()
        self.byte_seconds += resident_bytes() * (now - self._at)
        self._at = now

    def told(self) -> dict[str, float]:
        """Return seconds of CPU, GB-hours of memory (of 10^9 bytes) and seconds since the start."""
        return {
            "cpu_s": round(time.process_time(), 3),
            "gb_h": round(self.byte_seconds / GB / 3600.0, 9),
            "up_s": round(time.monotonic() - self._begun, 1),
        }
