"""Makes the folder a server is started from: manifest, artifact, golden requests, code; nothing else reaches it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from engine.data.bundle import extract_bundle
from engine.deck import Deck
from engine.model_io import sealing, trust
from engine.model_io.load import stated_types
from engine.serving.contract import CONTRACT
from engine.serving.golden import TOLERANCE
from engine.serving.seal import FILE as SEAL_FILE
from engine.settings.model import ModelSettings
from store import settings as settings_store
from store.errors import CorruptArtifact, WorkFailed
from store.rows import Version
from store.storage import writing_to

TRUST_TIMEOUT_S = 60
HALF_MADE = ".staging-"


def stage(deck: Deck, version: Version, settings: ModelSettings) -> Path:
    """Return the server folder of a version under these settings, made or mended as needed.

    It lies at `serving/<model>@<number>-<12 digits>`, the digits naming the manifest: the same version under the same
    settings is the same folder. A folder whose artifact no longer matches is made again from the store.

    Raises:
        CorruptArtifact: the version's seal does not hold, or artifact, golden requests or code do not match their hash.
        WorkFailed: the artifact holds types that nobody trusted; they are listed.
        StorageUnwritable: the disk is full or read-only.
    """
    seal = sealing.checked(deck, version)
    wanted = _manifest(deck, version, settings)
    digits = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
    folder = deck.workspace.serving / f"{version.model}@{version.number}-{digits}"
    if _is_whole(folder, wanted, version):
        return folder
    with writing_to(deck.workspace.serving):
        deck.workspace.serving.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _fresh_folder(deck.workspace.serving) as fresh:
            try:
                _fill(deck, version, wanted, fresh)
                (fresh / SEAL_FILE).write_text(json.dumps(sealing.as_json(seal), indent=1), encoding="utf-8")
                if folder.exists():
                    shutil.rmtree(folder)
                os.replace(fresh, folder)
            except OSError:
                if not _is_whole(folder, wanted, version):  # another process may have staged the same meanwhile
                    raise
    return folder


def clear_half_made(serving: Path) -> None:
    """Remove the folders that killed processes left half made; one that is being made now stays."""
    for half in serving.glob(f"{HALF_MADE}*"):
        held = _lock(half)
        if held is not None:
            shutil.rmtree(half, ignore_errors=True)
            os.close(held)


@contextlib.contextmanager
def _fresh_folder(serving: Path) -> Iterator[Path]:
    """Make a folder that is locked until the block ends, and remove it unless it was moved."""
    fresh = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=serving))
    held = _lock(fresh)
    while held is None or not fresh.exists():  # it was taken for a dead process's before it was locked
        fresh = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=serving))
        held = _lock(fresh)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        os.close(held)


def _lock(folder: Path) -> int | None:
    """Return an open folder with its lock, which ends with this process; None where it is gone or another's."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held


def _manifest(deck: Deck, version: Version, settings: ModelSettings) -> dict[str, Any]:
    applied = settings_store.get(deck.database, version.settings_revision)
    short = _compiled(deck, version)
    return {
        "contract": CONTRACT,
        "model": version.model,
        "version": version.number,
        "task": settings.task,
        "signature": version.signature,
        "artifact": {"file": "model.skops", "sha256": version.artifact_hash.removeprefix("sha256:")},
        **({"compiled": _told_of(version, short)} if short else {}),
        "decision": version.decision,
        "personal": list(settings.data.personal),
        "log": {"mode": settings.log.mode, "personal": settings.log.personal},
        **({"queue_ms": settings.deploy.queue_ms} if settings.deploy.queue_ms else {}),
        "time_column": settings.data.time_column,
        "time_zone": applied.body.get("time_zone", "UTC"),
        "golden": "golden.json",
        "tolerance": TOLERANCE,
        "code": "code" if version.bundle_hash else None,
        "environment_hash": version.environment_hash,
        "made_with": {name: metadata.version(name) for name in ("modeldeck", "skops")},  # both decide what is trusted
    }


def _compiled(deck: Deck, version: Version) -> str:
    """Return the hash of a version's compiled form, "" where it has none here: then its pipeline serves."""
    found = str(version.evaluation.get("compiled", {}).get("hash", ""))
    return found if found and deck.artifacts.place(found).is_file() else ""


def _told_of(version: Version, short: str) -> dict[str, Any]:
    needs = list(version.evaluation["compiled"].get("needs", ()))
    return {"file": "compiled.zip", "sha256": short.removeprefix("sha256:"), "needs": needs}


def _is_whole(folder: Path, manifest: dict[str, Any], version: Version) -> bool:
    """Say whether what a folder loads is what its manifest names, and its golden requests what the version pins."""
    golden = {"file": "golden.json", "sha256": version.golden_hash.removeprefix("sha256:")}
    loaded = [golden, *(manifest[part] for part in ("artifact", "compiled") if part in manifest)]
    try:
        return all(
            hashlib.sha256((folder / one["file"]).read_bytes()).hexdigest() == one["sha256"] for one in loaded
        ) and all((folder / name).is_file() for name in ("manifest.json", SEAL_FILE))
    except OSError:
        return False


def _fill(deck: Deck, version: Version, manifest: dict[str, Any], folder: Path) -> None:
    (folder / "model.skops").write_bytes(deck.artifacts.read(version.artifact_hash))
    (folder / "golden.json").write_bytes(deck.artifacts.read(version.golden_hash))
    if "compiled" in manifest:
        (folder / manifest["compiled"]["file"]).write_bytes(deck.artifacts.read(_compiled(deck, version)))
    code = None
    if version.bundle_hash:
        code = folder / "code"
        shutil.copytree(extract_bundle(deck, version.bundle_hash), code, ignore=shutil.ignore_patterns("__pycache__"))
    trusted = trust.kept(deck, version)
    if trusted is None:
        stated = stated_types(deck, version)
        trusted = types_of(folder / "model.skops", code, f"{version.model}@{version.number}", stated)
    (folder / "manifest.json").write_text(json.dumps({**manifest, "trusted": trusted}, indent=1), encoding="utf-8")


def types_of(artifact: Path, code: Path | None, name: str, stated: tuple[str, ...] = ()) -> list[str]:
    """Return the types of an artifact that are loaded, told by a process that opens it and loads nothing of it.

    `code` is the folder of its code, `stated` the types that its model's settings trust.

    Raises:
        CorruptArtifact: it cannot be read. WorkFailed: it holds types that nobody trusted; they are listed.
    """
    words = [str(artifact), str(code or ""), *stated]
    command = [sys.executable, "-P", "-m", "engine.serving.trust", *words]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=TRUST_TIMEOUT_S, check=False)
    if asked.returncode:
        cause = (asked.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise CorruptArtifact(f"the artifact of {name} cannot be read: {cause}", "train or import the version again")
    answer = json.loads(asked.stdout)
    if answer["refused"]:
        raise WorkFailed(
            f"the artifact of {name} holds types nobody trusted: {', '.join(answer['refused'])}",
            f"if you trust these classes, say [train] trusted = {json.dumps(sorted({*answer['refused'], *stated}))}",
        )
    return list(answer["trusted"])
