"""Operations on images and what they are made from."""

from __future__ import annotations

from typing import Any

from engine.access import Role
from engine.operations.hosts import HostRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows import Image, Job
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ImagesRequest:
    """Images, newest first."""

    model: str | None = argument("only this model's", metavar="MODEL", default=None)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One image."""

    id: str = argument("the image's digest, a unique prefix is enough")


@dataclass(frozen=True, slots=True)
class ImagePackage:
    """One distribution within an image, and the licence that its own metadata names."""

    name: str
    version: str
    licence: str  # unknown: it names none, or the image was made before licences were noted
    sha256: str


@dataclass(frozen=True, slots=True)
class ImageDetail:
    """What an image was made of."""

    image: Image
    base: str
    python: str
    why: str  # this base
    packages: tuple[ImagePackage, ...]
    layers: tuple[dict[str, Any], ...]  # {"what", "diff_id", "size_bytes"}
    base_packages: tuple[ImagePackage, ...] = ()  # of the system below; their licences are in Debian's copyright files


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
        "images.show",
        ("images", "show"),
        "what is in an image: packages, licences",
        ImageRequest,
        ImageDetail,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:show",
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
