"""Where everything of a deck lies on disk. Paths only: nothing here opens a registry."""

from __future__ import annotations

import os
from pathlib import Path

from store.errors import Refused
from store.rows.frozen import dataclass

SOCKET_LIMIT = 100  # bytes; the kernel's limit is 108, some tools copy less


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace folder; `root` is its real path."""

    root: Path

    @property
    def state(self) -> Path:
        """The owner's private folder."""
        return self.root / ".modeldeck"

    @property
    def registry(self) -> Path:
        """The SQLite file."""
        return self.state / "registry.db"

    @property
    def artifacts(self) -> Path:
        """Content-addressed blobs."""
        return self.state / "artifacts"

    @property
    def predictions(self) -> Path:
        """Prediction log: `segments/` as servers write them, `parquet/` as the collector commits them."""
        return self.state / "predictions"

    @property
    def segments(self) -> Path:
        """JSONL segments, one folder per replica."""
        return self.predictions / "segments"

    @property
    def outcomes(self) -> Path:
        """Outcome rows in Parquet, one folder per model."""
        return self.state / "outcomes"

    @property
    def access_log(self) -> Path:
        """Who read personal columns, one file per day."""
        return self.state / "access"

    @property
    def logs(self) -> Path:
        """Logs of jobs, servers, the router and the daemon."""
        return self.state / "logs"

    @property
    def bundles(self) -> Path:
        """Code bundles extracted by hash."""
        return self.state / "bundles"

    @property
    def serving(self) -> Path:
        """Folders a server process is started from, one per version."""
        return self.state / "serving"

    @property
    def images(self) -> Path:
        """Images in the making: bases, wheels and layers, each by the hash of what it was made from."""
        return self.state / "images"

    @property
    def image_layers(self) -> Path:
        """Tar files of layers, named by their hash."""
        return self.images / "layers"

    @property
    def image_records(self) -> Path:
        """Records of resolved wheels, dependency layers, built images, and of what came with bundles."""
        return self.images / "records"

    @property
    def gateway(self) -> Path:
        """The gateway's layer and the packages it is made of."""
        return self.state / "gateway"

    @property
    def importing(self) -> Path:
        """What has come of bundles that are being imported, one folder for each."""
        return self.state / "importing"

    @property
    def spool(self) -> Path:
        """Metric points on their way into the registry, one file per run."""
        return self.state / "spool"

    @property
    def jobs(self) -> Path:
        """Exit reports and scratch of job attempts."""
        return self.state / "jobs"

    @property
    def keys(self) -> Path:
        """Secret keys, 0600."""
        return self.state / "keys"

    @property
    def lock(self) -> Path:
        """The file the daemon, or an owner's change in process, holds locked."""
        return self.state / "lock"

    def runtime_folder(self) -> Path:
        """Return the short private folder for sockets, made 0700 on first use by the daemon.

        Outside the workspace, because a socket path is limited to about 100 bytes.
        """
        import hashlib  # late: a console leaves OpenSSL out of it

        name = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        home = Path.home() / ".local" / "state" / "modeldeck" / name
        if len(str(home / "router.sock").encode()) <= SOCKET_LIMIT:
            return home
        import tempfile

        return Path(tempfile.gettempdir()) / f"modeldeck-{os.getuid()}" / name

    @property
    def socket(self) -> Path:
        """The daemon's socket."""
        return self.runtime_folder() / "sock"

    @property
    def router_socket(self) -> Path:
        """The router's control socket."""
        return self.runtime_folder() / "router.sock"


def find_workspace(start: Path) -> Workspace:
    """Return the nearest workspace at or above `start`.

    Raises:
        Refused: no deck.toml is found.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / "deck.toml").is_file():
            return Workspace(folder)
    raise Refused(
        f"no deck.toml in {start} or above it", "name the workspace with -w DIR, or make one: modeldeck init DIR"
    )
