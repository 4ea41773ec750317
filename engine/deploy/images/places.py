"""Where images in the making lie in a workspace: layers, bases, wheels, and a record beside each."""

from __future__ import annotations

from pathlib import Path

from engine.workspace import Workspace


def layer_folder(workspace: Workspace) -> Path:
    """Return where the tar files of layers lie, named by their hash."""
    return workspace.image_layers


def base_folder(workspace: Workspace) -> Path:
    """Return where the records of bases lie."""
    return workspace.images / "bases"


def wheel_folder(workspace: Workspace) -> Path:
    """Return where wheels lie; a wheel put there by hand is found where no package index is reached."""
    return workspace.images / "wheels"


def gateway_folder(workspace: Workspace) -> Path:
    """Return where the gateway's image and the packages it is made of lie."""
    return workspace.gateway


def record_folder(workspace: Workspace) -> Path:
    """Return where the records of resolved wheels, dependency layers and built images lie."""
    return workspace.image_records
