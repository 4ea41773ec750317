"""A version as plain Python: it answers as on record in a process that has no modeldeck."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import MODEL, Tiny

pytestmark = pytest.mark.e2e
OURS = ("console", "engine", "store", "modeldeck", "_modeldeck", "__editable__")
OWN = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline


class Squares(TransformerMixin, BaseEstimator):
    def fit(self, rows, target=None):
        self.mean_ = rows["rooms"].astype(float).mean()
        return self

    def transform(self, rows):
        off = rows["rooms"].astype(float).to_numpy() - self.mean_
        return np.column_stack([off, off**2])


def build():
    return make_pipeline(Squares(), Ridge())
"""
LOOK = """
import importlib.util, sys
sys.path.insert(0, sys.argv[1])
assert importlib.util.find_spec("store") is None and importlib.util.find_spec("console") is None
import engine
assert engine.__file__.startswith(sys.argv[1]), engine.__file__
"""


@pytest.fixture(scope="module")
def trained(tiny: Tiny) -> Tiny:
    """The deck with a version of `rates`, and one of `squares` whose pipeline is the workspace's own code."""
    (tiny.root / "own.py").write_text(OWN)
    own = MODEL.replace('name = "rates"', 'name = "squares"').replace("sklearn.linear_model.Ridge", "python:own:build")
    tiny.write_model(own, "squares")
    for name in ("rates", "squares"):
        assert tiny("train", name).code == 0
    return tiny


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that runs Python with what is installed beside modeldeck, and without modeldeck."""
    site = tmp_path_factory.mktemp("site")
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.lower().startswith(OURS) and each.suffix != ".pth":
            (site / each.name).symlink_to(each)
    return runner(site)


def runner(site: Path) -> Any:
    def run(folder: Path, *words: str, python: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-S", *words] if python is None else [str(python), *words],
            cwd=folder,
            env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    return run


@pytest.mark.parametrize("model", ["rates", "squares"])
def test_it_answers_as_on_record_without_modeldeck(trained: Tiny, plain: Any, model: str) -> None:
    target = trained.root / f"{model}-plain"
    done = trained("versions", "export", model, "1", str(target), "--json").data
    listed = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert listed == set(done["body"]["files"])
    assert {"model.skops", "predict.py", "requirements.txt", "constraints.txt", "README.md", "code/own.py"} <= listed
    looked = plain(trained.home, "-c", LOOK, str(target))
    assert looked.returncode == 0, looked.stderr
    checked = plain(target, "predict.py", "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.startswith("20 of 20 golden answers as recorded")
    golden = json.loads((target / "golden.json").read_bytes())
    asked = plain(target, "predict.py", "-", input=json.dumps(golden["requests"]))
    assert json.loads(asked.stdout) == golden["answers"]
    rows = trained.asked(4)
    answers = json.loads(plain(trained.home, str(target / "predict.py"), str(rows)).stdout)
    assert len(answers) == 4
    assert all(isinstance(answer["value"], float) for answer in answers)


def test_answers_that_differ_and_a_damaged_artifact_are_told(trained: Tiny, plain: Any) -> None:
    target = trained.root / "damaged"
    assert trained("versions", "export", "rates", "1", str(target)).code == 0
    golden = json.loads((target / "golden.json").read_bytes())
    golden["answers"][3]["value"] += 1.0
    (target / "golden.json").write_text(json.dumps(golden))
    checked = plain(target, "predict.py", "--check")
    assert checked.returncode == 1
    assert checked.stdout.startswith("1 of 20 golden answers differ: request 3")
    wrong = plain(target, "predict.py", "-", input="night,rooms\n2026-01-01,many\n")
    assert (wrong.returncode, wrong.stdout, len(wrong.stderr.splitlines())) == (2, "", 1)
    assert "'rooms': 'many' is no " in wrong.stderr
    content = bytearray((target / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (target / "model.skops").write_bytes(content)
    damaged = plain(target, "predict.py", "--check")
    assert (damaged.returncode, damaged.stdout, len(damaged.stderr.splitlines())) == (2, "", 1)
    assert "is corrupt" in damaged.stderr


def test_the_commands_of_its_readme_work_in_a_fresh_environment(trained: Tiny, plain: Any) -> None:
    """The package index is what is installed here: pip is told to fetch nothing, so all that is asked for is there."""
    target = trained.root / "fresh"
    assert trained("versions", "export", "squares", "1", str(target)).code == 0
    asked = trained.asked(3)
    readme = (target / "README.md").read_text()
    lines = [line.partition("#")[0].split() for line in readme.splitlines() if line.startswith("    ")]
    commands = [words for words in lines if "python" in words[0] or "pip" in words[0]]
    assert [words[1] for words in commands] == ["-m", "install", "predict.py", "predict.py"]
    made = subprocess.run([sys.executable, *commands[0][1:]], cwd=target, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    python = target / ".venv" / "bin" / "python"
    installed = plain(target, "-m", "pip", *commands[1][1:], "--no-index", "--disable-pip-version-check", python=python)
    assert installed.returncode == 0, installed.stderr
    for line in (target / "requirements.txt").read_text().splitlines()[1:]:
        assert f"Requirement already satisfied: {line}" in installed.stdout
    looked = plain(target, "-c", LOOK, str(target), python=python)
    assert looked.returncode == 0, looked.stderr
    checked = plain(target, *commands[2][1:], python=python)
    assert checked.stdout.startswith("20 of 20 golden answers as recorded"), checked.stderr
    answered = plain(target, commands[3][1], str(asked), python=python)
    assert len(json.loads(answered.stdout)) == 3
    (target / "requirements.txt").write_text("-c constraints.txt\nscikit-learn==0.1\n")  # and it would be told
    wrong = plain(target, "-m", "pip", *commands[1][1:], "--no-index", "--disable-pip-version-check", python=python)
    assert wrong.returncode != 0


def test_requirements_pin_what_it_was_trained_with(trained: Tiny) -> None:
    target = trained.root / "pinned"
    assert trained("versions", "export", "rates", "1", str(target)).code == 0
    lines = (target / "requirements.txt").read_text().splitlines()
    assert lines[0] == "-c constraints.txt"
    pins = dict(line.split("==") for line in (target / "constraints.txt").read_text().splitlines())
    import sklearn

    assert f"scikit-learn=={sklearn.__version__}" in lines
    assert pins["scikit-learn"] == sklearn.__version__
    assert "modeldeck" not in pins


def test_a_folder_that_is_there_and_a_version_that_is_not_are_refused(trained: Tiny) -> None:
    (trained.root / "there").mkdir()
    assert "there is there already" in trained("versions", "export", "rates", "1", "there").refusal(2)
    assert "no folder" in trained("versions", "export", "rates", "1", "nowhere/deep").refusal(2)
    trained("versions", "export", "rates", "9", "new").refusal(3)
    assert not (trained.root / "new").exists()
    assert not list(trained.root.glob(".new*"))


def test_an_explanation_is_written_as_svg_and_png(trained: Tiny) -> None:
    for name, begin in (("why.svg", b"<svg "), ("why.png", b"\x89PNG\r\n")):
        done = trained("explain", "rates", "1", "--export", name)
        assert done.code == 0, done
        assert (trained.root / name).read_bytes().startswith(begin)
        told = trained("explain", "rates", "1", "--export", name).refusal(2)
        assert f"{name} is there already" in told
    assert "written as SVG or PNG, not .gif" in trained("explain", "rates", "1", "--export", "why.gif").refusal(2)
