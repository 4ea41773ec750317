"""The OpenAPI document covers every operation, and every reference in it leads somewhere."""

from __future__ import annotations

import dataclasses
import json

import pytest

from engine.operations.catalog import OPERATIONS
from engine.service.openapi import openapi


@pytest.fixture(scope="module", name="document")
def whole_document():
    """The document."""
    return openapi()


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_operation_has_its_path_and_no_other_is_there(document):
    assert set(document["paths"]) == {f"/v1/op/{operation}" for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_path_says_role_danger_and_every_field_of_the_request(document, operation):
    path = document["paths"][f"/v1/op/{operation.id}"]["post"]
    assert (path["operationId"], path["x-role"]) == (operation.id, operation.role.name.lower())
    assert (path["x-danger"], path["x-job"]) == (operation.danger.value, operation.job)
    request = document["components"]["schemas"][operation.request.__name__]
    assert list(request["properties"]) == [field.name for field in dataclasses.fields(operation.request)]


def test_every_reference_leads_to_a_schema(document):
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def test_schemas_of_one_name_are_one_class():
    classes = {}
    for operation in OPERATIONS.values():
        for kind in (operation.request, operation.answer):
            assert classes.setdefault(kind.__name__, kind) is kind


def test_document_is_plain_json_and_times_are_told_as_times(document):
    assert json.loads(json.dumps(document)) == document
    job = document["components"]["schemas"]["Job"]["properties"]
    assert job["requested_at"] == {"type": "string", "format": "date-time"}
