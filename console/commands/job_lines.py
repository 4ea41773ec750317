"""What a job made, and how a release ended, in one line."""

from __future__ import annotations

from typing import Any

from store.rows import Job, Release


def release_line(release: Release) -> str:
    """Say in one line how a release ended."""
    if release.state == "completed":
        verb = {"rollback": "serves again", "deploy": f"serves under settings {release.settings_revision}"}
        if release.kind == "rollback" and release.from_version == release.to_version:
            return f"{release.endpoint}@{release.to_version} serves as before the deploy"
        line = f"{release.endpoint}@{release.to_version} {verb.get(release.kind, 'serves')}"
        if release.kind == "promote" and release.from_version is None:
            return f"{line}; back to none: modeldeck endpoints stop {release.endpoint}"
        return f"{line}; back: modeldeck rollback {release.endpoint}" if release.kind != "rollback" else line
    if release.from_version == release.to_version:
        return f"{release.kind} of {release.endpoint}@{release.to_version} {release.state}, its former servers serve"
    kept = f", {release.endpoint}@{release.from_version} keeps the traffic" if release.from_version else ""
    return f"{release.kind} of {release.endpoint}@{release.to_version} {release.state}{kept}"


def job_line(job: Job) -> str:
    """Say in one line what a job made."""
    result = job.result
    if job.kind == "train" and "version" in result:
        metric = f", {result['metric']} {result['value']:.4g} on the holdout" if result.get("value") is not None else ""
        tested = f"; {result['tests']}" if "tests" in result else ""
        made = f"{job.model}@{result['version']}"
        if lost := result.get("lost_to_guessing"):
            return (
                f"{made} only guesses: nothing beat the baseline ({lost}){tested}; see: modeldeck show version {made}"
            )
        return f"{made} trained{metric}{tested}; next: modeldeck promote {job.model} {result['version']}"
    if job.kind == "derive" and "version" in result:
        said = f"{job.model}@{result['version']} is {job.model}@{result['derived_from']} at {result['threshold']:g}"
        return f"{said}; next: modeldeck promote {job.model} {result['version']}"
    if job.kind == "release":
        return (
            f"the release of {job.model} is {result.get('state', job.state)}: modeldeck deployments shows what serves"
        )
    if job.kind in ("reproduce", "notify", "erase", "test") and "told" in result:
        return str(result["told"])
    if job.kind == "converge":
        return f"{job.model} is converged: every host is as the registry says"
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result.items() if _short(value))
    return f"{job.kind} {job.model or ''} done".replace("  ", " ") + (f": {facts}" if facts else "")


def _short(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and len(str(value)) <= 80
