"""What a real server process answers."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any

import pytest

from engine.serving.contract import MAX_BODY, MAX_ROWS

ROW = {"nights": 5, "price": 80.0, "country": "ES"}


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


INFER = {
    "id": "mine",
    "inputs": [
        tensor("nights", "INT64", [5, 1]),
        tensor("price", "FP32", [80.0, None]),
        tensor("country", "BYTES", ["ES", "FR"], [2, 1]),
    ],
}


def test_predict_returns_records_with_ids_and_the_version(server: Any) -> None:
    status, answer, headers = server.ask("POST", "/predict", {"rows": [ROW, {**ROW, "nights": 1}]})
    assert status == 200
    assert (answer["model"], answer["version"]) == ("rates", 3)
    ids = [record.pop("prediction_id") for record in answer["predictions"]]
    assert ids == [f"{answer['request_id']}-0", f"{answer['request_id']}-1"]
    assert headers["x-modeldeck-request-id"] == answer["request_id"]
    assert headers["x-modeldeck-version"] == "rates@3"
    first = answer["predictions"][0]
    assert list(first) == ["label", "score", "scores.cancelled", "scores.kept"]
    assert (first["label"], answer["predictions"][1]["label"]) == ("kept", "cancelled")


def test_predict_takes_a_bare_list_too(server: Any) -> None:
    assert server.ask("POST", "/predict", [ROW])[0] == 200


def test_every_prediction_is_on_the_log_with_personal_columns_as_tokens(server: Any) -> None:
    headers = {"X-Modeldeck-Client-Id": "booking-77", "X-Modeldeck-Kind": "shadow"}
    row = {**ROW, "arrives": "2017-08-01T12:00:00"}
    _, answer, _ = server.ask("POST", "/predict", [row], headers)
    (line,) = [line for line in server.lines() if line["request_id"] == answer["request_id"]]
    (record,) = answer["predictions"]
    assert line["prediction_id"] == record["prediction_id"]
    assert line["outputs"] == {name: value for name, value in record.items() if name != "prediction_id"}
    assert (line["client_id"], line["kind"], line["row"], line["status"]) == ("booking-77", "shadow", 0, 200)
    assert (line["endpoint"], line["version"], line["deployment"], line["host"]) == ("rates", 3, "d1", "local")
    assert line["event_at"] == 1501581600000000  # noon in Madrid is ten in UTC
    assert line["features"]["price"] == 80.0
    assert line["features"]["country"] != "ES"
    assert len(line["features"]["country"]) == 32
    assert line["key_id"] == "k1"
    assert line["latency_us"] > 0


def test_a_request_id_of_the_router_is_kept_and_another_is_not(server: Any) -> None:
    ours = "019a0000000070008000000000000001"
    assert server.ask("POST", "/predict", [ROW], {"X-Modeldeck-Request-Id": ours})[1]["request_id"] == ours
    assert server.ask("POST", "/predict", [ROW], {"X-Modeldeck-Request-Id": "x; drop"})[1]["request_id"] != "x; drop"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{not json", 400, "not JSON"),
        ({"data": []}, 400, "list of rows"),
        ([], 400, "no rows"),
        ([7], 400, "row 0 must be an object"),
        ([ROW, {**ROW, "nights": "five"}], 422, "row 1: column 'nights'"),
        ([{**ROW, "night": 5}], 422, "did you mean 'nights'"),
        ([{"price": 1.0}], 422, "'nights' is missing"),
        ([ROW] * (MAX_ROWS + 1), 413, "at most"),
        (b" " * (MAX_BODY + 1), 413, "larger than"),
    ],
)
def test_wrong_input_is_refused_with_a_typed_error(server: Any, body: Any, status: int, words: str) -> None:
    found, answer, headers = server.ask("POST", "/predict", body)
    assert found == status
    assert words in answer["error"]["message"]
    refusals = [line for line in server.lines() if line["request_id"] == headers["x-modeldeck-request-id"]]
    assert [(line["status"], line["row"]) for line in refusals] == [(status, -1)]
    assert words in refusals[0]["error"]


def test_an_error_names_row_and_column(server: Any) -> None:
    error = server.ask("POST", "/predict", [ROW, {**ROW, "price": "x"}])[1]["error"]
    assert (error["code"], error["row"], error["column"]) == ("invalid_input", 1, "price")


def test_other_paths_and_methods_are_refused(server: Any) -> None:
    assert server.ask("GET", "/predict")[0] == 405
    assert server.ask("GET", "/nothing")[0] == 404
    assert server.ask("POST", "/v2/models/other/infer", INFER)[0] == 404
    assert server.ask("POST", "/v2/models/rates/versions/9/infer", INFER)[0] == 404


def test_many_rows_are_answered_in_order(server: Any) -> None:
    rows = [{**ROW, "nights": 1 + number % 7} for number in range(300)]
    records = server.ask("POST", "/predict", rows)[1]["predictions"]
    assert [record["prediction_id"].rpartition("-")[2] for record in records] == [str(n) for n in range(300)]
    assert {records[n]["score"] for n in (0, 7, 14)} == {records[0]["score"]}


def test_every_row_of_a_request_is_on_the_log_under_its_own_id(server: Any) -> None:
    rows = [{**ROW, "nights": 1 + number % 7} for number in range(120)]
    rows[3]["arrives"] = "2017-08-01T12:00:00"
    answer = server.ask("POST", "/predict", rows)[1]
    lines = [line for line in server.lines() if line["request_id"] == answer["request_id"]]
    assert [line["prediction_id"] for line in lines] == [one["prediction_id"] for one in answer["predictions"]]
    assert [line["features"]["nights"] for line in lines] == [row["nights"] for row in rows]
    assert [line["outputs"]["score"] for line in lines] == [one["score"] for one in answer["predictions"]]
    assert [line["row"] for line in lines if line["event_at"] == 1501581600000000] == [3]
    assert {line["status"] for line in lines} == {200}


def test_a_wrong_cell_among_many_is_named(server: Any) -> None:
    rows = [{**ROW, "nights": 1 + number % 7} for number in range(120)]
    rows[70]["price"] = "dear"
    status, told, _ = server.ask("POST", "/predict", rows)
    assert (status, told["error"]["row"], told["error"]["column"]) == (422, 70, "price")


def test_v2_health_and_metadata(server: Any) -> None:
    assert server.ask("GET", "/v2/health/live")[0] == 200
    assert server.ask("GET", "/v2/health/ready")[:2] == (200, {"ready": True})
    assert server.ask("GET", "/v2/models/rates/ready")[:2] == (200, {"name": "rates", "ready": True})
    assert server.ask("GET", "/v2/models/rates/versions/3/ready")[0] == 200
    for path in ("/v2", "/v2/"):
        assert sorted(server.ask("GET", path)[1]) == ["extensions", "name", "version"]
    for path in ("/v2/models/rates", "/v2/models/rates/versions/3"):
        told = server.ask("GET", path)[1]
        assert (told["name"], told["versions"], told["platform"]) == ("rates", ["3"], "modeldeck_skops")
        assert told["inputs"][2] == {"name": "country", "datatype": "BYTES", "shape": [-1]}
        assert [output["datatype"] for output in told["outputs"]] == ["BYTES", "FP64", "FP64", "FP64"]
    assert isinstance(server.ask("GET", "/v2/models/other")[1]["error"], str)


def test_v2_infer_answers_the_same_columns(server: Any) -> None:
    records = server.ask("POST", "/predict", [ROW, {"nights": 1, "country": "FR"}])[1]["predictions"]
    for path in ("/v2/models/rates/infer", "/v2/models/rates/versions/3/infer"):
        status, answer, _ = server.ask("POST", path, INFER)
        assert (status, answer["model_name"], answer["model_version"], answer["id"]) == (200, "rates", "3", "mine")
        assert answer["outputs"][0] == tensor("label", "BYTES", [record["label"] for record in records])
        assert answer["outputs"][1]["data"] == [record["score"] for record in records]
    assert any(line["request_id"] == answer["parameters"]["request_id"] for line in server.lines())


def test_v2_infer_returns_the_outputs_asked_for(server: Any) -> None:
    answer = server.ask("POST", "/v2/models/rates/infer", {**INFER, "outputs": [{"name": "score"}]})[1]
    assert [output["name"] for output in answer["outputs"]] == ["score"]
    without_id = {"inputs": INFER["inputs"]}
    assert "id" not in server.ask("POST", "/v2/models/rates/infer", without_id)[1]


@pytest.mark.parametrize(
    ("inputs", "status", "words"),
    [
        ([tensor("nights", "INT64", [1, 2], [3])], 400, "shape [3] but 2 values"),
        ([tensor("nights", "INT64", [1, 2], [1, 2])], 400, "a column is [n] or [n, 1]"),
        ([tensor("nights", "INT64", [1]), tensor("country", "BYTES", ["a", "b"])], 400, "2 rows, those before it 1"),
        ([tensor("nights", "BYTES", ["1"])], 400, "cannot be BYTES"),
        ([tensor("nights", "INT65", [1])], 400, "unknown datatype"),
        ([tensor("nights", "INT64", [1]), tensor("nights", "INT64", [1])], 400, "given twice"),
        ([tensor("nightz", "INT64", [1])], 422, "did you mean 'nights'"),
        ([tensor("country", "BYTES", ["ES"])], 422, "'nights' is missing"),
        ([{"shape": [1]}], 400, "must be a tensor with a name"),
        ([], 400, "a list of tensors"),
    ],
)
def test_v2_infer_refuses_wrong_tensors(server: Any, inputs: list[Any], status: int, words: str) -> None:
    found, answer, _ = server.ask("POST", "/v2/models/rates/infer", {"inputs": inputs})
    assert found == status
    assert words in answer["error"]


def test_v2_infer_refuses_an_output_the_model_has_not(server: Any) -> None:
    status, answer, _ = server.ask("POST", "/v2/models/rates/infer", {**INFER, "outputs": [{"name": "odds"}]})
    assert (status, "outputs must name some of label" in answer["error"]) == (400, True)


def test_metrics_are_prometheus_text(server: Any) -> None:
    server.ask("POST", "/predict", [ROW])
    status, text, headers = server.ask("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    label = 'model="rates",version="3",deployment="d1"'
    assert int(values[f'modeldeck_requests_total{{{label},status="200"}}']) >= 1
    assert values[f"modeldeck_ready{{{label}}}"] == "1"
    assert (
        values[f'modeldeck_request_seconds_bucket{{{label},le="+Inf"}}']
        == values[f"modeldeck_request_seconds_count{{{label}}}"]
    )


def test_requests_that_arrive_together_are_predicted_together(server: Any) -> None:
    def batches() -> tuple[int, int]:
        text = server.ask("GET", "/metrics")[1].splitlines()
        batch, rows = (
            next(int(line.rsplit(" ", 1)[1]) for line in text if line.startswith(name))
            for name in ("modeldeck_batches_total", "modeldeck_rows_total")
        )
        return batch, rows

    body = json.dumps([ROW]).encode()
    before = batches()
    with ExitStack() as open_links:
        links = [HTTPConnection("127.0.0.1", server.port, timeout=20) for _ in range(40)]
        for link in links:
            open_links.callback(link.close)
        for _ in range(3):
            server.process.send_signal(
                signal.SIGSTOP
            )  # else it answers each before the next is sent, or not: who knows
            for link in links:
                link.request("POST", "/predict", body)
            server.process.send_signal(signal.SIGCONT)
            for link in links:
                answer = link.getresponse()
                answer.read()
                assert answer.status == 200
    after = batches()
    assert after[1] - before[1] == 120
    assert after[0] - before[0] < 60


def test_a_server_counts_what_it_uses_and_whom_it_answered(server: Any) -> None:
    before = server.ask("GET", "/health/ready")[1]["used"]
    server.ask("POST", "/predict", [ROW] * 5)
    server.ask("POST", "/predict", [ROW], {"X-Modeldeck-Kind": "golden"})
    deadline = time.monotonic() + 20
    while (after := server.ask("GET", "/health/ready")[1]["used"])["gb_h"] <= before["gb_h"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert after["predictions"] == before["predictions"] + 5
    assert after["requests"] == before["requests"] + 2
    assert after["cpu_s"] >= before["cpu_s"] > 0
    hours = (after["up_s"] - before["up_s"] + 2.0) / 3600
    assert after["gb_h"] - before["gb_h"] < hours * 2.0  # it holds less than two GB
    assert "process_cpu_seconds_total{" in server.ask("GET", "/metrics")[1]
