"""Put on the path of a daemon and its jobs: kills at the commit of one step of a release, once, where a test says so.

`MODELDECK_CHAOS_ARMED` names a file of JSON: `step` (its number), `when` (begun: its start is committed; before or
after the commit of its end), `what` (daemon, job, both) and the pid of the `daemon`. Whoever commits the step takes the
file away, then kills.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENDED = ("done", "held", "failed", "skipped")


def arm(place: Path) -> None:
    """Watch the commits of this process."""
    from store import releases
    from store.database import Database

    moved: set[tuple[int, bool]] = set()  # steps whose state this transaction changes, and whether they end with it
    set_step, write = releases.set_step, Database.write

    def noting_step(tx: Any, release_id: str, number: int, state: str, **words: Any) -> Any:
        moved.add((number, state in ENDED))
        return set_step(tx, release_id, number, state, **words)

    @contextmanager
    def striking_write(self: Any, *asked: Any, **terms: Any) -> Iterator[Any]:
        moved.clear()
        with write(self, *asked, **terms) as tx:
            yield tx
            strike(place, moved, "before")
        strike(place, moved, "after")
        strike(place, moved, "begun")

    releases.set_step = noting_step
    Database.write = striking_write  # type: ignore[method-assign]


def strike(place: Path, moved: set[tuple[int, bool]], when: str) -> None:
    """Kill what the file says, where it speaks of this moment."""
    if not moved:
        return
    try:
        said = json.loads(place.read_text())
    except (FileNotFoundError, ValueError):
        return
    if said["when"] != when or (said["step"], when != "begun") not in moved:
        return
    place.unlink()
    if "engine.daemon" in sys.orig_argv:
        os.kill(os.getpid(), signal.SIGKILL)
    if said["what"] in ("daemon", "both"):
        os.kill(said["daemon"], signal.SIGKILL)
    if said["what"] in ("job", "both"):
        os.kill(os.getpid(), signal.SIGKILL)


if os.environ.get("MODELDECK_CHAOS_ARMED") and {"engine.jobs.main", "engine.daemon"} & set(sys.orig_argv):
    arm(Path(os.environ["MODELDECK_CHAOS_ARMED"]))
