"""The V2 protocol in binary: a session of the real client, and bodies that are not what they say."""

from __future__ import annotations

import gzip
import json
import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from engine.serving import tensors
from engine.serving.contract import MAX_BODY, MAX_ROWS, InputError

ROWS = [
    {"nights": 5, "price": 80.0, "country": "ES"},
    {"nights": 1, "price": None, "country": "FR"},
    {"nights": 7, "price": 55.5, "country": "île"},
]
INFER = "/v2/models/rates/infer"
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture
def client(server: Any) -> Iterator[Any]:
    made = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    yield made
    made.close()


def given(binary: bool = True) -> list[Any]:
    """Return the rows as the client's own inputs."""
    inputs = [
        triton.InferInput("nights", [3], "INT64"),
        triton.InferInput("price", [3], "FP64"),
        triton.InferInput("country", [3, 1], "BYTES"),
    ]
    inputs[0].set_data_from_numpy(np.array([row["nights"] for row in ROWS]), binary_data=binary)
    prices = np.array([row["price"] or np.nan for row in ROWS])
    inputs[1].set_data_from_numpy(prices, binary_data=True)
    texts = np.array([[row["country"]] for row in ROWS], dtype=object)
    inputs[2].set_data_from_numpy(texts, binary_data=binary)
    return inputs


def wanted(server: Any) -> list[dict[str, Any]]:
    return server.ask("POST", "/predict", ROWS)[1]["predictions"]


