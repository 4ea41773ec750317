"""Where a rollback leads, read from the endpoint's past releases. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from store.rows import Release

REVERTIBLE = ("promote", "deploy")


def newest_revertible(releases: Sequence[Release], champion: int | None = None) -> Release | None:
    """Return the newest completed release that nobody has reverted; `releases` are newest first.

    A deploy counts only while the version that it moved serves: those of other versions have nothing to give back.
    """
    for release in releases:
        if release.kind == "deploy" and release.to_version != champion:
            continue
        if release.state == "completed" and release.kind in REVERTIBLE and release.reverted_by is None:
            return release
    return None


def former_champion(releases: Sequence[Release], champion: int | None, abandoned: Collection[int]) -> int | None:
    """Return the most recent former champion that is not marked abandoned; `releases` are newest first."""
    for release in releases:
        if release.state != "completed":
            continue
        for version in (release.to_version, release.from_version):
            if version is not None and version != champion and version not in abandoned:
                return version
    return None


def made_champion(releases: Sequence[Release], champion: int) -> Release | None:
    """Return the newest completed release that gave `champion` the traffic; `releases` are newest first."""
    return next((one for one in releases if one.state == "completed" and one.to_version == champion), None)
