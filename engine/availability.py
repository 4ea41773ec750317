"""Why an action cannot be done on a row: None, or the reason in a few words. Standard library only.

Rows differ: what one does not tell is left to the engine, which looks again on submit.
"""

from __future__ import annotations

from typing import Any

RUNNING = ("queued", "running")
PAUSABLE = ("backfill", "monitor-backfill")  # kinds of job that heed it between two pieces of their work
OPEN_RELEASE = ("pending", "running", "held")


def model_of(row: Any) -> str | None:
    """Return the model a row belongs to, or None."""
    for name in ("model", "endpoint"):
        value = getattr(row, name, None)
        if isinstance(value, str):
            return value
    return row.name if hasattr(row, "champion") and isinstance(getattr(row, "name", None), str) else None


def version_of(row: Any) -> int | None:
    """Return the version number when the row is a version, or a release whose A/B waits for a decision, else None."""
    if decides(row):
        return int(row.to_version)
    return row.number if hasattr(row, "artifact_hash") else None


def asked_version(row: Any) -> int | None:
    """Return the version that an approval would be of: the row's own, or the challenger of a model's row."""
    if hasattr(row, "evidence_hash"):
        return int(row.version)
    number = version_of(row)
    return number if number is not None else getattr(row, "challenger", None)


def approvable(row: Any) -> str | None:
    """Return why nothing can be asked of the row."""
    return needs_model(row) or (None if asked_version(row) else "no challenger waits: open the model")


def grantable(row: Any) -> str | None:
    """Return why nothing can be granted from the row."""
    reason = approvable(row)
    if reason or not hasattr(row, "evidence_hash"):
        return reason
    return None if row.state in ("open", "granted") else f"it is {row.state} already"


def decides(row: Any) -> bool:
    """Say whether a row is a release held at the end of its A/B."""
    evidence = getattr(row, "evidence", None)
    waits = getattr(row, "state", "") == "held" and isinstance(evidence, dict)
    return bool(waits and evidence and evidence.get("cause") == "to decide")


def needs_row(row: Any) -> str | None:
    """Return that nothing is selected, where so."""
    return "nothing is selected" if row is None else None


def traceable(row: Any) -> str | None:
    """Return why a row has no lineage: a model without versions stands in for them."""
    return needs_row(row) or ("no version yet" if hasattr(row, "champion") else None)


def needs_model(row: Any) -> str | None:
    """Return why the row names no model."""
    if row is None:
        return "nothing is selected"
    return None if model_of(row) else "this row belongs to no model"


def traceable_model(row: Any) -> str | None:
    """Return why nothing is on record of the row's model: it has no version yet."""
    return needs_model(row) or ("no version yet" if getattr(row, "versions", 1) == 0 else None)


def needs_data(row: Any) -> str | None:
    """Return why there is no snapshot to look at."""
    if row is None:
        return "nothing is selected"
    return None if getattr(row, "snapshot_id", None) else "it has no data of its own on record"


def promotable(row: Any) -> str | None:
    """Return why nothing can be promoted from the row."""
    reason = needs_model(row)
    if reason:
        return reason
    if decides(row):
        return None
    if version_of(row) is not None:
        return f"v{row.number} serves already" if "champion" in row.aliases else None
    if not hasattr(row, "challenger"):
        return "choose a version: open the model"
    if row.challenger:
        return None
    if getattr(row, "release", ""):
        return "a release is under way: it ends, or is aborted, before the next"
    return "no challenger waits: open the model and choose a version"


def returnable(row: Any) -> str | None:
    """Return why there is nothing to go back from."""
    reason = needs_model(row)
    if reason:
        return reason
    if hasattr(row, "challenger") and row.champion is None:
        return "nothing serves, so there is nothing to go back from"
    if not getattr(row, "returnable", True) and not row.release:
        return f"no earlier champion stands behind v{row.champion}"
    return None


def deployable(row: Any) -> str | None:
    """Return why a deploy has nothing to do; a row that does not tell what differs leaves it to the preview."""
    reason = needs_model(row)
    if reason:
        return reason
    if hasattr(row, "challenger") and row.champion is None:
        return "nothing serves: promote a version first"
    if hasattr(row, "undeployed") and not row.undeployed:
        return "its servers run as the applied settings say"
    return None


def cancellable(row: Any) -> str | None:
    """Return why the job cannot be cancelled."""
    if row is None:
        return "nothing is selected"
    return None if row.state in RUNNING else f"the job has {row.state} already"


def holdable(row: Any) -> str | None:
    """Say why a job cannot be paused: only a backfill is."""
    return cancellable(row) or (None if row.kind in PAUSABLE else "only a backfill is paused")


def acknowledgeable(row: Any) -> str | None:
    """Return why the alert cannot be taken on."""
    if row is None:
        return "nothing is selected"
    return f"the alert is {row.state} already" if row.state in ("acknowledged", "resolved") else None


def resolvable(row: Any) -> str | None:
    """Return why the alert cannot be ended."""
    if row is None:
        return "nothing is selected"
    return "the alert is resolved already" if row.state == "resolved" else None


def repeatable(row: Any) -> str | None:
    """Return why the notification cannot be sent again."""
    if row is None:
        return "nothing is selected"
    if row.event_seq is None:
        return f"it was a test: modeldeck notifications test {row.target}"
    if row.merged_into is not None:
        return f"it was told in {row.merged_into[:12]}: choose that one"
    return "it is being sent now" if row.state == "sending" else None


def open_release(row: Any) -> str | None:
    """Return why there is no release to act on."""
    if row is None:
        return "nothing is selected"
    if hasattr(row, "challenger"):
        return None if row.release else "no release of it is under way"
    if not row.state:
        return "no release of it is under way"
    return None if row.state in OPEN_RELEASE else f"the release is {row.state} already"


def pausable(row: Any) -> str | None:
    """Return why the release cannot be held."""
    reason = open_release(row)
    return reason or ("the release is held already" if _is_held(row) else None)


def resumable(row: Any) -> str | None:
    """Return why the release cannot go on."""
    reason = open_release(row)
    return reason or (None if _is_held(row) else "the release is not held")


def _is_held(row: Any) -> bool:
    """Say whether the row's release is held; the pulse has of it the line that says so."""
    return " %, held" in row.release if hasattr(row, "challenger") else row.state == "held"


def convergeable(row: Any) -> str | None:
    """Return why there is nothing to mend; what differs is found by the preview."""
    reason = needs_model(row)
    if reason:
        return reason
    troubles = getattr(row, "trouble", None) if hasattr(row, "trouble") else getattr(row, "faults", ())
    return None if troubles else "its hosts are as the registry says"


def schedule_runs(row: Any) -> str | None:
    """Return why the schedule cannot be paused."""
    if row is None:
        return "nothing is selected"
    return "the schedule is paused already" if row.paused_at is not None else None


def schedule_is_paused(row: Any) -> str | None:
    """Return why the schedule cannot be resumed."""
    if row is None:
        return "nothing is selected"
    return None if row.paused_at is not None else "the schedule is not paused"


def time_of(row: Any) -> int | None:
    """Return when what a row tells of happened, in microseconds UTC, or None."""
    for name in ("at", "opened_at", "requested_at"):
        value = getattr(row, name, None)
        if isinstance(value, int):
            return value
    return None