def test_a_session_of_the_real_client(server: Any, client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("rates")
    assert client.is_model_ready("rates", "3")
    assert not client.is_model_ready("others")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    described = client.get_model_metadata("rates")
    assert [(one["name"], one["datatype"]) for one in described["inputs"]] == [
        ("nights", "INT64"), ("price", "FP64"), ("country", "BYTES"),
    ]  # fmt: skip
    found = client.infer("rates", given(), request_id="mine")
    expected = wanted(server)
    assert [label.decode() for label in found.as_numpy("label")] == [row["label"] for row in expected]
    for name in ("score", "scores.cancelled", "scores.kept"):
        assert found.as_numpy(name).tolist() == [row[name] for row in expected]
    told = found.get_response()
    assert (told["id"], told["model_name"], told["model_version"]) == ("mine", "rates", "3")
    assert told["outputs"][0]["parameters"]["binary_data_size"] == 3 * 4 + len("keptcancelledkept")
    lines = [line for line in server.lines() if line["request_id"] == told["parameters"]["request_id"]]
    assert [line["row"] for line in lines] == [0, 1, 2]
    assert [line["features"]["price"] for line in lines] == [80.0, None, 55.5]


def test_the_client_gets_the_outputs_it_asks_for_each_in_the_form_it_asks_for(server: Any, client: Any) -> None:
    outputs = [
        triton.InferRequestedOutput("score", binary_data=False),
        triton.InferRequestedOutput("label", binary_data=True),
    ]
    found = client.infer("rates", given(binary=False), model_version="3", outputs=outputs)
    told = found.get_response()["outputs"]
    assert [(one["name"], "data" in one) for one in told] == [("score", True), ("label", False)]
    assert found.as_numpy("score").tolist() == [row["score"] for row in wanted(server)]
    assert found.as_numpy("scores.kept") is None
    assert "id" not in found.get_response()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_the_client_may_compress_what_it_sends(server: Any, client: Any, coding: str) -> None:
    found = client.infer("rates", given(), request_compression_algorithm=coding, response_compression_algorithm=coding)
    assert found.as_numpy("score").tolist() == [row["score"] for row in wanted(server)]


def test_the_client_is_told_what_is_wrong_and_where(client: Any) -> None:
    inputs = given()
    inputs[0].set_data_from_numpy(np.array([5, 1, 7]))
    nights = triton.InferInput("nights", [3], "FP32")
    nights.set_data_from_numpy(np.array([5, np.nan, 7], dtype=np.float32))
    with pytest.raises(InferenceServerException, match="row 1: column 'nights' is null"):
        client.infer("rates", [nights, *inputs[1:]])
    with pytest.raises(InferenceServerException, match="outputs must name some of label"):
        client.infer("rates", inputs, outputs=[triton.InferRequestedOutput("odds")])
    with pytest.raises(InferenceServerException, match="classification is not offered"):
        client.infer("rates", inputs, outputs=[triton.InferRequestedOutput("label", class_count=2)])
    with pytest.raises(InferenceServerException, match="nothing at POST /v2/models/others/infer"):
        client.infer("others", inputs)


@pytest.mark.parametrize(
    "form",
    ["FP64", "FP32", "FP16", "BF16", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8"],
)
def test_numbers_of_every_datatype_mean_the_same(server: Any, form: str) -> None:
    made = np.array([5.0, 1.0], dtype=np.float32)
    content = (made.view("<u4") >> 16).astype("<u2") if form == "BF16" else made.astype(tensors._FORMS[form])
    status, answer, _ = send(server, [tensor("nights", form, [2], content.nbytes)], content.tobytes())
    assert status == 200
    pair = [{"nights": 5}, {"nights": 1}]
    expected = server.ask("POST", "/predict", pair)[1]["predictions"]
    assert answer["outputs"][1]["data"] == [row["score"] for row in expected]


def tensor(name: str, datatype: str, shape: Any, size: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}, **more}


def send(server: Any, inputs: Any, tail: bytes = b"", **changes: Any) -> tuple[int, Any, dict[str, str]]:
    told = json.dumps({"inputs": inputs, **changes.pop("more", {})}).encode()
    headers = {LENGTH: str(changes.pop("length", len(told))), **changes}
    return server.ask("POST", INFER, told + tail, headers)


def texts(*values: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


TWO = struct.pack("<2q", 5, 1)
NIGHTS = tensor("nights", "INT64", [2], 16)


@pytest.mark.parametrize(
    ("inputs", "tail", "words", "row", "column"),
    [
        ([NIGHTS], TWO[:15], "has 16 bytes of binary data, the body holds 15 more", None, "nights"),
        ([NIGHTS], TWO + b"x", "1 bytes follow the last tensor", None, None),
        ([tensor("nights", "INT64", [2], 15)], TWO[:15], "2 of INT64 are 16", None, "nights"),
        ([tensor("nights", "INT64", [2], -16)], TWO, "needs a binary_data_size", None, "nights"),
        ([tensor("nights", "INT64", [2], 2**60)], TWO, "the body holds 16 more", None, "nights"),
        ([tensor("nights", "INT64", [2], True)], TWO, "needs a binary_data_size", None, "nights"),
        ([tensor("nights", "INT64", [2], "16")], TWO, "needs a binary_data_size", None, "nights"),
        ([tensor("nights", "INT64", [2], 16, data=[5, 1])], TWO, "in JSON and in binary", None, "nights"),
        ([tensor("nights", "INT64", [2, 2**62], 16)], TWO, "a column is [n] or [n, 1]", None, "nights"),
        ([tensor("nights", "INT64", [-2], 16)], TWO, "a list of whole numbers", None, "nights"),
        ([NIGHTS, tensor("country", "BYTES", [2], 9)], TWO + texts(b"ES") + b"\xff\0\0", "row 1: ", 1, "country"),
        ([NIGHTS, tensor("country", "BYTES", [2], 10)], TWO + texts(b"ES") + b"\xff" * 4, "row 1: ", 1, "country"),
        ([NIGHTS, tensor("country", "BYTES", [2], 11)], TWO + texts(b"ES", b"") + b"x", "bytes after", None, "country"),
        ([NIGHTS, tensor("country", "BYTES", [2], 10)], TWO + texts(b"", b"\xc3\x28"), "is not UTF-8", 1, "country"),
        ([tensor("nights", "BYTES", [1], 5)], texts(b"5"), "cannot be BYTES", None, "nights"),
        ([tensor("nights", ["INT64"], [2], 16)], TWO, "unknown datatype", None, "nights"),
        ([{**NIGHTS, "parameters": {"shared_memory_region": "x"}}], b"", "shared memory", None, "nights"),
        ([{**NIGHTS, "parameters": [16]}], TWO, "must be an object", None, None),
        ("nights", TWO, "a list of tensors", None, None),
        ([{**NIGHTS, "datatype": "BF16", "data": [1, 2], "parameters": {}}], b"", "in binary only", None, "nights"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_what_it_says_is_refused_by_row_and_column(
    server: Any, inputs: Any, tail: bytes, words: str, row: int | None, column: str | None
) -> None:
    status, answer, _ = send(server, inputs, tail)
    assert status == 400, answer
    assert words in answer["error"]
    assert (answer.get("row"), answer.get("column"), answer["code"]) == (row, column, "bad_request")


def test_values_that_do_not_fit_are_refused_by_row_and_column(server: Any) -> None:
    inf = struct.pack("<2d", 1.0, float("inf"))
    status, answer, _ = send(server, [NIGHTS, tensor("price", "FP64", [2], 16)], TWO + inf)
    assert (status, answer["row"], answer["column"]) == (422, 1, "price")
    large = struct.pack("<2Q", 5, 2**64 - 1)
    status, answer, _ = send(server, [tensor("nights", "UINT64", [2], 16)], large)
    assert (status, answer["row"], answer["column"]) == (422, 1, "nights")
    with pytest.raises(InputError, match="row 2: input 'member' is neither 0 nor 1") as flagged:
        tensors.decode(memoryview(b"\0\1\2"), "BOOL", 3, "member")
    flag = flagged.value
    assert (flag.row, flag.column, flag.status) == (2, "member", 400)
    assert tensors.decode(memoryview(b"\0\1"), "BOOL", 2, "member") == [False, True]


def test_too_many_rows_are_refused_before_anything_is_read(server: Any) -> None:
    for count in (MAX_ROWS + 1, 2**63):
        assert send(server, [tensor("country", "BYTES", [count], 0)])[0] == 413


@pytest.mark.parametrize("length", ["x", "-1", "+5", "1e3", "99999999999999999999", "5", "0", ""])
def test_a_length_of_the_json_that_is_none_is_refused(server: Any, length: str) -> None:
    status, answer, _ = send(server, [NIGHTS], TWO, length=length)
    assert status == 400
    assert answer["error"]


@pytest.mark.parametrize("more", [{"id": 7}, {"id": {}}, {"parameters": {"timeout": "1"}}, {"parameters": 3},
                                  {"parameters": {"binary_data_output": 1}}, {"outputs": [{"name": []}]},
                                  {"outputs": "label"}, {"outputs": [{"name": "label", "parameters": 1}]}])  # fmt: skip
def test_a_request_with_wrong_words_is_refused(server: Any, more: dict[str, Any]) -> None:
    assert send(server, [NIGHTS], TWO, more=more)[0] == 400


def test_a_compressed_body_is_bounded_and_checked(server: Any) -> None:
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    assert server.ask("POST", "/predict", bomb, {"Content-Encoding": "gzip"})[0] == 413
    whole = gzip.compress(json.dumps(ROWS).encode())
    assert server.ask("POST", "/predict", whole, {"Content-Encoding": "GZIP"})[0] == 200
    for wrong in (whole[:-9], b"not", zlib.compress(b"[]")):
        status, answer, _ = server.ask("POST", "/predict", wrong, {"Content-Encoding": "gzip"})
        assert (status, answer["error"]["code"]) == (400, "bad_request")
    status, answer, _ = server.ask("POST", "/predict", whole, {"Content-Encoding": "br"})
    assert (status, answer["error"]["code"]) == (415, "unsupported_encoding")


def test_damaged_bodies_are_never_a_failure_of_ours(server: Any) -> None:
    """A thousand bodies with bytes changed, left out or put in, by a fixed seed."""
    chance = random.Random(9)
    told = json.dumps({"inputs": [NIGHTS, tensor("country", "BYTES", [2], 12)]}).encode()
    whole = told + TWO + texts(b"ES", b"FR")
    seen = set()
    for _ in range(1000):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            chance.choice((lambda b, p: b.__setitem__(p, chance.randrange(256)), lambda b, p: b.pop(p),
                           lambda b, p: b.insert(p, chance.randrange(256))))(body, place)  # fmt: skip
        status, answer, _ = server.ask("POST", INFER, bytes(body), {LENGTH: str(len(told))})
        assert status in (200, 400, 413, 422), answer
        seen.add(status)
    assert {400, 422} <= seen
