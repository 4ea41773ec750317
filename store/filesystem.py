"""Which file system a path lies on: a registry on a network file system would be silently damaged."""

from __future__ import annotations

import os
from pathlib import Path

from store.errors import Refused

_NETWORK = """
    nfs nfs4 cifs smb smbfs smb3 afs ncpfs ceph lustre glusterfs beegfs gpfs ocfs2 gfs2 davfs
    fuse.sshfs fuse.glusterfs fuse.ceph fuse.s3fs fuse.rclone fuse.gcsfuse fuse.davfs
"""
NETWORK = frozenset(_NETWORK.split())
MOUNTS = Path("/proc/self/mountinfo")


def file_system_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds `path`, "" if unknown; `mounts` is /proc/self/mountinfo's text."""
    target = os.path.realpath(path)
    best, kind = "", ""
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        fields = head.split()
        if len(fields) < 5 or not tail:
            continue
        point = fields[4].encode().decode("unicode_escape")
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        # a later mount on the same point hides the earlier one
        if inside and len(point) >= len(best):
            best, kind = point, tail.split()[0]
    return kind


def refuse_network_file_system(folder: Path, mounts: Path = MOUNTS) -> None:
    """Refuse a folder on a network file system: SQLite's write-ahead log needs memory shared within one machine.

    Raises:
        Refused: the folder lies on NFS, SMB or the like.
    """
    try:
        text = mounts.read_text(errors="replace")
    except OSError:
        return  # not Linux: nothing to read, and nothing known against the folder
    kind = file_system_of(folder, text)
    if kind in NETWORK:
        raise Refused(
            f"{folder} is on a network file system ({kind}), where a registry would be damaged",
            "move the workspace to a local disk",
        )
