"""Shared parts of the release tests: versions, settings, past releases."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from deploy_world import world_with_a_champion
from with_servers import add_real_version, host_of_a_kind, live_deck

from engine.settings.model import DataSettings, DeploySettings, GateSettings, Limit, ModelSettings, RolloutStep
from store.rows import Release, Version

__all__ = ["add_real_version", "host_of_a_kind", "live_deck", "world_with_a_champion"]

MODEL = "rates"


def version(number: int, **changes: Any) -> Version:
    """A version with a plausible evaluation."""
    made = Version(
        model=MODEL,
        number=number,
        run_id=f"run{number}",
        snapshot_id=f"sha256:snapshot{number}",
        settings_revision=1,
        bundle_hash="sha256:bundle",
        environment_hash="sha256:environment",
        artifact_hash=f"sha256:artifact{number}",
        golden_hash=f"sha256:golden{number}",
        signature={"inputs": [{"name": "x", "type": "double", "nullable": False}], "outputs": []},
        decision={},
        evaluation={
            "metric": "mae",
            "holdout": {"mae": {"value": 10.0, "low": 9.0, "high": 11.0, "n": 300}},
            "baseline": {"mae": {"value": 20.0, "low": 19.0, "high": 21.0, "n": 300}},
        },
        estimator="Ridge",
        artifact_bytes=1000,
        git_commit=None,
        git_dirty=None,
        cutoff_at=1_000_000 * number,
        derived_from=None,
        description="",
        actor="user:anna",
        created_at=number,
        abandoned_at=None,
        aliases=(),
        tags={},
    )
    return dataclasses.replace(made, **changes)


def release(kind: str, frm: int | None, to: int, **changes: Any) -> Release:
    """A completed release from one version to another."""
    made = Release(
        id=f"{kind}-{frm}-{to}",
        endpoint=MODEL,
        kind=kind,
        from_version=frm,
        to_version=to,
        state="completed",
        verdict="passed",
        reason="",
        detail="",
        basis="",
        plan={},
        evidence={},
        undo={},
        settings_revision=1,
        actor="user:anna",
        job_id=None,
        reverted_by=None,
        requested_at=0,
        started_at=0,
        ended_at=0,
    )
    return dataclasses.replace(made, **changes)


def model_settings(**changes: Any) -> ModelSettings:
    """Settings of a small regression with quick rollout steps."""
    made = ModelSettings(
        name=MODEL,
        task="regression",
        data=DataSettings(source="rows.csv", target="y", time_column="at"),
        gates=GateSettings(limits={"mae": Limit(max=30.0, vs_champion=1.02)}),
        deploy=DeploySettings(
            min_samples=200, max_wait_s=20.0, rollout=(RolloutStep(10, 2.0), RolloutStep(50, 2.0), RolloutStep(100))
        ),
    )
    return dataclasses.replace(made, **changes)


@pytest.fixture(name="version")
def version_factory() -> Callable[..., Version]:
    """Make versions."""
    return version


@pytest.fixture(name="past")
def release_factory() -> Callable[..., Release]:
    """Make completed releases."""
    return release


@pytest.fixture(name="model_settings")
def settings_factory() -> Callable[..., ModelSettings]:
    """Make model settings."""
    return model_settings


def _stage_module() -> Any:
    name = "release_stage"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("stage.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(name="stage")
def stage_of_one_model(deck, clock):
    """A model with its first version, never served."""
    made = _stage_module()
    made.apply(deck, model_settings())
    made.add_version(deck, MODEL)
    return made.Stage(deck, clock, MODEL)


@pytest.fixture(name="serving")
def serving_stage(stage):
    """v1 serves, v2 is its challenger."""
    from engine.release import submit_promote

    stage.run(submit_promote(stage.deck, MODEL, 1, actor="user:anna"))
    _stage_module().add_version(stage.deck, MODEL)
    return stage


@pytest.fixture(name="add_version")
def add_version_to_the_stage(stage):
    """Register one more version."""
    return lambda **changes: _stage_module().add_version(stage.deck, MODEL, **changes)


@pytest.fixture(name="apply_settings")
def apply_settings_to_the_stage(stage):
    """Apply changed settings of the model."""
    return lambda **changes: _stage_module().apply(stage.deck, model_settings(**changes))


@pytest.fixture(name="stage_parts")
def parts_of_a_stage():
    """The functions that apply settings and register versions."""
    made = _stage_module()
    made.MODEL = MODEL
    return made


@pytest.fixture(name="segment")
def log_of_the_last_minute(deck, clock):
    """Log this many live rows, evenly over the seconds before now, some of them failed."""

    def write(rows: int, seconds: float, failed: int = 0) -> None:
        folder = deck.workspace.segments / "r1"
        folder.mkdir(parents=True)
        lines = [
            {
                "prediction_id": f"{number}-0",
                "endpoint": MODEL,
                "kind": "live",
                "received_at": clock.now() - int((rows - number) * seconds / rows * 1e6),
                "status": 500 if number < failed else 200,
            }
            for number in range(rows)
        ]
        path = folder / "0000000000000001-77-1.open"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        os.utime(path, (clock.now() / 1e6, clock.now() / 1e6))

    return write
