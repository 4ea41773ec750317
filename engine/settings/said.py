"""What the settings files of a folder say: whole, and each model file by itself, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.settings.files import load, load_model
from engine.settings.model import DeckSettings, ModelSettings
from engine.workspace import Workspace
from store.errors import ModeldeckError, from_wire

Answer = Mapping[str, Any]  # {"body": what it says} or {"error": {code, message, hint}}, plain JSON


@dataclass(frozen=True, slots=True)
class Said:
    """What the files of one folder say."""

    whole: Answer
    models: Mapping[str, Answer]  # by path in the folder; the body as in a revision

    def body(self) -> dict[str, Any]:
        """Return the body that a revision of them would have.

        Raises:
            BrokenSettings: as `engine.settings.files.load`.
        """
        return _body(self.whole)

    def model(self, path: str) -> dict[str, Any]:
        """Return the body of one model file.

        Raises:
            BrokenSettings: as `engine.settings.files.load_model`.
            KeyError: there was no such file.
        """
        return _body(self.models[path])


def said_of(workspace: Workspace) -> Said:
    """Read a folder's files."""
    paths = sorted((workspace.root / "models").glob("*.toml"))
    models = {f"models/{path.name}": answered(partial(load_model, workspace, path)) for path in paths}
    return Said(answered(partial(load, workspace)), models)


def answered(read: Callable[[], DeckSettings | ModelSettings]) -> Answer:
    """Return the body of what is read, or the error as it is told between processes."""
    try:
        return {"body": read().to_body()}
    except ModeldeckError as error:
        return wire(error)


def wire(error: ModeldeckError) -> Answer:
    """Return an error as it is told between processes."""
    return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}


def refuse(answer: Answer) -> None:
    """Raise the error that an answer tells, if any."""
    if error := answer.get("error"):
        raise from_wire(error["code"], error["message"], error["hint"])


def _body(answer: Answer) -> dict[str, Any]:
    refuse(answer)
    body: dict[str, Any] = answer["body"]
    return body
