"""`modeldeck ci` as a runner runs it: a git checkout, no daemon, reports that a runner can read, and the exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tiny_deck import MODEL, Tiny, make_tiny

pytestmark = pytest.mark.e2e

TESTS = '\n[tests.more-rooms]\nchange = { rooms = { add = 1 } }\nexpect = "up"\n'
CHECKS = "\n[checks.columns.price]\nmin = 0\nmax = 400\n"


def git(folder: Path, *words: str) -> None:
    said = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
    subprocess.run(said, cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(name="checkout")
def git_checkout(tmp_path):
    """A checkout of two models, of which the second is changed on a branch; no deck of its own."""
    tiny = make_tiny(tmp_path)
    tiny.write_model(MODEL + TESTS + CHECKS)
    tiny.write_model(MODEL.replace('name = "rates"', 'name = "other"'), "other")
    (tiny.root / ".gitignore").write_text(".modeldeck/\n")
    git(tiny.root, "init", "-q", "-b", "main")
    git(tiny.root, "add", "-A")
    git(tiny.root, "commit", "-qm", "first")
    git(tiny.root, "checkout", "-q", "-b", "change")
    return tiny


def reports(tiny: Tiny) -> tuple[str, ET.Element]:
    return (tiny.root / "report.md").read_text(), ET.parse(tiny.root / "report.xml").getroot()


def ci(tiny: Tiny, *words: str):
    said = tiny("ci", "--markdown", "report.md", "--junit", "report.xml", "--budget", "20s", *words, timeout=200)
    assert "Traceback" not in said.err, said
    return said


@pytest.mark.timeout(300)
def test_a_changed_model_is_trained_tested_and_gated_and_the_other_left_alone(checkout, tmp_path):
    nothing = ci(checkout, "--since", "main")
    assert (nothing.code, "No model is touched" in nothing.out) == (0, True), nothing

    checkout.write_model(MODEL.replace('owner = "pricing"', 'owner = "revenue"') + TESTS + CHECKS)
    said = ci(checkout, "--since", "main")
    assert said.code == 0, said
    text, xml = reports(checkout)
    assert text == said.out
    assert "### rates\n\nmodels/rates.toml changed since main, no champion to compare with" in text
    assert "### other" not in text
    for row in (
        "| ✅ | data | checks | 400 rows, 0 rejected |",
        "| ✅ | tests | more-rooms | 20 of 20 changed rows |",
        "| ✅ | gates | mae vs Dummy |",
        "| ➖ | gates | mae vs champion | not asked without --baseline: a backup of the deck, or",
    ):
        assert row in text, text
    suites = {one.get("name"): one for one in xml.iter("testsuite")}
    assert set(suites) == {"tiny", "rates"}
    assert {case.get("classname") for case in suites["rates"]} >= {"rates.data", "rates.training", "rates.gates"}
    assert xml.get("tests") == str(len(list(xml.iter("testcase"))))
    assert (xml.get("failures"), xml.get("errors")) == ("0", "0")
    # nothing of it is left, and nothing was made in the checkout
    assert not (checkout.root / ".modeldeck").exists()
    assert checkout("daemon", "status", "--json").data["state"] == "stopped"


@pytest.mark.timeout(400)
def test_gates_compare_with_the_champion_of_a_baseline_and_the_card_shows_what_differs(checkout, tmp_path):
    try:
        assert checkout("train", "rates", timeout=110).code == 0
        assert checkout("promote", "rates", "1", "--yes", timeout=110).code == 0
    finally:
        assert checkout("daemon", "stop", "--all").code == 0
    backup = tmp_path / "baseline.backup"
    assert checkout("backup", "create", str(backup)).code == 0
    champions = tmp_path / "champions"
    champions.mkdir()
    exported = checkout("bundle", "export", "rates", "1", str(champions / "rates.bundle"))
    assert exported.code == 0, exported
    key = checkout("audit", "key", "--json").data[0]["public"]
    checkout.write_model(MODEL.replace('owner = "pricing"', 'owner = "revenue"') + TESTS + CHECKS)
    alone = ci(checkout, "--models", "rates")
    assert "mae vs champion | not asked: --baseline . compares with this folder's own deck" in alone.out
    for baseline in (backup, Path("."), champions):
        said = ci(checkout, "--models", "rates", "--baseline", str(baseline), "--baseline-key", key)
        assert said.code == 0, said
        text, _ = reports(checkout)
        assert "all models, beside `rates@1`" in text
        assert f"all models, baseline `{baseline.name or checkout.root.name}`" in text
        assert "-- **version**: 1" in text, text
        assert "+- **version**: 2" in text
        assert "mae vs champion" in text
    unnamed = checkout("ci", "--baseline", str(champions))
    assert "rates.bundle is signed by a deck that nobody has named" in unnamed.refusal(2)
    whole = (champions / "rates.bundle").read_bytes()
    (champions / "rates.bundle").write_bytes(whole[:-2000] + bytes([whole[-2000] ^ 1]) + whole[-1999:])
    changed = checkout("ci", "--baseline", str(champions), "--baseline-key", key)
    assert "is not to be trusted" in changed.refusal(1)
    # the baseline itself is as it was
    assert [one["number"] for one in checkout("versions", "rates", "--json").data] == [1]


@pytest.mark.timeout(300)
def test_each_kind_of_failure_has_its_exit_code_and_a_case_that_says_why(checkout):
    checkout.write_model(MODEL + TESTS.replace('"up"', '"down"'))
    (checkout.root / "models" / "other.toml").unlink()
    failed = ci(checkout)
    text, xml = reports(checkout)
    assert failed.code == 5, failed
    assert "## modeldeck ci: ❌ failed" in text
    (case,) = [one for one in xml.iter("testcase") if one.find("failure") is not None]
    assert (case.get("classname"), case.get("name")) == ("rates.tests", "more-rooms")
    assert "0 of 20 changed rows" in str(case.find("failure").get("message"))

    checkout.write_model(MODEL + "\n[checks.columns.price]\nmax = 50\n")
    bad_data = ci(checkout, "--json")
    assert bad_data.code == 1, bad_data
    found = {one["stage"]: one["verdict"] for one in json.loads(bad_data.out)["checks"]}
    assert found == {"settings": "passed", "data": "failed", "training": "skipped"}

    checkout.write_model(MODEL.replace('source = "rates.csv"', 'source = "gone.csv"'))
    no_source = ci(checkout)
    assert (no_source.code, "gone.csv" in no_source.out) == (1, True), no_source

    checkout.write_model("[model\n")
    broken = ci(checkout)
    assert broken.code == 2, broken
    text, xml = reports(checkout)
    assert "models/rates.toml is not valid TOML" in text
    assert xml.get("failures") == "1"


def test_a_folder_that_git_ignores_is_not_passed_for_want_of_changes(checkout):
    outer = checkout.root.parent
    shutil.rmtree(checkout.root / ".git")
    (outer / ".gitignore").write_text(f"{checkout.root.name}/\n")
    git(outer, "init", "-q", "-b", "main")
    git(outer, "add", ".gitignore")
    git(outer, "commit", "-qm", "around it")
    said = ci(checkout, "--since", "main")
    assert (said.code, said.err.count("\n")) == (2, 1), said
    assert "git ignores this folder: of no change in it is anything known: leave --since out" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "nowhere"), "git merge-base: fatal: Not a valid object name nowhere"),
        (("--since=--output=x",), "--since --output=x is no commit"),
        (("--models", "rats"), "no model named 'rats'"),
        (("--baseline", "gone"), "there is no baseline gone"),
        (
            ("--baseline", "models"),
            "models holds no deck's registry and no bundle: there is no champion",
        ),
        (("--budget", "soon"), "--budget 'soon' is no duration"),
        (("--junit", "gone/report.xml"), "gone/report.xml is no file that can be written"),
        (("models",), "models holds no deck.toml"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_trained(checkout, words, told):
    assert told in checkout("ci", *words).refusal(2)


def test_upstream_models_in_a_circle_are_refused(checkout):
    circle = '\n[retrain]\non = ["upstream"]\nupstream = "{}"\n'
    checkout.write_model(MODEL + circle.format("other"))
    checkout.write_model(MODEL.replace('name = "rates"', 'name = "other"') + circle.format("rates"), "other")
    said = ci(checkout)
    assert said.code == 2, said
    assert "it would never end" in said.out
