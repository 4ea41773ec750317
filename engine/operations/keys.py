"""Operations on the keys that open endpoints."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import DRY_RUN, Done
from engine.operations.operation import Danger, Operation, argument
from store.rows import EndpointKey
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class KeysRequest:
    """Keys by model and name, revoked ones too."""

    model: str | None = argument("only this model's", metavar="MODEL", default=None)


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key of a model's endpoint, by a name that says who holds it."""

    model: str = argument("the model's name")
    name: str = argument("the key's name, such as that of who holds it")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument(DRY_RUN, flag="--dry-run", default=False)


_HANDLERS = "engine.service.handlers.keys"

OPERATIONS = (
    Operation(
        "keys.list",
        ("keys",),
        "who may ask which endpoint",
        KeysRequest,
        EndpointKey,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:keys",
        many=True,
    ),
    Operation(
        "keys.add",
        ("keys", "add"),
        "make a key of an endpoint and show it, once",
        KeyChange,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:add",
    ),
    Operation(
        "keys.revoke",
        ("keys", "revoke"),
        "have a key open nothing any more",
        KeyChange,
        Done,
        Role.ADMIN,
        Danger.DANGEROUS,
        f"{_HANDLERS}:revoke",
    ),
)
