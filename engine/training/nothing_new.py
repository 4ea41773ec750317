"""Says that a training would only make again the version that is there: of the same rows, settings and code.

Rows are compared by the snapshot's content hash, code by the bundle's, and of the settings those sections that a
training reads: another cooldown or another host is no reason to train anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store import retraining, settings
from store.errors import Held

if TYPE_CHECKING:
    from store.database import Reader
    from store.rows import Snapshot, Version

READ = ("task", "data", "train", "checks", "forecast", "fairness")


class NothingNew(Held):
    """There is nothing to learn that a version has not learned."""

    def __init__(self, version: Version) -> None:
        super().__init__(
            f"the rows, settings and code are those of v{version.number}: nothing new to learn",
            f"train it all the same: modeldeck train {version.model}",
        )
        self.version = version.number


def refuse_same(reader: Reader, model: str, snapshot: Snapshot, revision: int, code_hash: str) -> None:
    """Look at the newest version that a training made.

    Raises:
        NothingNew: a training would make it again.
    """
    newest = retraining.newest_version(reader, model)
    if newest is None or (newest.snapshot_id, newest.bundle_hash) != (snapshot.id, code_hash):
        return
    if _read(reader, newest.settings_revision, model) == _read(reader, revision, model):
        raise NothingNew(newest)


def _read(reader: Reader, revision: int, model: str) -> dict[str, Any]:
    body = settings.get(reader, revision).body["models"].get(model, {})
    return {name: body.get(name) for name in READ}
