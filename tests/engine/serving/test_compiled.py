"""A version with a compiled form: served by it, without the model's library, and by its pipeline where it may not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from engine.serving import artifact
from engine.serving.compiled.model import read, write
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.frames import conform
from engine.serving.predict import Predictor
from engine.serving.ranking import ItemFactors
from engine.training.compiling.program import program_of

ROW = {"nights": 5, "price": 80.0, "country": "ES"}
LIBRARIES = ("sklearn", "scipy", "pandas", "skops", "google/_upb", "pyarrow")


@pytest.fixture(scope="session")
def boosted(regression: Any) -> Any:
    """Trees, which need onnxruntime once compiled."""
    columns = make_column_transformer(
        ("passthrough", ["nights"]), (OneHotEncoder(handle_unknown="ignore"), ["country"])
    )
    columns.set_params(sparse_threshold=0.0)
    value = regression.frame["nights"] * 3.0 + (regression.frame["country"] == "ES")
    model = make_pipeline(columns, HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=3))
    return replace(regression, model=model.fit(regression.frame, value))


def with_compiled(folder: Callable[..., Path], fitted: Any, content: bytes = b"", **changes: Any) -> Path:
    content = content or program_of(fitted.model, fitted.signature).content
    told = {"file": "compiled.zip", "sha256": hashlib.sha256(content).hexdigest()}
    place = folder(fitted, compiled=told, **changes)
    (place / "compiled.zip").write_bytes(content)
    return place


def mapped(server: Any) -> str:
    """Return what the server process has opened of files, as the kernel tells it."""
    return Path(f"/proc/{server.process.pid}/maps").read_text()


@pytest.mark.parametrize("name", ["regression", "classification", "boosted"])
def test_it_answers_as_the_pipeline_and_loads_no_library_of_it(
    serve: Callable[..., Any], folder: Callable[..., Path], request: pytest.FixtureRequest, name: str
) -> None:
    fitted = request.getfixturevalue(name)
    server = serve(with_compiled(folder, fitted))
    assert server.said["state"] == "ready", server.said
    assert server.ask("GET", "/health/ready")[1]["served"] == "compiled"
    assert server.ask("GET", "/v2/models/rates")[1]["platform"] == "modeldeck_compiled"
    assert server.ask("POST", "/predict", [ROW] * 100)[0] == 200  # so many are asked in a thread of their own
    assert not [name for name in LIBRARIES if f"/{name}" in mapped(server)]
    status, answer, _ = server.ask("POST", "/predict", [ROW, {"nights": 2}])
    assert status == 200
    for found, wanted in zip(answer["predictions"], fitted.predictor().predict([ROW, {"nights": 2}]), strict=True):
        assert found.get("label") == wanted.get("label")
        for key in (key for key, value in wanted.items() if isinstance(value, float)):
            assert found[key] == pytest.approx(wanted[key], rel=1e-12)
    assert server.ask("POST", "/predict", [{"nights": "many"}])[0] == 422


def test_a_ranking_is_answered_from_its_arrays_alone(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    signature = Signature((Column("user", "string"),), output_columns("ranking"))
    frame = conform(pd.DataFrame({"user": [f"u{number}" for number in range(40)]}), signature)
    truth = [tuple(f"i{(number * step) % 30}" for step in range(1, 9)) for number in range(40)]
    fitted = replace(
        regression, task="ranking", signature=signature, frame=frame, model=ItemFactors(4).fit(frame, truth)
    )
    server = serve(with_compiled(folder, fitted, personal=["user"], time_column=None))
    assert server.said["state"] == "ready", server.said
    assert server.ask("GET", "/health/ready")[1]["served"] == "compiled"
    rows = [{"user": "u3"}, {"user": "nobody"}]
    answers = server.ask("POST", "/predict", rows)[1]["predictions"]
    assert [{name: one[name] for name in ("items", "scores")} for one in answers] == fitted.predictor().predict(rows)
    tensors = {"inputs": [{"name": "user", "datatype": "BYTES", "shape": [1], "data": ["u3"]}]}
    outputs = {one["name"]: one["data"] for one in server.ask("POST", "/v2/models/rates/infer", tensors)[1]["outputs"]}
    assert outputs["items"] == answers[0]["items"]
    assert not [name for name in LIBRARIES if f"/{name}" in mapped(server)]


def test_one_that_fails_its_golden_requests_here_gives_way_to_the_pipeline(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    wrong = {"blocks": [], "estimator": {"kind": "constant", "values": [1.0]}, "link": "identity"}
    server = serve(with_compiled(folder, regression, write(wrong)))
    assert server.said["state"] == "ready"
    assert server.ask("GET", "/health/ready")[1]["served"] == "pipeline"
    assert server.ask("POST", "/predict", [ROW])[1]["predictions"][0]["value"] == pytest.approx(16.0, abs=0.5)
    server.end()
    assert server.process.stderr.read().startswith("the pipeline serves instead of its compiled form: 5 of 5 golden")


def test_where_what_it_needs_is_not_installed_the_pipeline_serves(
    serve: Callable[..., Any], folder: Callable[..., Path], boosted: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "onnxruntime.py").write_text("raise ImportError('no', name='onnxruntime')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "absent"))
    server = serve(with_compiled(folder, boosted))
    assert (server.said["state"], server.ask("GET", "/health/ready")[1]["served"]) == ("ready", "pipeline")
    server.end()
    assert server.process.stderr.read() == (
        "onnxruntime is not installed: the pipeline serves instead of its compiled form\n"
    )


def test_a_changed_byte_of_it_is_refused(
    serve: Callable[..., Any], folder: Callable[..., Path], regression: Any
) -> None:
    place = with_compiled(folder, regression)
    content = bytearray((place / "compiled.zip").read_bytes())
    content[-30] ^= 1
    (place / "compiled.zip").write_bytes(content)
    server = serve(place)
    assert server.process.wait(30) == 1
    assert "compiled.zip is corrupt: sha256 is" in server.said["detail"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no zip", "cannot be read: BadZipFile"),
        (write({"form": 99}), "is of form 99, this server knows up to 2"),
        (write({"blocks": [{"kind": "spell"}], "estimator": {}, "link": "identity"}), "cannot be read: KeyError"),
    ],
    ids=["no zip", "a later form", "an unknown block"],
)
def test_what_is_no_compiled_model_is_one_clear_line(content: bytes, told: str) -> None:
    with pytest.raises(artifact.ArtifactError, match=told) as caught:
        read(content)
    assert "\n" not in caught.value.message


def test_trees_over_histograms_answer_where_there_is_null(boosted: Any) -> None:
    told = program_of(boosted.model, boosted.signature)
    short = Predictor.from_compiled(read(told.content), boosted.signature, "regression")
    assert np.isfinite(short.predict([{"nights": 5, "country": None}])[0]["value"])
