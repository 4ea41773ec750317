"""What may be a threshold of which version. Loads no model library: the door asks before a job is made."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from store.errors import Refused

if TYPE_CHECKING:
    from store.rows import Version

PLACES = 4  # of a threshold, as training rounds its own


def check_threshold(version: Version, threshold: float) -> float:
    """Return the threshold as it is kept.

    Raises:
        Refused: the version decides by none, or this is none, or the one it has.
    """
    named = f"{version.model}@{version.number}"
    if version.deleted_at is not None:
        raise Refused(
            f"{named} is deleted", f"bring it back: modeldeck versions restore {version.model} {version.number}"
        )
    if len(version.signature.get("classes") or ()) != 2:
        raise Refused(f"{named} decides by no threshold", "only a classification of two classes does")
    if not (math.isfinite(threshold) and 0.0 < threshold < 1.0):
        raise Refused(f"a threshold lies between 0 and 1, {threshold:g} does not", "such as --threshold 0.35")
    rounded = round(threshold, PLACES)
    if not 0.0 < rounded < 1.0:
        raise Refused(f"a threshold has {PLACES} places, {threshold:g} would be {rounded:g}", "such as 0.9999")
    if rounded == version.decision.get("threshold"):
        raise Refused(f"{named} decides at {rounded:g} already", "give another threshold")
    return rounded
