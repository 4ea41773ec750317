"""What a test of faults counted, told whether it passed or not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

KILLS = int(os.environ.get("MODELDECK_CHAOS_KILLS", "200"))


class Report:
    """Counts of one test, told at its end whether it passed or not."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.seed = name, seed
        self.counts: dict[str, Any] = {}
        self._begun = time.monotonic()

    def count(self, what: str, by: int = 1) -> None:
        """Count something that happened."""
        self.counts[what] = self.counts.get(what, 0) + by

    def tell(self) -> None:
        """Print the counts, and add them to the report's file."""
        line = {"test": self.name, "seed": self.seed, "seconds": round(time.monotonic() - self._begun), **self.counts}
        print("chaos:", json.dumps(line))  # noqa: T201
        place = os.environ.get("MODELDECK_CHAOS_REPORT")
        if place:
            with Path(place).open("a") as file:
                file.write(json.dumps(line) + "\n")
