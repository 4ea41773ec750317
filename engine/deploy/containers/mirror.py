"""A container's prediction log, brought to where the collector of this deck reads it; nothing lost, nothing twice.

A segment grows here as it grows there, whole lines only. A closed one is complete and on disk here before it is removed
there, and takes its closed name here only after that: whichever side dies at any byte, the other still has the rest.
A segment that came twice all the same (the link died between the two) is told by its prediction ids.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.deploy.containers.link import Link
from engine.deploy.images.contents import LOG
from engine.deploy.images.speaking import spoken_to
from engine.serving.log import LOCK, MIRRORED, hold
from store.storage import writing_to


class Mirror:
    """The log of one replica. Holds its folder, as a server process of this machine would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with writing_to(folder):
            self._held = hold(folder)
            (folder / MIRRORED).touch()

    def fetch(self, link: Link) -> bool:
        """Bring what is new; returns whether anything was.

        Raises:
            Unavailable: the link is gone; what was brought stays.
            StorageUnwritable: the disk here is full or read-only; the rest stays there.
        """
        there = dict(link.segments())
        changed = False
        for name in sorted(there):
            here = self._growing(name)
            size = here.stat().st_size if here.exists() else 0
            content, closed = b"", False
            if there[name] > size or name.endswith(".jsonl"):
                content, closed = link.read(name, size)
            while content:
                self._append(here, content)
                size += len(content)
                changed = True
                content, closed = link.read(name, size)
            if closed:
                self._sync(here)
                link.remove(name)
                self._close(here)
        self._close_removed(there)
        return changed

    def fetch_stopped(self, container: Any, host: str) -> None:
        """Bring all that a stopped container's log still holds.

        Raises:
            Unavailable: the engine does not answer.
            StorageUnwritable: the disk here is full or read-only.
        """
        from docker.errors import NotFound

        with spoken_to(f"host {host}"):
            try:
                parts, _ = container.get_archive(f"/{LOG}")
            except NotFound:
                return
            content = b"".join(parts)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive.getmembers():
                name = os.path.basename(member.name)
                source = archive.extractfile(member) if name.endswith((".open", ".jsonl")) else None
                if source is None:
                    continue
                here = self._growing(name)
                size = here.stat().st_size if here.exists() else 0
                rest = source.read()[size:]
                self._append(here, rest[: rest.rfind(b"\n") + 1])
        self.close_all()

    def close_all(self) -> None:
        """Give every segment its closed name: its writer is gone."""
        for here in sorted(self.folder.glob("*.open")):
            self._sync(here)
            self._close(here)

    def remove(self) -> None:
        """Remove the folder where nothing is left in it; the collector takes what is in others."""
        self.let_go()
        with contextlib.suppress(OSError):
            if not [path for path in self.folder.iterdir() if path.name not in (LOCK, MIRRORED)]:
                shutil.rmtree(self.folder)

    def let_go(self) -> None:
        """Give the folder back."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def _close_removed(self, there: Mapping[str, int]) -> None:
        """Close what is not there any more: it was removed because all of it was here."""
        stems = {name.rpartition(".")[0] for name in there}
        for here in sorted(self.folder.glob("*.open")):
            if here.stem not in stems:
                self._close(here)

    def _growing(self, name: str) -> Path:
        return self.folder / f"{os.path.basename(name).rpartition('.')[0]}.open"

    def _append(self, here: Path, content: bytes) -> None:
        if content:
            with writing_to(here):
                before = here.stat().st_size if here.exists() else 0
                try:
                    with here.open("ab") as file:
                        file.write(content)
                except OSError:
                    with contextlib.suppress(OSError):
                        os.truncate(here, before)  # a half line must not stay: the next look starts behind it
                    raise

    @staticmethod
    def _sync(here: Path) -> None:
        if here.exists():
            with writing_to(here), here.open("rb") as file:
                os.fsync(file.fileno())

    @staticmethod
    def _close(here: Path) -> None:
        with writing_to(here):
            if here.exists() and here.stat().st_size == 0:
                here.unlink()
            elif here.exists():
                here.replace(here.with_suffix(".jsonl"))
