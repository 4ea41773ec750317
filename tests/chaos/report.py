"""`python tests/chaos/report.py [--kills N] [--seed N]`: run the tests of faults and print their seeds and counts."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run and print; exits as pytest does."""
    parser = argparse.ArgumentParser(prog="python tests/chaos/report.py", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many kill points (200)")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    said, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "report.jsonl"
        environment = {**os.environ, "MODELDECK_CHAOS_REPORT": str(place), "MODELDECK_CHAOS_KILLS": str(said.kills)}
        if said.seed is not None:
            environment["MODELDECK_CHAOS_SEED"] = str(said.seed)
        command = [sys.executable, "-m", "pytest", "-m", "chaos", str(HERE), *rest]
        code = subprocess.run(command, env=environment, cwd=HERE.parent.parent).returncode
        lines = [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []
    for line in lines:
        name, seed, seconds = (line.pop(key) for key in ("test", "seed", "seconds"))
        print(f"{name}  seed {seed}  {seconds} s")  # noqa: T201
        for what, count in line.items():
            print(f"    {what}: {count}")  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
