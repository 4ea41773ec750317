"""A compiled model: a table of blocks, an estimator and a link, read from one deterministic zip file.

Form 2 has arrays beside its JSON: rankings.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.serving.artifact import ArtifactError
from engine.serving.compiled.blocks import blocks_of
from engine.serving.compiled.estimators import LINKS, Table, estimator_of
from engine.serving.compiled.rankings import Ranking
from engine.serving.contract import Coded, count_of

FORMS = (1, 2)
QUIET: dict[str, Any] = {"over": "ignore", "invalid": "ignore"}  # extreme numbers overflow as they do in the pipeline
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_PROGRAM, _TREES, _ARRAY = "program.json", "trees.onnx", "arrays/"
_NO_ARRAYS: Mapping[str, Any] = {}


class CompiledModel:
    """Answers coded columns as the pipeline it was made from does. Safe to call from one thread at a time."""

    def __init__(self, program: Mapping[str, Any], trees: bytes = b"", arrays: Mapping[str, Any] = _NO_ARRAYS) -> None:
        self.table = Table(blocks_of(program["blocks"]))
        body = program["estimator"]
        self.estimator: Any = Ranking(body, arrays) if body["kind"] == "ranking" else estimator_of(body, trees)
        self._link = LINKS[program["link"]]

    def predict(self, coded: Coded) -> Any:
        """Return the answer of each row: a number, its scores by class, or a list of items and their scores."""
        with np.errstate(**QUIET):
            return self._answer(coded)

    def predict_proba(self, coded: Coded) -> Any:
        """Return the scores of each row."""
        return self.predict(coded)

    def hush(self) -> None:
        """Leave numpy's warnings to the caller, who has called `numpy.seterr(**QUIET)` in each thread that asks.

        Switching them off and on again takes as long as a small model's answer.
        """
        self.predict = self.predict_proba = self._answer  # type: ignore[method-assign]

    def _answer(self, coded: Coded) -> Any:
        return self._link(self.estimator.raw(self.table, coded, count_of(coded)))

    def answer_table(self, matrix: Any) -> Any:
        """Return the answers for a table that is written out: (rows, columns of all blocks) float64."""
        with np.errstate(**QUIET):
            return self._link(self.estimator.of_matrix(matrix))


def write(program: Mapping[str, Any], trees: bytes = b"", arrays: Mapping[str, Any] = _NO_ARRAYS) -> bytes:
    """Return the bytes of a compiled model: the same for the same model."""
    out = io.BytesIO()
    parts = {_TREES: trees, **{f"{_ARRAY}{name}": _bytes_of(array) for name, array in sorted(arrays.items())}}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        text = json.dumps(
            {"form": 2 if arrays else 1, **program}, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        for name, content in {_PROGRAM: text.encode(), **parts}.items():
            if content:
                entry = zipfile.ZipInfo(name, _FIXED_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o600 << 16
                target.writestr(entry, content)
    return out.getvalue()


def _bytes_of(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def read(content: bytes) -> CompiledModel:
    """Return the model of compiled bytes.

    Raises:
        ArtifactError: these are none, or of a form that this server does not know.
        ImportError: it holds trees, and onnxruntime is not installed here.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as source:
            program = json.loads(source.read(_PROGRAM))
            names = source.namelist()
            trees = source.read(_TREES) if _TREES in names else b""
            arrays = {
                name.removeprefix(_ARRAY): np.load(io.BytesIO(source.read(name)), allow_pickle=False)
                for name in names
                if name.startswith(_ARRAY)
            }
        if program["form"] not in FORMS:
            raise ArtifactError(f"the compiled model is of form {program['form']}, this server knows up to {FORMS[-1]}")
        return CompiledModel(program, trees, arrays)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise ArtifactError(f"the compiled model cannot be read: {type(error).__name__}: {error}") from error


def load(path: Path, sha256: str) -> CompiledModel:
    """Return the compiled model in `path`; the bytes are hashed before anything looks into them.

    Raises:
        ArtifactError, ImportError: see `read`; or the file is absent or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"compiled model {path} cannot be read: {error.strerror}") from error
    wanted, found = sha256.removeprefix("sha256:"), hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ArtifactError(
            f"compiled model {path} is corrupt: sha256 is {found[:12]}…, the version says {wanted[:12]}…"
        )
    return read(content)
