"""Upgrading a registry in a process of its own: what migrations load, forty megabytes, goes with it.

`python -P -m store.upgrade_apart REGISTRY` makes or upgrades one, and tells an error as JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path

from store.clock import SystemClock
from store.database import SCHEMA, schema_of
from store.errors import ModeldeckError, WorkFailed, from_wire
from store.json_text import dump, load
from store.opening import create_or_upgrade


def upgrade_apart(path: Path) -> None:
    """Bring a registry to this schema where it is older.

    Raises:
        Unavailable, StorageUnwritable: as `create_or_upgrade`.
        WorkFailed: it is damaged, or the process ended without a word; the registry is as it was.
    """
    schema = schema_of(path)
    if schema is None or schema >= SCHEMA:
        return
    import subprocess  # needed once in the life of a release

    ran = subprocess.run(
        [sys.executable, "-P", "-m", "store.upgrade_apart", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode == 0:
        return
    try:
        told = from_wire(**load(ran.stdout))
    except (ValueError, TypeError):
        told = WorkFailed(
            f"the upgrade of {path} to schema {SCHEMA} ended with exit code {ran.returncode}",
            "the registry is as it was; the daemon's log may say more",
        )
    raise told


def main(registry: str) -> int:
    """Make or upgrade a registry and return the exit code."""
    try:
        create_or_upgrade(Path(registry), SystemClock()).close()
    except ModeldeckError as error:
        sys.stdout.write(dump({"code": error.code, "message": error.message, "hint": error.hint}))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
