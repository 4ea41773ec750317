"""A server describes its model, and holds to what it describes: no request is a failure of ours."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from engine.serving.contract import Column, Signature
from engine.serving.description import example_of, openapi
from engine.serving.page import page


def document(server: Any) -> dict[str, Any]:
    status, told, _ = server.ask("GET", "/openapi.json")
    assert status == 200
    return dict(told)


def test_the_example_is_of_the_model_without_what_is_personal_and_is_answered(server: Any) -> None:
    told = document(server)
    assert told["info"]["title"] == "rates@3"
    row = told["components"]["schemas"]["Row"]
    assert (row["required"], row["additionalProperties"]) == (["nights"], False)
    assert row["properties"]["price"] == {"type": ["number", "null"]}
    assert "arrives" in row["properties"]  # the time column, which is kept with a row
    example = told["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert example["rows"][0]["country"] == "text"  # is personal
    assert example["rows"][0]["price"] != 1.5  # is a golden request's own
    status, answer, _ = server.ask("POST", "/predict", example)
    assert (status, len(answer["predictions"])) == (200, 1)
    infer = told["paths"]["/v2/models/rates/infer"]["post"]["requestBody"]["content"]["application/json"]["example"]
    status, other, _ = server.ask("POST", "/v2/models/rates/infer", infer)
    assert (status, other["outputs"][1]["data"]) == (200, [answer["predictions"][0]["score"]])


def test_everything_that_is_described_is_there(server: Any) -> None:
    for path, methods in document(server)["paths"].items():
        if "get" in methods:
            status, _, headers = server.ask("GET", path)
            assert status == 200
            assert headers["content-type"].split(";")[0] in methods["get"]["responses"]["200"]["content"]


class Links(HTMLParser):
    """Keeps what a page would load or lead to, and its code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("link", "img", "iframe", "object", "base")
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action")]


def test_the_page_shows_the_columns_and_loads_nothing(server: Any) -> None:
    status, text, headers = server.ask("GET", "/docs")
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    links = Links()
    links.feed(text)
    assert links.found == ["openapi.json"]  # relative: it leads right behind a router too
    assert not re.search(r"https?://|url\(|@import", text)
    for word in ("nights", "price", "country", "scores.kept", "may be null", "rates@3"):
        assert word in text


def test_names_from_the_model_are_text_on_the_page() -> None:
    signature = Signature((Column("<script>alert(1)</script>", "string"),), (Column("</textarea><b>", "double"),))
    example = example_of(signature, [{"<script>alert(1)</script>": "</textarea><script>'"}])
    text = page("m", 1, signature, example, ("<i>",)).decode()
    assert text.count("<script>") == 1
    assert text.count("</textarea>") == 1
    assert "<b>" not in text
    assert "<i>" not in text


def test_every_type_of_column_has_an_example_that_fits() -> None:
    from engine.serving.contract import TYPES, code_rows

    signature = Signature(tuple(Column(kind, kind) for kind in TYPES), (Column("value", "double"),))
    example = example_of(signature, [])
    assert list(code_rows([example], signature)) == list(TYPES)
    told = openapi("m", 1, signature, example, (), "0")
    assert set(told["components"]["schemas"]["Row"]["required"]) == set(TYPES)


CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


def ask(server: Any, cases: Any, checks: Any, seen: Counter[int]) -> None:
    """Ask 25 of these cases, by a fixed seed."""

    @seed(9)
    @settings(
        max_examples=25, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=cases)
    def one(case: Any) -> None:
        case.headers.pop("grpc-timeout", None)  # made by chance it is mostly over at once, and 504 is right
        answer = case.call(base_url=f"http://127.0.0.1:{server.port}", timeout=20)
        seen[answer.status_code] += 1
        case.validate_response(answer, checks=checks)

    one()


@pytest.mark.parametrize("form", ["regression", "classification"])
def test_requests_made_from_the_description_are_answered_as_described(
    serve: Callable[..., Any], folder: Callable[..., Path], request: pytest.FixtureRequest, form: str
) -> None:
    server = serve(folder(request.getfixturevalue(form)))
    schema = schemathesis.openapi.from_dict(document(server))
    seen: Counter[int] = Counter()
    for path, checks in (("/predict", (*CHECKS, positive_data_acceptance)), ("/v2/models/rates/infer", CHECKS)):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            ask(server, schema[path]["POST"].as_strategy(generation_mode=mode), checks, seen)
    assert seen[200] >= 25
    assert sum(seen[status] for status in (400, 422)) >= 25


@seed(9)
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["rows", "inputs", "name", "shape", "datatype", "data", "parameters", "nights", "id"])
                | st.text(max_size=5),
                inner,
                max_size=5,
            )
        ),
    ),
    path=st.sampled_from(["/predict", "/v2/models/rates/infer"]),
)
def test_any_json_is_answered_or_refused(server: Any, body: Any, path: str) -> None:
    content = json.dumps(body, ensure_ascii=True).encode()
    status, answer, _ = server.ask("POST", path, content)
    assert status in (200, 400, 413, 422), answer
    assert status == 200 or answer["error"]
