"""Which base, which wheels and which distributions an image gets, and what is said where there is no way."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.deploy.images import debian
from engine.deploy.images.choosing import choose_base
from engine.deploy.images.code import distributions_of
from engine.deploy.images.wheels import Wheel, check_wheels, platform_options, resolve
from engine.serving import environment
from engine.workspace import Workspace
from store.errors import CorruptArtifact, Refused, UnknownName, WorkFailed

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def quiet(_fraction: float, _text: str) -> None:
    """Take progress and say nothing."""


def lock(interpreter: str, **versions: str) -> dict[str, Any]:
    """Make an environment lock."""
    return {"interpreter": interpreter, "distributions": {name: {"version": each} for name, each in versions.items()}}


def test_without_mmdebstrap_this_interpreter_is_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "why_not", lambda: "mmdebstrap is not installed")
    workspace = Workspace(tmp_path)
    base, why = choose_base(workspace, environment.lock(), quiet)
    assert (base.name, base.minor) == ("host-python", HERE)
    assert why.endswith(": this machine's interpreter is taken")
    (layer,) = base.layers
    record = next((workspace.images / "bases").iterdir())
    record.unlink()
    assert choose_base(workspace, environment.lock(), quiet)[0].layers == (layer,), "made anew, it is the same"


@pytest.mark.parametrize(
    ("interpreter", "told"),
    [
        ("CPython 3.7.9", "no base with Python 3.7: Debian bookworm has Python 3.11, and modeldeck runs on"),
        ("PyPy 3.10.1", "no image can be made for the interpreter 'PyPy 3.10.1'"),
    ],
)
def test_an_interpreter_that_no_base_has_is_refused(tmp_path: Path, interpreter: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        choose_base(Workspace(tmp_path), lock(interpreter), quiet)


def test_a_named_base_needs_an_engine_that_has_it(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"no engine to take the base python:3\.11-slim from"):
        choose_base(Workspace(tmp_path), environment.lock(), quiet, named="python:3.11-slim")


def test_without_mmdebstrap_no_base_is_built_and_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkFailed, match="mmdebstrap is not installed") as told:
        debian.build(Workspace(tmp_path), quiet)
    assert told.value.hint == "as root: apt-get install mmdebstrap"


def test_only_what_the_models_own_code_imports_is_added(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "shop").mkdir(parents=True)
    (code / "shop" / "__init__.py").write_text("")
    (code / "shop" / "steps.py").write_text("from . import words\nimport orjson\nclass Step: ...\n")
    (code / "shop" / "words.py").write_text("def short(x):\n    import rich\n    return x\n")
    (code / "loading.py").write_text("import duckdb\n")
    known = lock("CPython 3.11.7", orjson="1", rich="1", duckdb="1", numpy="1")
    manifest = {"code": "code", "trusted": ["shop.steps.Step", "sklearn.linear_model._ridge.Ridge"]}
    assert distributions_of(tmp_path, manifest, known) == ("orjson", "rich")
    assert distributions_of(tmp_path, {**manifest, "trusted": []}, known) == ()
    assert distributions_of(tmp_path, {**manifest, "code": None}, known) == ()
    known["distributions"]["xgboost-cpu"] = {"version": "1"}
    boosted = {"code": None, "trusted": ["xgboost.core.Booster", "engine.serving.features.DateParts"]}
    assert distributions_of(tmp_path, boosted, known) == ("xgboost-cpu",)


def test_wheels_are_chosen_for_the_base(tmp_path: Path) -> None:
    options = platform_options("3.12")
    assert options[options.index("--python-version") + 1] == "3.12"
    assert not [each for each in options if each.startswith("manylinux_2_37")]


def test_a_wheel_that_changed_since_it_was_resolved_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"whole")
    wheel = Wheel("a", "1", "a-1-py3-none-any.whl", hashlib.sha256(b"whole").hexdigest())
    check_wheels(tmp_path, [wheel])
    (tmp_path / wheel.file).write_bytes(b"other")
    with pytest.raises(CorruptArtifact, match="is not the one resolved"):
        check_wheels(tmp_path, [wheel])


def test_no_index_is_one_line_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("INDEX_URL", "http://127.0.0.1:9/simple"), ("RETRIES", "0"), ("CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(f"PIP_{name}", value)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WorkFailed, match="fetching the wheels of the environment lock failed: ") as told:
        resolve(Workspace(tmp_path), lock("CPython 3.11.7", numpy="2.4.6"), HERE, quiet)
    assert told.value.hint.startswith("give this machine a package index, or put the wheels into ")
    assert "\n" not in told.value.line()
    assert not list((Workspace(tmp_path).images / "records").glob("*")), "nothing half resolved is remembered"
