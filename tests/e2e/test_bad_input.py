"""What people get wrong and what machines do to us: one clear line each, nothing lost, the champion goes on serving."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_deck import MODEL, Tiny, make_tiny

pytestmark = pytest.mark.e2e

RAISES = "def load():\n    raise RuntimeError('no such table:\\n nights')\n"


@pytest.fixture
def steady(serving: Tiny) -> Iterator[Tiny]:
    """The serving deck; afterwards its files are whole again, its champion is the same and answers, events add up."""
    champion = serving.champion()
    yield serving
    serving.write_model()
    assert serving.champion() == champion
    assert len(serving("predict", "rates", str(serving.asked(5)), "--json").data) == 5
    serving.intact()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (MODEL.replace("[model]", "[model"), "models/rates.toml is not valid TOML"),
        (MODEL.replace("target =", "tarket ="), "tarket"),
        (MODEL.replace('"regression"', '"regresion"'), "regression"),
        (MODEL.replace('"60s"', '"soon"'), "soon"),
    ],
)
def test_a_broken_model_file(steady: Tiny, broken: str, told: str) -> None:
    steady.write_model(broken)
    for words in ("check", "apply", "train rates", "promote rates 1 --yes"):
        refusal = steady(*words.split()).refusal(2)
        assert "models/rates.toml" in refusal
        assert told in refusal
    assert steady("apply", "--json").error["code"] == "broken_settings"
    assert steady("models", "--json").data[0]["name"] == "rates"  # what is applied stands


def test_a_missing_source(steady: Tiny) -> None:
    steady.write_model(MODEL.replace("rates.csv", "nights.csv"))
    for words in ("check", "train rates"):
        refused = steady(*words.split())
        assert refused.code == 2
        assert "source nights.csv does not exist" in refused.err.splitlines()[-1]
        assert "correct [data] source" in refused.err.splitlines()[-1]
        assert "Traceback" not in refused.err


def test_a_target_that_is_no_column(steady: Tiny) -> None:
    steady.write_model(MODEL.replace('target = "price"', 'target = "prize"'))
    refusal = steady("train", "rates").refusal(2)
    assert "column 'prize' is not in rates.csv: did you mean 'price'?" in refusal


def test_an_estimator_that_the_task_cannot_have(steady: Tiny) -> None:
    jobs = len(steady("jobs", "--json").data)
    refusal = steady("train", "rates", "--estimator", "boosting").refusal(2)
    assert "estimator 'boosting' does not fit the task regression" in refusal
    assert 'a class such as "sklearn.linear_model.Ridge"' in refusal
    assert len(steady("jobs", "--json").data) == jobs


def test_a_source_that_raises(steady: Tiny) -> None:
    (steady.root / "nights.py").write_text(RAISES)
    steady.write_model(MODEL.replace('"rates.csv"', '"python:nights:load"'))
    refusal = steady("train", "rates").refusal(1)
    assert "python:nights:load raised RuntimeError: no such table: nights (line 2 of nights.py, in load)" in refusal
    run = steady("runs", "--json").data[0]
    assert run["state"] == "failed"
    assert "no such table" in run["reason"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("wrong.csv", b"a,b\n1,2\n", "row 1: unknown column 'a': the model knows night, rooms, season"),
        ("few.csv", b"night,rooms\n2024-05-01,2\n", "row 1: "),
        ("words.csv", b"night,rooms,season\n2024-05-01,many,low\n", "row 1: "),
        ("ragged.csv", b"night,rooms,season\n2024-05-01,2\n", "ragged.csv line 2"),
        ("torn.json", b'[{"rooms": 2', "torn.json line 1"),
        ("list.json", b"[1, 2]", "list.json is no list of records"),
        ("noise.csv", b"\xff\xfe\x00\x80" * 40, "noise.csv is not UTF-8 text"),
        ("empty.csv", b"", "empty.csv holds no rows"),
        ("no-such.csv", None, "no-such.csv cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_file_for_predict(steady: Tiny, name: str, content: bytes | None, told: str) -> None:
    if content is not None:
        (steady.root / name).write_bytes(content)
    assert told in steady("predict", "rates", name).refusal(2)
    assert steady("predict", "rates", name, "--json").error["code"] == "refused"


def test_a_row_of_a_long_file_is_named_by_its_place_in_it(steady: Tiny) -> None:
    """Though it is asked and delivered in pieces; the header is no row."""
    night = "2024-05-01,2,low"
    (steady.root / "long.csv").write_text(
        "\n".join(["night,rooms,season", *[night] * 1_049, "2024-05-01,many,low", night])
    )
    assert "rates: row 1050: column 'rooms'" in steady("predict", "rates", "long.csv").refusal(2)
    told = [f"nobody-{number},2" for number in range(10_003)] + ["nobody,many"]
    (steady.root / "told.csv").write_text("\n".join(["prediction_id,value", *told]))
    refusal = steady("outcomes", "rates", "told.csv").refusal(2)
    assert "outcome row 10004: value must be a number (the 10000 rows before were taken" in refusal


def test_a_wrong_file_for_outcomes(steady: Tiny) -> None:
    (steady.root / "told.csv").write_text("prediction,value\n1,2\n")
    assert "no prediction_id" in steady("outcomes", "rates", "told.csv").refusal(2)
    (steady.root / "told.csv").write_text("prediction_id,value\n1,2\n2,banana\n")
    assert "outcome row 2: value must be a number" in steady("outcomes", "rates", "told.csv").refusal(2)


def test_outcomes_of_unknown_predictions_are_named(steady: Tiny) -> None:
    (steady.root / "told.csv").write_text("prediction_id,value\nnobody,2\n")
    told = steady("outcomes", "rates", "told.csv")
    assert told.code == 0
    assert "no log knows prediction nobody;" in told.out + told.err


def test_a_corrupt_artifact(steady: Tiny) -> None:
    # Another estimator makes other bytes than those the champion is served from.
    job = steady("train", "rates", "--estimator", "sklearn.linear_model.Lasso", "--json").data
    version = job["result"]["version"]
    newest = steady("versions", "rates", "--json").data[0]
    assert newest["number"] == version
    hash = newest["artifact_hash"].removeprefix("sha256:")
    blob = steady.root / ".modeldeck" / "artifacts" / hash[:2] / hash[2:]
    whole = blob.read_bytes()
    blob.write_bytes(b"XX" + whole[2:])
    refusal = steady("promote", "rates", str(version), "--yes").refusal(1)
    assert f"artifact sha256:{hash} is corrupt" in refusal
    assert "restore" in refusal
    assert steady("releases", "--json").data[0]["state"] == "failed"
    blob.unlink()
    assert "is missing" in steady("promote", "rates", str(version), "--yes").refusal(1)
    blob.write_bytes(whole)


def test_a_port_in_use(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (tiny.root / "deck.toml").open("a") as file:
            file.write(f'\n[hosts.local]\nkind = "process"\nport = {port}\n')
        try:
            assert tiny("train", "rates").code == 0
            refusal = tiny("promote", "rates", "1", "--yes").refusal(1)
            assert f"port {port} on 127.0.0.1 cannot be listened on (address already in use)" in refusal
            assert "give the host another port in deck.toml" in refusal
            assert tiny.champion() is None
            taken.close()
            assert tiny("promote", "rates", "1", "--yes").code == 0
            assert tiny("endpoints", "--json").data[0]["addresses"] == {"local": f"http://127.0.0.1:{port}/rates"}
            tiny.intact()
        finally:
            tiny("daemon", "stop", "--all")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, 48 MB; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    tiny = make_tiny(small_disk)
    try:
        assert tiny("train", "rates").code == 0
        assert tiny("promote", "rates", "1", "--yes").code == 0
        ballast = fill(small_disk)
        said = tiny("train", "rates")
        assert "disk is full" in said.refusal(1)
        assert len(tiny("models", "--json").data) == 1
        ballast.unlink()
        assert tiny.champion() == 1
        assert len(tiny("predict", "rates", str(tiny.asked(5)), "--json").data) == 5
        assert tiny("train", "rates").code == 0
        tiny.intact()
    finally:
        tiny("daemon", "stop", "--all")


def test_a_read_only_disk(small_disk: Path) -> None:
    tiny = make_tiny(small_disk)
    assert tiny("apply").code == 0
    tiny.write_model(MODEL.replace("pricing", "yield"))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for words in ("apply", "train rates", "init fresh", "daemon start"):
        refusal = tiny(*words.split()).refusal(1)
        assert "read-only" in refusal.lower(), words
    assert tiny("models", "--json").data[0]["owner"] == "pricing"
    tiny.intact()
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert tiny("apply").code == 0
    assert tiny("models", "--json").data[0]["owner"] == "yield"


def fill(folder: Path) -> Path:
    """Write until nothing more fits."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return ballast
