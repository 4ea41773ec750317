"""LightGBM and XGBoost by dotted name: refused until their types are stated, then trained, served, exported."""

from __future__ import annotations

import csv
import ctypes.util
import json
from pathlib import Path
from typing import Any

import pytest
from tiny_deck import MODEL, Tiny

from engine.serving.artifact import sort_types

pytestmark = pytest.mark.e2e

LIGHTGBM = ("collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMRegressor")
XGBOOST = ("xgboost.core.Booster", "xgboost.sklearn.XGBClassifier")
needs_gomp = pytest.mark.skipif(
    ctypes.util.find_library("gomp") is None, reason="LightGBM needs libgomp.so.1: apt-get install libgomp1"
)


def settings(name: str, estimator: str, *more: str, target: str = "price") -> str:
    """Return a model file for the tiny deck's rows."""
    text = MODEL.replace('name = "rates"', f'name = "{name}"').replace("sklearn.linear_model.Ridge", estimator)
    text = text.replace('metric = "mae"\n', "".join(f"{line}\n" for line in more))
    if target != "price":
        text = text.replace('"regression"', '"classification"').replace('target = "price"', f'target = "{target}"')
        text = text.replace("mae = { max = 30.0, vs_champion = 1.5 }", "log_loss = { max = 2.0 }")
    return text


def trusting(types: tuple[str, ...]) -> str:
    return f"trusted = {json.dumps(types)}"


@pytest.fixture(scope="module")
def deck(tiny: Tiny) -> Tiny:
    """The deck with rows that tell, beside the price, whether a night was dear."""
    rows = [{**row, "dear": "yes" if row["price"] > 110 else "no"} for row in tiny.rows]
    tiny.write_rows(rows)
    tiny.write_model(MODEL.replace('target = "price"', 'target = "price"\nfeatures = ["night", "rooms", "season"]'))
    return tiny


@pytest.mark.parametrize(
    ("name", "estimator", "types", "target"),
    [
        pytest.param("light", "lightgbm.LGBMRegressor", LIGHTGBM, "price", marks=needs_gomp),
        ("extreme", "xgboost.XGBClassifier", XGBOOST, "dear"),
    ],
)
@pytest.mark.timeout(400)
def test_it_is_refused_by_its_types_then_trained_served_and_exported(
    deck: Tiny, tmp_path: Path, name: str, estimator: str, types: tuple[str, ...], target: str
) -> None:
    features = 'features = ["night", "rooms", "season"]'
    plain = settings(name, estimator, target=target).replace("[train]", f"{features}\n\n[train]", 1)
    deck.write_model(plain, name)
    refused = deck("train", name, timeout=110)
    assert refused.code != 0
    last = refused.err.strip().splitlines()[-1]
    assert f"holds types nobody trusted: {', '.join(types)}" in last, refused.err
    stated = next(line for line in last.split(": ") if line.startswith("if you trust"))
    assert json.loads(stated.partition("trusted = ")[2]) == list(types)
    assert deck("versions", name, "--json").data == []

    deck.write_model(plain.replace("time_budget", f"{trusting(types)}\ntime_budget"), name)
    trained = deck("train", name, "--json", timeout=110)
    assert trained.code == 0, trained.err
    version = deck("show", "version", f"{name}@1", "--json").data["body"]
    assert version["estimator"].endswith(estimator.partition(".")[2])
    promoted = deck("promote", name, "1", "--yes", timeout=110)
    assert promoted.code == 0, promoted
    asked = deck.asked(30)
    answers = deck("predict", name, str(asked), "--json").data
    assert len(answers) == 30
    key = "value" if target == "price" else "label"
    assert len({answer[key] for answer in answers}) > 1

    again = deck("reproduce", name, "1", timeout=110)
    assert "equal bit for bit, the artifact too" in again.out + again.err, again
    explained = deck("explain", name, "1", "--json", timeout=110).data
    assert {one["name"] for one in explained["importance"]} == {"night", "rooms", "season"}
    assert explained["importance"][0]["name"] == "rooms"

    target_folder = tmp_path / name
    assert deck("versions", "export", name, "1", str(target_folder), "--json").code == 0
    wanted = {"light": "lightgbm", "extreme": "xgboost-cpu"}[name]
    assert any(line.startswith(f"{wanted}==") for line in (target_folder / "requirements.txt").read_text().splitlines())
    manifest = json.loads((target_folder / "manifest.json").read_bytes())
    assert set(types) <= set(manifest["trusted"])
    assert exported_answers(deck, target_folder, asked) == [answer[key] for answer in answers]


def exported_answers(deck: Tiny, folder: Path, asked: Path) -> list[Any]:
    """Return what the export answers, run by this interpreter outside the workspace and before modeldeck's own code."""
    import subprocess
    import sys

    ran = subprocess.run(
        [sys.executable, str(folder / "predict.py"), str(asked)],
        cwd=deck.home,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    with asked.open() as file:
        assert len(list(csv.DictReader(file))) == 30
    return [answer.get("value", answer.get("label")) for answer in json.loads(ran.stdout)]


def test_an_operator_names_no_library_beside_the_settings(deck: Tiny) -> None:
    told = deck("train", "rates", "--estimator", "lightgbm.LGBMRegressor", timeout=110)
    assert told.code != 0
    assert "estimator lightgbm.LGBMRegressor is not what the settings say" in told.err


@pytest.mark.parametrize("name", ["lightgbm", "lightgbm.*", "os.system()", "a..b", ""])
def test_what_names_no_type_is_refused_when_settings_are_checked(deck: Tiny, name: str) -> None:
    deck.write_model(settings("odd", "lightgbm.LGBMRegressor", trusting((name,))), "odd")
    told = deck("check")
    (deck.root / "models" / "odd.toml").unlink()
    assert told.code == 2
    assert f"{name!r} names no type: write module and class" in told.err


def test_only_classes_can_be_trusted_by_name() -> None:
    names = ["posix.system", "xgboost.core.Booster", "nowhere.Class", "builtins.eval"]
    assert sort_types(names, (), names) == (
        ["xgboost.core.Booster"],
        ["posix.system", "nowhere.Class", "builtins.eval"],
    )
    assert sort_types(["xgboost.core.Booster"], (), ["xgboost.core"])[0] == []
