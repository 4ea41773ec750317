"""Server folders, keys and proofs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from sklearn.preprocessing import FunctionTransformer

from engine.deploy import stage as stage_module
from engine.deploy.probe import proof
from engine.deploy.stage import clear_half_made, stage
from engine.model_io import trust
from engine.model_io.log_key import log_key
from engine.serving import artifact, golden
from engine.serving.predict import Predictor
from engine.settings.model import DeckSettings
from store import settings
from store.errors import CorruptArtifact, WorkFailed


def model_settings(world: Any) -> Any:
    row = settings.get(world.deck.database, world.revision)
    return DeckSettings.from_body(row.body).models["rates"]


def test_a_staged_version_answers_as_recorded(world: Any) -> None:
    version = world.version(1)
    folder = stage(world.deck, version, model_settings(world))
    assert folder.name.startswith("rates@1-")
    assert folder.parent == world.deck.workspace.serving
    recorded = json.loads((folder / "golden.json").read_bytes())
    assert Predictor.from_folder(folder).predict(recorded["requests"]) == recorded["answers"]
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert "sklearn.linear_model._ridge.Ridge" in manifest["trusted"]
    assert manifest["time_zone"] == "UTC"


def test_what_the_training_told_of_types_is_not_asked_again(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = json.loads((stage(world.deck, world.version(1), model_settings(world)) / "manifest.json").read_bytes())
    told = world.register(slope=3.5)
    trust.keep(world.deck, told)

    def never(*_words: Any) -> list[str]:
        raise AssertionError("asked again")

    monkeypatch.setattr(stage_module, "types_of", never)
    manifest = json.loads((stage(world.deck, told, model_settings(world)) / "manifest.json").read_bytes())
    assert manifest["trusted"] == asked["trusted"]
    other = world.register(slope=4.5)
    with pytest.raises(AssertionError, match="asked again"):
        stage(world.deck, other, model_settings(world))


def test_a_compiled_form_is_staged_where_it_is_kept(world: Any) -> None:
    version = world.register(slope=2.0, is_compiled=True)
    folder = stage(world.deck, version, model_settings(world))
    recorded = json.loads((folder / "golden.json").read_bytes())
    short = Predictor.from_folder(folder, compiled=True)
    assert short.is_compiled
    assert golden.check(short.predict, recorded, 1e-12)[0]
    assert not Predictor.from_folder(folder).is_compiled
    kept = (folder / "compiled.zip").read_bytes()
    (folder / "compiled.zip").write_bytes(kept[:-1])
    assert stage(world.deck, version, model_settings(world)) == folder
    assert (folder / "compiled.zip").read_bytes() == kept  # mended as the pipeline is
    world.deck.artifacts.path(version.evaluation["compiled"]["hash"]).unlink()  # as of a version brought without it
    assert "compiled" not in json.loads(
        (stage(world.deck, version, model_settings(world)) / "manifest.json").read_bytes()
    )


@pytest.mark.parametrize("left", [b"", b"{", b"[1]", b'"a"'])
def test_what_is_no_list_of_types_is_asked_for(world: Any, left: bytes) -> None:
    version = world.version(1)
    trust.keep(world.deck, version)
    (place,) = (world.deck.workspace.state / "trusted").iterdir()
    place.write_bytes(left)
    assert trust.kept(world.deck, version) is None


def test_types_nobody_trusts_are_never_kept(world: Any) -> None:
    content = artifact.dump(FunctionTransformer(os.getcwd))
    version = world.register(artifact_hash=world.deck.artifacts.put_bytes(content))
    with pytest.raises(artifact.ArtifactError, match=r"posix\.getcwd"):
        trust.keep(world.deck, version)
    assert trust.kept(world.deck, version) is None


def test_staging_again_is_the_same_folder_and_mends_a_damaged_one(world: Any) -> None:
    version, body = world.version(1), model_settings(world)
    folder = stage(world.deck, version, body)
    stamp = (folder / "manifest.json").stat().st_mtime_ns
    assert stage(world.deck, version, body) == folder
    assert (folder / "manifest.json").stat().st_mtime_ns == stamp
    (folder / "model.skops").write_bytes(b"damaged")
    assert stage(world.deck, version, body) == folder
    Predictor.from_folder(folder)
    assert not list(world.deck.workspace.serving.glob(".staging-*"))


def test_what_a_killed_process_left_is_cleared_and_what_another_makes_now_is_not(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = world.deck.workspace.serving
    left = serving / ".staging-left"
    left.mkdir(parents=True)
    (left / "model.skops").write_bytes(b"half")
    ask = stage_module.types_of

    def cleared_meanwhile(*words: Any) -> list[str]:
        clear_half_made(serving)  # as a daemon does that starts while a job makes an image
        return ask(*words)

    monkeypatch.setattr(stage_module, "types_of", cleared_meanwhile)
    folder = stage(world.deck, world.register(slope=7.0), model_settings(world))
    Predictor.from_folder(folder)
    assert not left.exists()
    assert not list(serving.glob(".staging-*"))


def test_a_corrupt_artifact_is_never_staged(world: Any) -> None:
    version = world.register(slope=5.0)
    world.deck.artifacts.path(version.artifact_hash).write_bytes(b"damaged")
    with pytest.raises(CorruptArtifact, match="its bytes do not match its hash"):
        stage(world.deck, version, model_settings(world))
    assert len(list(world.deck.workspace.serving.iterdir())) == 2  # those of the sound versions


def test_untrusted_types_are_refused_with_their_list(world: Any) -> None:
    content = artifact.dump(FunctionTransformer(os.getcwd))
    version = world.register(artifact_hash=world.deck.artifacts.put_bytes(content))
    with pytest.raises(WorkFailed, match=r"rates@3 holds types nobody trusted: posix\.getcwd"):
        stage(world.deck, version, model_settings(world))


def test_the_log_key_is_made_once_and_private(world: Any) -> None:
    path = log_key(world.deck.workspace.keys)
    before = path.read_bytes()
    assert log_key(world.deck.workspace.keys).read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(before)["key"]) == 64
    assert sorted(one.name for one in world.deck.workspace.keys.iterdir()) == ["deck", "log"]


def test_the_proof_of_a_sound_version_passes(world: Any) -> None:
    checks = proof(world.deck, world.register(), model_settings(world))
    assert [(check.name, check.verdict) for check in checks] == [
        ("artifact hash", "passed"),
        ("golden requests", "passed"),
        ("environment", "passed"),
    ]


def test_the_proof_names_what_differs(world: Any) -> None:
    lock = {"interpreter": "CPython 3.9.1", "platform": "linux-x86_64", "distributions": {}}
    version = world.register(slope=5.0, environment_hash=world.deck.artifacts.put_bytes(json.dumps(lock).encode()))
    world.deck.artifacts.path(version.artifact_hash).write_bytes(b"damaged")
    checks = {check.name: check for check in proof(world.deck, version, model_settings(world))}
    assert checks["artifact hash"].verdict == "failed"
    assert checks["environment"].verdict == "failed"
    assert checks["environment"].observed.startswith("interpreter CPython 3.9.1 -> ")
    assert checks["environment"].observed.endswith(" more")


@pytest.mark.parametrize("module", ["engine.deploy.reconcile", "engine.deploy.probe", "engine.deploy.gateway.__main__"])
def test_daemon_and_router_load_no_model_library(module: str) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pandas", "sklearn", "skops", "pyarrow", "sqlalchemy", "pydantic", "uvicorn", "httpx"}
    assert not heavy & set(said.stdout.split())
