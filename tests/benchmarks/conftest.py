"""Makes the benchmarks importable: behind the rest, as one of them is called like the package of examples."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
