"""Every refusal and failure modeldeck shows a person, each with its remedy and its exit code."""

from __future__ import annotations


class ModeldeckError(Exception):
    """One clear line for a person: what went wrong and where, and what to do about it.

    `message` names the cause, `hint` the remedy (may be empty). `code` is the stable machine word
    printed in JSON, `exit_code` the process exit code of the command line.
    """

    code = "failed"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def line(self) -> str:
        """Return message and hint as the single line a terminal shows."""
        if not self.hint:
            return self.message
        return f"{self.message}{' ' if self.message.endswith(('?', '.', '!')) else ': '}{self.hint}"


class WorkFailed(ModeldeckError):
    """The work itself failed or was aborted: a source raised, a disk is full, an artifact is corrupt."""


class Aborted(WorkFailed):
    """A person, or a policy, ended the work on purpose: it was not done, and nothing is at fault."""

    code = "aborted"


class CorruptArtifact(WorkFailed):
    """Stored bytes no longer match their hash."""

    code = "corrupt_artifact"


class BadBundle(WorkFailed):
    """A file is not a bundle that a deck signed."""

    code = "bad_bundle"


class StorageUnwritable(WorkFailed):
    """The disk is full, read-only, or not ours to write."""

    code = "storage_unwritable"


class RegistryHeld(WorkFailed):
    """Another process has held the registry for longer than anyone waits for it."""

    code = "registry_held"


class PortInUse(WorkFailed):
    """Another process listens where we must."""

    code = "port_in_use"


class Refused(ModeldeckError):
    """Usage or precondition: broken settings, an absent column, a dangerous change without consent."""

    code = "refused"
    exit_code = 2


class BrokenSettings(Refused):
    """A settings file does not parse or says something impossible."""

    code = "broken_settings"


class StaleBasis(Refused):
    """What the person saw is no longer what stands."""

    code = "stale_basis"


class AliasConflict(Refused):
    """Someone moved the alias since it was read."""

    code = "alias_conflict"


class LeaseLost(Refused):
    """A newer attempt of the same job exists, so this one may write nothing."""

    code = "lease_lost"


class UnknownName(ModeldeckError):
    """A name or id the deck does not know."""

    code = "unknown_name"
    exit_code = 3


class Unavailable(ModeldeckError):
    """No daemon, a daemon of another version, or no engine."""

    code = "unavailable"
    exit_code = 4


class Busy(Unavailable):
    """Too much at once: the same request is answered a moment later."""

    code = "busy"

    def __init__(self, message: str, hint: str = "", *, retry_after_s: float = 0.0) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class GateFailed(ModeldeckError):
    """A gate said no."""

    code = "gate_failed"
    exit_code = 5


class NotAllowed(ModeldeckError):
    """The caller's role does not reach this operation."""

    code = "not_allowed"
    exit_code = 6


class Held(ModeldeckError):
    """No data, inconclusive, or waiting for an approval: nothing moved, nothing was lost."""

    code = "held"
    exit_code = 7


BY_CODE: dict[str, type[ModeldeckError]] = {
    kind.code: kind
    for kind in (
        WorkFailed,
        CorruptArtifact,
        BadBundle,
        StorageUnwritable,
        RegistryHeld,
        PortInUse,
        Refused,
        BrokenSettings,
        StaleBasis,
        AliasConflict,
        LeaseLost,
        UnknownName,
        Unavailable,
        Busy,
        GateFailed,
        NotAllowed,
        Held,
    )
}


def from_wire(code: str, message: str, hint: str) -> ModeldeckError:
    """Rebuild the error a daemon sent, so that the caller exits with the same code."""
    return BY_CODE.get(code, WorkFailed)(message, hint)
