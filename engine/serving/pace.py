"""How long batches take: a straight line through the batches of late, of their rows and their seconds."""

from __future__ import annotations

KEPT = 0.95  # of the weight of all before, at each batch: some twenty count


class Pace:
    """Fits seconds = begin + each * rows over past batches, younger ones counting more."""

    def __init__(self) -> None:
        self._weight = 0.0
        self._rows = 0.0
        self._seconds = 0.0
        self._squares = 0.0
        self._products = 0.0

    def add(self, rows: int, seconds: float) -> None:
        """Count a batch."""
        self._weight = self._weight * KEPT + 1.0
        self._rows = self._rows * KEPT + rows
        self._seconds = self._seconds * KEPT + seconds
        self._squares = self._squares * KEPT + rows * rows
        self._products = self._products * KEPT + rows * seconds

    def batch(self, rows: int) -> float:
        """Return how many seconds a batch of so many rows will take; 0 where nothing is known yet."""
        if not self._weight:
            return 0.0
        mean, middle = self._seconds / self._weight, self._rows / self._weight
        spread = self._squares / self._weight - middle * middle
        each = 0.0
        if spread > 1e-9:
            each = max(0.0, (self._products / self._weight - middle * mean) / spread)
        return max(mean + each * (rows - middle), each * rows, 0.0)

    def rows(self, rows: int, at_once: int) -> float:
        """Return how many seconds so many rows will take, in batches of `at_once`."""
        whole, rest = divmod(rows, at_once)
        return whole * self.batch(at_once) + (self.batch(rest) if rest else 0.0)
