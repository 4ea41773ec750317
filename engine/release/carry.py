"""Acts that bring a version's image to a Docker host; a process host needs none of them."""

from __future__ import annotations

from typing import Any

from engine.release.work import StepFailed, Work
from store import images
from store.rows import Release, Step

Observed = dict[str, Any]


def build(work: Work, release: Release, step: Step) -> Observed:
    """Find the version's image, or make it."""
    if not step.args.get("needed"):
        return {"needed": False}
    assert step.host is not None
    if step.args.get("image"):  # on the way back it is the very one that ran
        row = images.image(work.deck.database, step.args["image"])
        return {"image": row.id, "digest": row.digest, "size_bytes": row.size_bytes, "base": row.base}
    made = work.instruments.build(work, work.version(release.to_version), step.host, _teller(work, step))
    return {"image": made.id, "digest": made.digest, "size_bytes": made.size_bytes, "base": made.base}


def ship(work: Work, release: Release, step: Step) -> Observed:
    """Bring the image to the host: only the layers it lacks."""
    if not step.args.get("needed"):
        return {"needed": False}
    assert step.host is not None
    built = _built(work, step.host)
    if built is None:
        raise StepFailed(f"no image was made for {step.host}", "error")
    return work.instruments.ship(work, built["digest"], step.host, _teller(work, step))


def image_for(work: Work, host: str) -> str | None:
    """Return the id of the image that this release has made for a host, None where it needs none."""
    built = _built(work, host)
    return str(built["image"]) if built else None


def _built(work: Work, host: str) -> Observed | None:
    found = [one for one in work.steps() if one.kind == "build" and one.host == host and "image" in one.observed]
    return found[-1].observed if found else None


def _teller(work: Work, step: Step) -> Any:
    count = len(work.steps())
    return lambda share, text: work.progress((step.number - 1 + min(share, 1.0)) / count, text)
