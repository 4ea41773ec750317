"""What a ride costs more when many want one: from predicted departures against what the stand can take.

modeldeck predict departure-demand samples/departure-demand.json --json | python surge.py 30
"""

from __future__ import annotations

import json
import sys

FULL = 0.8  # of capacity: up to here the price stays as it is
STEEP = 2.5  # how fast it rises beyond
MOST = 2.0


def multiplier(departures: float, capacity: float) -> float:
    """Return the price multiplier, 1 to 2, for departures an hour where the stand takes `capacity` an hour."""
    return round(min(MOST, max(1.0, 1.0 + STEEP * (departures / capacity - FULL))), 2)


def main(capacity: float) -> None:
    """Print each prediction of stdin with its multiplier, and the multiplier at the high end of its interval."""
    for record in json.load(sys.stdin):
        usual, busy = (multiplier(record[name], capacity) for name in ("value", "high"))
        sys.stdout.write(
            f"{record['value']:6.1f} departures of {capacity:g}: price x {usual:.2f} (at most likely x {busy:.2f})\n"
        )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
