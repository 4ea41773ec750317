"""A file system that fails under whoever writes on it: ext4 on a loop device, read-only after an error."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = 64 << 20


class FailingDisk:
    """A mounted folder; `fail` makes the kernel take it for damaged, as after an I/O error: read-only from then on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fail(self) -> None:
        """Turn read-only for good, with files open for writing."""
        found = subprocess.run(["findmnt", "-no", "SOURCE", str(self.folder)], capture_output=True, text=True)
        device = Path(found.stdout.strip()).name
        Path("/sys/fs/ext4", device, "trigger_fs_error").write_text("a test\n")


@contextmanager
def mounted_disk(place: Path) -> Iterator[FailingDisk]:
    """Mount one under a folder; the test is skipped where that is not possible."""
    image, folder = place / "disk.img", place / "disk"
    folder.mkdir(parents=True)
    if os.getuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("only root with mkfs.ext4 may mount a disk that fails")
    with image.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    options = ["-o", "loop,errors=remount-ro"]
    mounted = subprocess.run(["mount", *options, str(image), str(folder)], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk that fails: {mounted.stderr.strip()}")
    try:
        yield FailingDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
