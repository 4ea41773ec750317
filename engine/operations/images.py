"""Operations on images and what they are made from."""

from __future__ import annotations

from engine.access import Role
from engine.operations.hosts import HostRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Image, Job
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ImagesRequest:
    """Images, newest first."""

    model: str | None = argument("only this model's", metavar="MODEL", default=None)


_HANDLERS = "engine.service.handlers.images"

OPERATIONS = (
    Operation(
        "images.list",
        ("images",),
        "the images of versions, newest first",
        ImagesRequest,
        Image,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:images",
        many=True,
    ),
    Operation(
        "hosts.build_base",
        ("hosts", "build-base"),
        "make images' base anew, and bring it to a host",
        HostRequest,
        Job,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:build_base",
        job=True,
    ),
)
