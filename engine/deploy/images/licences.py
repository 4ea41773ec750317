"""Under which licence a wheel stands, as its own metadata says."""

from __future__ import annotations

import email
import zipfile
from pathlib import Path

UNKNOWN = "unknown"
LONGEST = 80  # some put the whole text of a licence where its name belongs: its first line says as much
_CLASSIFIER = "License :: "


def licence_of(wheel: Path) -> str:
    """Return the SPDX expression of a wheel, else what it names, else its classifiers; `unknown` where it says nothing.

    Nothing is guessed from the text of a licence file.
    """
    try:
        with zipfile.ZipFile(wheel) as content:
            place = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
            said = email.message_from_bytes(content.read(place))
    except (OSError, StopIteration, zipfile.BadZipFile):
        return UNKNOWN
    named = said.get("License-Expression") or said.get("License") or ""
    first = next((line.strip() for line in str(named).splitlines() if line.strip()), "")
    if first and first.upper() != UNKNOWN.upper():
        return first[:LONGEST]
    classes = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier", []) if one.startswith(_CLASSIFIER)]
    return ", ".join(sorted(set(classes))) or UNKNOWN
