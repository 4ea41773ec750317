"""The one path from records to prediction records, used to record golden answers, to evaluate and to serve."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from engine.serving import artifact
from engine.serving.contract import CONTRACT, Coded, InputError, RowCoder, Signature, count_of
from engine.serving.outputs import RecordCoder

if TYPE_CHECKING:
    from engine.serving.compiled.model import CompiledModel
    from engine.serving.direct import DirectModel
    from engine.serving.frames import FrameCoder


class PredictError(Exception):
    """The model itself failed on rows that fit its signature."""


class Predictor:
    """A model with its signature and decision. Not tied to a server; safe to call from one thread at a time."""

    def __init__(
        self,
        model: Any,
        signature: Signature,
        task: str,
        decision: Mapping[str, Any] | None = None,
        also: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.signature = signature
        self.task = task
        self.decision = dict(decision or {})
        self.also = tuple(also)
        self.rows = RowCoder(signature, also)
        self._records = RecordCoder(signature, self.decision)
        self._coder: FrameCoder | None = None
        self._direct: DirectModel | CompiledModel | None = None

    @classmethod
    def from_parts(
        cls,
        model: Any,
        signature: Signature | Mapping[str, Any],
        task: str,
        decision: Mapping[str, Any] | None = None,
        also: Sequence[str] = (),
    ) -> Predictor:
        """Build from a fitted model; `also` names columns a row may carry beside the inputs."""
        if not isinstance(signature, Signature):
            signature = Signature.from_json(signature)
        return cls(model, signature, task, decision, also)

    @classmethod
    def from_compiled(
        cls,
        compiled: CompiledModel,
        signature: Signature,
        task: str,
        decision: Mapping[str, Any] | None = None,
        also: Sequence[str] = (),
    ) -> Predictor:
        """Build from a compiled model alone: it answers coded rows, and takes no frames."""
        made = cls(None, signature, task, decision, also)
        made._direct = compiled
        return made

    @classmethod
    def from_folder(cls, folder: Path, *, compiled: bool = False) -> Predictor:
        """Load a server folder: manifest, code bundle last on `sys.path`, artifact checked before it is loaded.

        With `compiled`, its compiled form alone where it has one: neither the model's library nor its code is loaded.

        Raises:
            artifact.ArtifactError: the manifest is of another contract, or the artifact must not be loaded.
        """
        manifest = read_manifest(folder)
        time_column = manifest.get("time_column")
        told = (
            Signature.from_json(manifest["signature"]),
            manifest["task"],
            manifest.get("decision"),
            (time_column,) if time_column else (),
        )
        if compiled and "compiled" in manifest:
            from engine.serving.compiled.model import load

            return cls.from_compiled(load(folder / manifest["compiled"]["file"], manifest["compiled"]["sha256"]), *told)
        if manifest.get("code"):
            code = str(folder / manifest["code"])
            if code not in sys.path:
                sys.path.append(code)
        stored = manifest["artifact"]
        return cls(artifact.load(folder / stored["file"], stored["sha256"], manifest["trusted"]), *told)

    @property
    def is_compiled(self) -> bool:
        """Say whether it answers by a compiled model alone."""
        return self.model is None

    def predict(self, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return one prediction record per record, in order.

        Raises:
            InputError: a record does not fit the signature.
            PredictError: the model raised, or answered something that is not a number.
        """
        return self.answer(self.rows.code(records))

    def shorten(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Take the short way through the model from now on, if there is one and it answers these records the same.

        Returns whether it is taken. Same means to the last bit, all rows at once and one by one.
        """
        from engine.serving.direct import direct

        if self.is_compiled:
            return True
        self._direct = None
        try:
            shorter = direct(self.model, self.signature)
            if shorter is None:
                return False
            batches = [records, *([record] for record in records)]
            whole = [self.predict(batch) for batch in batches]
            self._direct = shorter
            if [self.predict(batch) for batch in batches] == whole:
                return True
        except (InputError, PredictError, AttributeError):
            pass  # a form of model that only looks known: the long way stands
        self._direct = None
        return False

    def hush(self) -> None:
        """Leave numpy's warnings to the caller's threads, which have switched them off; see `CompiledModel.hush`."""
        if self.is_compiled:
            cast("CompiledModel", self._direct).hush()

    def answer(self, coded: Coded) -> list[dict[str, Any]]:
        """Return prediction records for columns that `contract.code_rows` has coded."""
        if self._direct is None:
            if self._coder is None:
                from engine.serving.frames import FrameCoder

                self._coder = FrameCoder(self.signature)
            return self.predict_frame(self._coder.frame(coded))
        return self._records.code(self._said(self._direct, coded, count_of(coded)))

    def predict_frame(self, frame: Any) -> list[dict[str, Any]]:
        """Return prediction records for a frame with the dtypes of `frames.conform`."""
        return self._records.code(self.said(frame))

    def said(self, frame: Any) -> list[Any]:
        """Return what the model says of each row of such a frame, which `outputs.RecordCoder` makes records of.

        Raises:
            PredictError: the model raised, or answered something that is not a number.
        """
        return self._said(self.model, frame, len(frame))

    def _said(self, model: Any, rows: Any, count: int) -> list[Any]:
        if not count:
            return []
        try:
            found = model.predict_proba(rows) if self.task == "classification" else model.predict(rows)
            answers = found if isinstance(found, list) else found.tolist()
        except Exception as error:  # user code and model libraries raise anything
            raise PredictError(f"the model raised {type(error).__name__}: {error}") from error
        if len(answers) != count:
            raise PredictError(f"the model gave {len(answers)} answers for {count} rows")
        if count == 1 or not _are_finite(found):
            for row, answer in enumerate(answers):
                if not _is_finite(answer):
                    raise PredictError(f"the model's answer for row {row} is not a finite number")
        return answers


def _are_finite(found: Any) -> bool:
    """Tell of an array of numbers at one glance that all of them are finite; of anything else, False tells nothing."""
    numpy = sys.modules.get("numpy")  # what made the array has imported it
    return (
        numpy is not None
        and isinstance(found, numpy.ndarray)
        and found.dtype.kind in "fiu"
        and bool(numpy.isfinite(found).all())
    )


def _is_finite(answer: Any) -> bool:
    if isinstance(answer, tuple):  # items and their scores
        answer = answer[1]
    return all(map(math.isfinite, answer)) if isinstance(answer, list) else math.isfinite(answer)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a server folder.

    Raises:
        artifact.ArtifactError: it is absent, unreadable, or of a contract this server does not know.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError) as error:
        raise artifact.ArtifactError(f"{folder / 'manifest.json'} cannot be read: {error}") from error
    if manifest.get("contract") not in range(1, CONTRACT + 1):
        raise artifact.ArtifactError(
            f"{folder} is of server contract {manifest.get('contract')}, this server knows up to {CONTRACT}"
        )
    return manifest
