"""The workflow files of docs/ci hold to the official schemas, have no circle, name real verbs, do what they say.

The schemas are those that check-jsonschema carries. A script is run as its runner would run it, on a real checkout and
a real deck; only the hop over SSH is left out.
"""

from __future__ import annotations

import graphlib
import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from console.parser import parse

FOLDER = Path(__file__).parents[2] / "docs" / "ci"
SCHEMAS = {"github-actions.yml": "vendor.github-workflows", "gitlab-ci.yml": "vendor.gitlab-ci"}
COMMAND = Path(sys.executable).with_name("modeldeck")
RATES = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'
DECK = 'name = "deck"\ntime_zone = "UTC"\n'


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load((FOLDER / name).read_text("utf-8"))
    return found


def jobs(name: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return the jobs of a workflow by name."""
    if name.startswith("github"):
        return dict(content["jobs"])
    return {key: job for key, job in content.items() if isinstance(job, dict) and "script" in job}


def order(of: dict[str, Any]) -> list[str]:
    """Return jobs in the order that their needs ask for.

    Raises:
        graphlib.CycleError: they need each other in a circle. KeyError: one needs a job that is not there.
    """
    needs = {}
    for name, job in of.items():
        said = job.get("needs", [])
        needs[name] = [said] if isinstance(said, str) else list(said)
        missing = [one for one in needs[name] if one not in of]
        if missing:
            raise KeyError(missing[0])
    return list(graphlib.TopologicalSorter(needs).static_order())


def scripts(name: str) -> dict[str, str]:
    """Return the script of each job that runs modeldeck."""
    found = {}
    for key, job in jobs(name, read(name)).items():
        lines = [step.get("run", "") for step in job["steps"]] if name.startswith("github") else job["script"]
        (found[key],) = [text for text in lines if "modeldeck" in text]
    return found


def checked(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_file_holds_to_the_official_schema(name: str) -> None:
    said = checked(FOLDER / name, SCHEMAS[name])
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(("name", "right", "wrong"), [
    ("github-actions.yml", "runs-on: ubuntu-latest", "runs-in: ubuntu-latest"),
    ("gitlab-ci.yml", "needs: [plan]", "needs: 7"),
])  # fmt: skip
def test_a_file_that_does_not_is_found_out(tmp_path: Path, name: str, right: str, wrong: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert right in text
    (tmp_path / name).write_text(text.replace(right, wrong))
    assert checked(tmp_path / name, SCHEMAS[name]).returncode == 1


@pytest.mark.parametrize("name", SCHEMAS)
def test_jobs_plan_before_they_apply_and_a_circle_is_refused(name: str) -> None:
    found = jobs(name, read(name))
    assert [one for one in order(found) if one != "models"] == ["plan", "apply"]
    with pytest.raises(graphlib.CycleError):
        order({**found, "plan": {**found["plan"], "needs": ["apply"]}})
    with pytest.raises(KeyError):
        order({**found, "plan": {**found["plan"], "needs": ["nobody"]}})


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_verbs_are_those_of_the_command_line(name: str) -> None:
    found = scripts(name)
    line = re.search(r"modeldeck (ci .*)", found.pop("models"))
    assert line is not None
    invocation = parse(shlex.split(line[1]))
    assert invocation is not None
    assert (invocation.verb.words, invocation.request.junit) == (("ci",), "report.xml")
    for text in found.values():
        said = re.search(r'ssh "\$BASTION" modeldeck (--deck .*?)(?: >|\n|$)', text)
        assert said is not None, text
        invocation = parse(shlex.split(said[1]))
        assert invocation is not None
        assert (invocation.verb.words, invocation.request.folder, invocation.deck) == (("apply",), "-", "$DECK")


@pytest.fixture
def runner(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Return a function that runs a script in a git checkout, with a deck at the other end."""
    for path, text in (("git/deck.toml", DECK), ("git/models/rates.toml", RATES), ("git/README.md", "# ours\n")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "deck").mkdir()
    (tmp_path / "deck" / "deck.toml").write_text(DECK)
    hop = tmp_path / "bin" / "ssh"
    hop.parent.mkdir()
    hop.write_text(f'#!/bin/sh\nshift 4\nexec {COMMAND} -w {tmp_path / "deck"} "$@"\n')
    hop.chmod(hop.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "bin" / "modeldeck").symlink_to(COMMAND)

    def run(script: str) -> subprocess.CompletedProcess[str]:
        for words in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", *words], cwd=tmp_path / "git", check=True, timeout=60)
        environment = {**os.environ, "PATH": f"{hop.parent}:{os.environ['PATH']}", "BASTION": "b", "DECK": "d"}
        environment |= {"GITHUB_SHA": "0123abc", "CI_COMMIT_SHA": "0123abc"}
        environment |= {"GITHUB_BASE_REF": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": "origin/main"}
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(words, cwd=tmp_path / "git", env=environment, capture_output=True, text=True, timeout=100)

    return run


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_plan_shows_what_a_merge_then_brings_about(
    name: str, runner: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    plan, apply = scripts(name)["plan"], scripts(name)["apply"]
    shown = runner(plan)
    assert (shown.returncode, "+ models/rates.toml created" in shown.stdout) == (0, True), shown
    assert (tmp_path / "git" / "plan.txt").read_text() == shown.stdout
    done = runner(apply)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "applied as revision 1"), done
    assert (tmp_path / "deck" / "models" / "rates.toml").read_text() == RATES
    (tmp_path / "git" / "plan.txt").unlink()
    assert runner(plan).stdout == "plan: 2 unchanged\n"
    (tmp_path / "git" / "models" / "rates.toml").write_text("[model\n")
    for script in (plan, apply):
        refused = runner(script)
        assert (refused.returncode, "models/rates.toml" in refused.stderr) == (2, True), refused


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_change_that_touches_no_model_passes_and_one_that_does_not_hold_is_reported(
    name: str, runner: Callable[[str], subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    script, checkout = scripts(name)["models"], tmp_path / "git"
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    runner("true")  # it is a repository from here on
    for words in (["commit", "-qm", "first"], ["update-ref", "refs/remotes/origin/main", "HEAD"]):
        subprocess.run(["git", *who, *words], cwd=checkout, check=True, timeout=60)
    (checkout / "README.md").write_text("# ours, and more\n")
    passed = runner(script)
    assert (passed.returncode, "No model is touched" in passed.stdout) == (0, True), passed
    (checkout / "models" / "rates.toml").write_text("[model\n")
    failed = runner(script)
    assert (failed.returncode, "models/rates.toml" in failed.stdout) == (2, True), failed
    assert "models/rates.toml" in (checkout / "report.md").read_text()
    assert "<failure" in (checkout / "report.xml").read_text()
