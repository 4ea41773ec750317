"""How much room an engine's disk has, asked inside a container that runs there: the engine itself does not tell."""

from __future__ import annotations

from typing import Any

MARGIN = 16 << 20  # left to what serves there: a full disk stops prediction logs, and with them answers
_ASKED = "import os; found = os.statvfs('/'); print(found.f_bavail * found.f_frsize)"


def needed_for(archive_bytes: int) -> int:
    """Return the bytes that loading an archive takes for a while: as it came, unpacked, and something to spare."""
    return 2 * archive_bytes + MARGIN


def free_bytes(engine: Any) -> int | None:
    """Return what is free where containers and images lie; None where no container of ours runs to tell."""
    for container in engine.containers.list(filters={"label": "modeldeck.kind"}, ignore_removed=True):
        told = container.exec_run(["python3", "-I", "-S", "-c", _ASKED])
        text = told.output.decode(errors="replace").strip()
        if told.exit_code == 0 and text.isdigit():
            return int(text)
    return None
